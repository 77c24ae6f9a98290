"""Whether targets follow from stored outcomes, and summaries from targets and stores."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.errors import BandprobeError
from bandprobe.figures.gallery import has_blocks
from bandprobe.interventions.outcome_store import read_outcomes, read_untouched
from bandprobe.interventions.targets import what_bands_hold
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.records import score_mode, undefined_records
from bandprobe.store.digests import read_digest
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.study.within import inside, top
from bandprobe.summary.interactions import interaction_table
from bandprobe.summary.interventions import flag_table, interventions_dataset, read_records
from bandprobe.summary.planes import planes_dataset
from bandprobe.summary.probes import probes_dataset
from bandprobe.summary.replicates import replicates_dataset
from bandprobe.summary.shapley import shapley_dataset
from bandprobe.summary.spectra import diagonal_table, layer_spectrum, profile_table, spectra_dataset
from bandprobe.summary.tables import cells_table
from bandprobe.summary.transfer import transfer_dataset

# Relative tolerance. The same sums on another machine differ in their last digits.
SAME = 1e-9
Problems = list[str]


def target_problems(study: Study, dataset: str) -> Iterator[tuple[str, Problems]]:
    """Each target file of a data set, and how it differs from what follows from its outcomes."""
    layers: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    for target in [*study.targets(), *study.head_targets()]:
        if target.dataset == dataset:
            layer_modes = layers.setdefault((target.model, target.layer), {})
            layer_modes.setdefault(target.readout, {})[target.mode] = None
    for (model, layer), readouts in layers.items():
        for readout, modes in readouts.items():
            names = {"dataset": dataset, "model": model, "layer": layer, "readout": readout}
            for mode in modes:
                yield from _mode_problems(study, {**names, "mode": mode})


def _mode_problems(study: Study, names: dict[str, str]) -> Iterator[tuple[str, Problems]]:
    paths = {band: Paths.TARGET.format(**names, band=band) for band in study.bands.names}
    try:
        records, digest = _records(study, names)
    except BandprobeError as error:
        reason = str(error).splitlines()[0]
        for path in paths.values():
            yield path, [f"cannot be computed again: {reason}"]
        return
    for record in records:
        path = paths[record["band"]]
        yield path, list(_record_problems(Path(path), {**names, **record}, digest))


def _records(study: Study, names: Mapping[str, str]) -> tuple[list[dict[str, Any]], str | None]:
    """Records of a mode, and the digest of the outcomes that they are made from, if any."""
    settings = IntervalSettings(**study.resolved["statistics"])
    if study.is_defined(names["readout"], names["mode"]):
        source = Path(Paths.OUTCOMES.format(**names))
        outcomes, bands, _ = read_outcomes(source)
        mode = study.modes[names["mode"]]
        if names["readout"] in study.readouts:
            outcomes = what_bands_hold(Path(Paths.SPECTRA.format(**names))).of(outcomes)
        records = score_mode(outcomes, bands, names["readout"], mode, settings)
        return records, read_digest(source)
    # Untouched maps have the same scores under all modes of the readout.
    if study.refit_modes:
        other = {**names, "mode": study.refit_modes[0]}
        outcomes, bands, _ = read_outcomes(Path(Paths.OUTCOMES.format(**other)))
    else:
        outcomes, bands, _ = read_untouched(Path(Paths.PROBE.format(**names)))
    return undefined_records(outcomes, bands, settings), None


def _record_problems(path: Path, expected: Mapping[str, Any], digest: str | None) -> Iterator[str]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        source = record["provenance"].get("outcomes_sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        return
    wrong = [name for name, value in expected.items() if not same(record.get(name), value)]
    if wrong:
        first = wrong[0]
        yield (
            f"does not follow from its outcomes: {', '.join(wrong)} "
            f"({first} is {record.get(first)}, computed {expected[first]})"
        )
    if source != digest:
        yield f"was made from other outcomes: {source}, now {digest}"


def same(stored: Any, expected: Any) -> bool:
    """Whether two values from JSON are equal, numbers up to rounding."""
    if isinstance(expected, list | tuple):
        return (
            isinstance(stored, list)
            and len(stored) == len(expected)
            and all(map(same, stored, expected))
        )
    if isinstance(expected, float) and isinstance(stored, int | float):
        return math.isclose(stored, expected, rel_tol=SAME, abs_tol=SAME)
    return bool(stored == expected)


def summary_problems(study: Study, dataset: str) -> Iterator[tuple[str, Problems]]:
    """Each summary of a data set, and how it differs from what follows from its sources."""
    folder = Path(Paths.CONFIG.format(dataset=dataset)).parent
    targets = top(folder, Paths.TARGET)
    settings = IntervalSettings(**study.resolved["statistics"])
    axes = study.axes(study.readouts, heads=True)

    def interventions() -> xr.Dataset:
        return interventions_dataset(read_records(targets, axes), axes)

    def spectra() -> xr.Dataset:
        return spectra_dataset(
            {
                (model, layer): layer_spectrum(
                    inside(folder, Paths.SPECTRA, model=model, layer=layer), settings
                )
                for model, layer in study.layers()
            }
        )

    def planes() -> xr.Dataset:
        return planes_dataset(top(folder, Paths.SPECTRA), axes["layers"], settings)

    def transfer() -> xr.Dataset:
        return transfer_dataset(top(folder, Paths.SPECTRA), axes["layers"], settings)

    def probes() -> xr.Dataset:
        return probes_dataset(top(folder, Paths.PROBE), study.axes(study.additive))

    def shapley() -> xr.Dataset:
        return shapley_dataset(top(folder, Paths.SHAPLEY), study.axes(study.additive), settings)

    def replicates() -> xr.Dataset:
        own = study.axes(study.replicates.readouts if study.replicates else ())
        own["modes"] = study.replicates.modes if study.replicates else ()
        path = Paths.SUMMARY.format(dataset=dataset, table="interventions")
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            return replicates_dataset(top(folder, Paths.REPLICATES), own, settings, opened.load())

    curves = {"profiles": profile_table, "diagonal": diagonal_table}
    yield from _table_problems(dataset, "interventions", interventions, {})
    yield from _table_problems(dataset, "spectra", spectra, curves)
    yield from _table_problems(dataset, "planes", planes, {})
    if has_blocks(study):
        yield from _table_problems(dataset, "transfer", transfer, {})
    if study.additive:
        yield from _table_problems(dataset, "probes", probes, {})
    if study.additive and study.shapley_fill != "none":
        pairs = {"interactions": interaction_table}
        yield from _table_problems(dataset, "shapley", shapley, pairs)
    if study.replicates:
        yield from _table_problems(dataset, "replicates", replicates, {})
    path = Paths.FLAGS.format(dataset=dataset)
    yield path, _text_problems(path, lambda: flag_table(read_records(targets, axes)))


def _table_problems(
    dataset: str,
    table: str,
    make: Callable[[], xr.Dataset],
    curves: Mapping[str, Callable[[xr.Dataset], pd.DataFrame]],
) -> Iterator[tuple[str, Problems]]:
    """NetCDF compared with its sources, and CSV compared with NetCDF."""
    path = Paths.SUMMARY.format(dataset=dataset, table=table)
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            stored = opened.load()
        problems = list(dataset_problems(stored, make()))
    except BandprobeError as error:
        yield path, [f"cannot be computed again: {str(error).splitlines()[0]}"]
        return
    except Exception as error:  # HDF5 raises errors of many kinds on damaged bytes
        yield path, [f"cannot be read: {' '.join(str(error).split())[:200]}"]
        return
    yield path, problems
    csv = Paths.TABLE.format(dataset=dataset, table=table)
    yield csv, _text_problems(csv, lambda: cells_table(stored))
    for name, curve in curves.items():
        csv = Paths.TABLE.format(dataset=dataset, table=f"{table}_{name}")
        yield csv, _text_problems(csv, lambda curve=curve: curve(stored))  # type: ignore[misc]


def dataset_problems(stored: xr.Dataset, expected: xr.Dataset) -> Iterator[str]:
    """How a stored data set differs from what it should contain."""
    names = {str(name) for name in expected.variables}
    if names != {str(name) for name in stored.variables}:
        differ = sorted(names ^ {str(name) for name in stored.variables})
        yield f"has other variables: {', '.join(differ)}"
    for name in sorted(names & {str(name) for name in stored.variables}):
        values, right = stored[name], expected[name]
        if values.dims != right.dims or values.shape != right.shape:
            yield f"{name} has the dimensions {dict(values.sizes)}, not {dict(right.sizes)}"
        elif right.dtype.kind in "fiub":
            far = ~np.isclose(values, right, rtol=SAME, atol=SAME, equal_nan=True)
            if far.any():
                yield f"{name} does not follow from its sources in {int(far.sum())} cells"
        elif values.to_numpy().astype(str).tolist() != right.to_numpy().astype(str).tolist():
            yield f"{name} has other labels"


def _text_problems(path: str, make: Callable[[], pd.DataFrame]) -> Problems:
    try:
        expected = make().to_csv(index=False)
        text = Path(path).read_text(encoding="utf-8")
    except BandprobeError as error:
        return [f"cannot be computed again: {str(error).splitlines()[0]}"]
    except (OSError, UnicodeDecodeError) as error:
        return [f"cannot be read: {' '.join(str(error).split())}"]
    if text == expected:
        return []
    pairs = zip(text.splitlines(), expected.splitlines(), strict=False)
    line = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), "the last")
    return [f"does not follow from its source: line {line} differs"]
