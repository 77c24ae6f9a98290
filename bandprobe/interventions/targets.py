"""One file per target: the scores, intervals, tests and flags of a band under a mode."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bandprobe.base.arrays import MaskArray
from bandprobe.base.files import write_json
from bandprobe.errors import StoreError
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.rounding import is_rounding
from bandprobe.interventions.outcome_store import read_outcomes, read_untouched
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.outcomes import ModeOutcomes
from bandprobe.scoring.records import score_mode, undefined_records
from bandprobe.store.digests import read_digest
from bandprobe.store.provenance import provenance, stated
from bandprobe.store.zarr_store import Store

# A band with at least this share of its bins above the Nyquist frequency of the images before they
# were resized is said to hold interpolation.
INTERPOLATED = 0.25


class Held(NamedTuple):
    """Bands that hold rounding, or interpolation, alone, or a part; each of shape (n_bands,)."""

    below_rounding: MaskArray
    above_source: MaskArray
    cut: MaskArray | None = None

    def of(self, outcomes: ModeOutcomes) -> ModeOutcomes:
        """Outcomes that know it."""
        return replace(
            outcomes,
            below_rounding=self.below_rounding,
            above_source=self.above_source,
            cut=self.cut,
        )


def write_targets(
    folder: Path,
    outcomes: Sequence[Path],
    undefined: Sequence[str],
    axes: Mapping[str, str],
    settings: IntervalSettings,
    *,
    spectra: Path | None = None,
    refit: Path | None = None,
    code: str,
) -> None:
    """Score the outcomes of a layer, and write its targets, `<readout>/<mode>/<band>.json`.

    Parameters
    ----------
    folder : Path
        Of the layer.
    outcomes : sequence of Path
        Stores `<readout>/<mode>.zarr`.
    undefined : sequence of str
        `<readout>/<mode>` that have no result; each gets targets that say so.
    axes : mapping
        Names of data set, model and layer.
    settings : IntervalSettings
    spectra : Path, optional
        The store of the layer's spectra, which tells bands that hold nothing but rounding, or
        nothing of the images but interpolation.
    refit : Path, optional
        The store of the refitted readouts; needed if they have no outcomes under any mode.
    code : str
        Digest of the code, for the provenance.

    Raises
    ------
    StoreError
        If nothing says how a readout without a result scores untouched maps.
    """
    held = None if spectra is None else what_bands_hold(spectra)
    for path in outcomes:
        _write_scored(folder, path, axes, settings, held, code)
    by_readout = {path.parent.name: path for path in outcomes}
    for name in undefined:
        readout, mode = name.split("/")
        # Untouched maps have the same scores under all modes of a readout.
        if readout in by_readout:
            untouched = read_outcomes(by_readout[readout])
        elif readout == "refit" and refit is not None:
            untouched = read_untouched(refit)
        else:
            raise StoreError(f"nothing says how {readout} scores untouched maps", found=name)
        names = {**axes, "readout": readout, "mode": mode}
        _write_undefined(folder, untouched, names, settings, code)


def what_bands_hold(spectra: Path) -> Held:
    """Which bands need caution, from the store of a layer's spectra."""
    store = Store(spectra)
    energy, rounding = store.read("energy").mean(0), store.read("rounding_energy").mean(0)
    return Held(
        is_rounding(energy, rounding) & (store.read("bins") > 0),
        store.read("beyond_source") >= INTERPOLATED,
        store.read("cut_by_nyquist") if "cut_by_nyquist" in store else None,
    )


def _write_scored(
    folder: Path,
    path: Path,
    axes: Mapping[str, str],
    settings: IntervalSettings,
    held: Held | None,
    code: str,
) -> None:
    mode_outcomes, bands, attrs = read_outcomes(path)
    if held is not None:
        mode_outcomes = held.of(mode_outcomes)
    readout, mode = path.parent.name, Mode.from_spec(json.loads(attrs["mode"]))
    source = provenance(
        code,
        stated(settings),
        weights_sha256=attrs["weights_sha256"],
        mode=attrs["mode"],
        outcomes_sha256=read_digest(path),
    )
    records = score_mode(mode_outcomes, bands, readout, mode, settings)
    _write_records(folder, records, {**axes, "readout": readout, "mode": mode.name}, source)


def _write_undefined(
    folder: Path,
    untouched: tuple[ModeOutcomes, tuple[str, ...], Mapping[str, Any]],
    axes: Mapping[str, str],
    settings: IntervalSettings,
    code: str,
) -> None:
    mode_outcomes, bands, attrs = untouched
    source = provenance(code, stated(settings), weights_sha256=attrs["weights_sha256"])
    _write_records(folder, undefined_records(mode_outcomes, bands, settings), axes, source)


def _write_records(
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    axes: Mapping[str, str],
    source: Mapping[str, str],
) -> None:
    for record in records:
        path = folder / axes["readout"] / axes["mode"] / f"{record['band']}.json"
        write_json(path, {**axes, **record, "provenance": source})
