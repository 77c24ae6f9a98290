"""Everything that one layer's band logits and refitted readouts give without any map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bandprobe.fourier.modes import Mode
from bandprobe.interventions.additive import write_additive, write_refitted
from bandprobe.interventions.outcome_store import read_band_logits
from bandprobe.interventions.part_store import read_dc
from bandprobe.interventions.shapley import write_shapley
from bandprobe.store.zarr_store import Store


def write_linear_modes(
    outputs: Sequence[Path],
    logits: Sequence[Path],
    modes: Sequence[Mode],
    *,
    refit: Path | None = None,
    refit_outputs: Mapping[str, Path],
    fill: str = "none",
    shapley_outputs: Sequence[Path] = (),
    code: str,
) -> None:
    """Write the outcomes of all modes that are linear in the map, and Shapley values.

    Parameters
    ----------
    outputs : sequence of Path
        A store for each readout and mode; those of a readout follow each other.
    logits : sequence of Path
        Band logits, one store per readout.
    modes : sequence of Mode
    refit : Path, optional
        The store of the refitted readouts.
    refit_outputs : mapping of str to Path
        The store of each mode that they were refitted for.
    fill : {"zero", "mean", "none"}
        Of the Shapley values; with "none" there are none.
    shapley_outputs : sequence of Path
        Their stores, one per readout.
    code : str
        Digest of the code, for the provenance.
    """
    for number, path in enumerate(logits):
        split = read_band_logits(path)
        of_readout = outputs[number * len(modes) : (number + 1) * len(modes)]
        write_additive(of_readout, split, modes, read_dc(Store(path)), code=code)
        if fill != "none":
            write_shapley(shapley_outputs[number], split, fill, code=code)
    if refit is not None:
        write_refitted(refit_outputs, refit, modes, code=code)
