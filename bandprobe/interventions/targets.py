"""One file per target: the scores, intervals, tests and flags of a band under a mode."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
        The store of the layer's spectra, which tells bands that hold nothing but rounding.
    refit : Path, optional
        The store of the refitted readouts; needed if they have no outcomes under any mode.
    code : str
        Digest of the code, for the provenance.

    Raises
    ------
    StoreError
        If nothing says how a readout without a result scores untouched maps.
    """
    rounding = None if spectra is None else below_rounding(spectra)
    for path in outcomes:
        _write_scored(folder, path, axes, settings, rounding, code)
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


def below_rounding(spectra: Path) -> MaskArray:
    """Bands of a layer that hold rounding, shape (n_bands,), from the store of its spectra."""
    store = Store(spectra)
    energy, rounding = store.read("energy").mean(0), store.read("rounding_energy").mean(0)
    return is_rounding(energy, rounding) & (store.read("bins") > 0)


def _write_scored(
    folder: Path,
    path: Path,
    axes: Mapping[str, str],
    settings: IntervalSettings,
    rounding: MaskArray | None,
    code: str,
) -> None:
    mode_outcomes, bands, attrs = read_outcomes(path)
    mode_outcomes = replace(mode_outcomes, below_rounding=rounding)
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
