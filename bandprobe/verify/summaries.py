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
from bandprobe.interventions.outcome_store import read_outcomes
from bandprobe.scoring.intervals import Bootstrap
from bandprobe.scoring.records import score_mode, undefined_records
from bandprobe.store.digests import read_digest
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.summary.interventions import flag_table, interventions_dataset, read_records
from bandprobe.summary.probes import probes_dataset
from bandprobe.summary.shapley import shapley_dataset
from bandprobe.summary.spectra import diagonal_table, layer_spectrum, profile_table, spectra_dataset
from bandprobe.summary.tables import cells_table

# Of a number relative to itself. The same sums on another machine differ in their last digits.
SAME = 1e-9
Problems = list[str]


def target_problems(study: Study, dataset: str) -> Iterator[tuple[str, Problems]]:
    """Each target file of a data set, and how it differs from what its outcomes say."""
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
    source = Path(Paths.OUTCOMES.format(**_source(study, names)))
    try:
        records = _records(study, names, source)
        digest = read_digest(source) if study.is_defined(names["readout"], names["mode"]) else None
    except BandprobeError as error:
        reason = str(error).splitlines()[0]
        for path in paths.values():
            yield path, [f"cannot be computed again: {reason}"]
        return
    for record in records:
        path = paths[record["band"]]
        yield path, list(_record_problems(Path(path), {**names, **record}, digest))


def _source(study: Study, names: Mapping[str, str]) -> dict[str, str]:
    """The outcomes that a target follows from; without a result those of another mode."""
    if study.is_defined(names["readout"], names["mode"]):
        return dict(names)
    readout = names["readout"] if study.refit_modes else study.additive[0]
    mode = study.refit_modes[0] if study.refit_modes else next(iter(study.modes))
    return {**names, "readout": readout, "mode": mode}


def _records(study: Study, names: Mapping[str, str], source: Path) -> list[dict[str, Any]]:
    bootstrap = Bootstrap(**study.resolved["statistics"])
    found, bands, _ = read_outcomes(source)
    if not study.is_defined(names["readout"], names["mode"]):
        return undefined_records(found, bands, bootstrap)
    return score_mode(found, bands, names["readout"], study.modes[names["mode"]], bootstrap)


def _record_problems(path: Path, expected: Mapping[str, Any], digest: str | None) -> Iterator[str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        source = found["provenance"].get("outcomes_sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        return
    wrong = [name for name, value in expected.items() if not same(found.get(name), value)]
    if wrong:
        first = wrong[0]
        yield (
            f"does not follow from its outcomes: {', '.join(wrong)} "
            f"({first} is {found.get(first)}, computed {expected[first]})"
        )
    if source != digest:
        yield f"was made of other outcomes: {source}, now {digest}"


def same(found: Any, expected: Any) -> bool:
    """Whether two values out of JSON say the same, numbers up to rounding."""
    if isinstance(expected, list | tuple):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(map(same, found, expected))
        )
    if isinstance(expected, float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=SAME, abs_tol=SAME)
    return bool(found == expected)


def summary_problems(study: Study, dataset: str) -> Iterator[tuple[str, Problems]]:
    """Each table of a data set's summary, and how it differs from what it was made of."""
    folder = Path(f"results/{dataset}")
    statistics = study.resolved["statistics"]
    bootstrap = Bootstrap(**statistics)
    axes = study.axes(study.readouts, heads=True)

    def interventions() -> xr.Dataset:
        return interventions_dataset(read_records(folder / "targets", axes), axes)

    def spectra() -> xr.Dataset:
        return spectra_dataset(
            {
                (model, layer): layer_spectrum(
                    folder / "spectra" / model / f"{layer}.zarr", **statistics
                )
                for model, layer in study.layers()
            }
        )

    def probes() -> xr.Dataset:
        return probes_dataset(folder / "probes", study.axes(study.additive))

    def shapley() -> xr.Dataset:
        return shapley_dataset(folder / "shapley", study.axes(study.additive), bootstrap)

    curves = {"profiles": profile_table, "diagonal": diagonal_table}
    yield from _table_problems(dataset, "interventions", interventions, {})
    yield from _table_problems(dataset, "spectra", spectra, curves)
    if study.additive:
        yield from _table_problems(dataset, "probes", probes, {})
    if study.additive and study.shapley_fill != "none":
        yield from _table_problems(dataset, "shapley", shapley, {})
    path = Paths.FLAGS.format(dataset=dataset)
    yield path, _text_problems(path, lambda: flag_table(read_records(folder / "targets", axes)))


def _table_problems(
    dataset: str,
    table: str,
    make: Callable[[], xr.Dataset],
    curves: Mapping[str, Callable[[xr.Dataset], pd.DataFrame]],
) -> Iterator[tuple[str, Problems]]:
    """NetCDF against what it is made of; CSV against NetCDF."""
    path = Paths.SUMMARY.format(dataset=dataset, table=table)
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            stored = opened.load()
        problems = list(dataset_problems(stored, make()))
    except BandprobeError as error:
        yield path, [f"cannot be computed again: {str(error).splitlines()[0]}"]
        return
    except Exception as error:  # whatever HDF5 makes of rotten bytes
        yield path, [f"cannot be read: {' '.join(str(error).split())[:200]}"]
        return
    yield path, problems
    csv = Paths.TABLE.format(dataset=dataset, table=table)
    yield csv, _text_problems(csv, lambda: cells_table(stored))
    for name, curve in curves.items():
        csv = Paths.TABLE.format(dataset=dataset, table=f"{table}_{name}")
        yield csv, _text_problems(csv, lambda curve=curve: curve(stored))  # type: ignore[misc]


def dataset_problems(stored: xr.Dataset, expected: xr.Dataset) -> Iterator[str]:
    """How a stored data set differs from what it should hold."""
    names = {str(name) for name in expected.variables}
    if names != {str(name) for name in stored.variables}:
        differ = sorted(names ^ {str(name) for name in stored.variables})
        yield f"has other variables: {', '.join(differ)}"
    for name in sorted(names & {str(name) for name in stored.variables}):
        one, other = stored[name], expected[name]
        if one.dims != other.dims or one.shape != other.shape:
            yield f"{name} has the dimensions {dict(one.sizes)}, not {dict(other.sizes)}"
        elif other.dtype.kind in "fiub":
            far = ~np.isclose(one, other, rtol=SAME, atol=SAME, equal_nan=True)
            if far.any():
                yield f"{name} does not follow from what it is made of in {int(far.sum())} cells"
        elif one.to_numpy().astype(str).tolist() != other.to_numpy().astype(str).tolist():
            yield f"{name} has other labels"


def _text_problems(path: str, make: Callable[[], pd.DataFrame]) -> Problems:
    try:
        expected = make().to_csv(index=False)
        found = Path(path).read_text(encoding="utf-8")
    except BandprobeError as error:
        return [f"cannot be computed again: {str(error).splitlines()[0]}"]
    except (OSError, UnicodeDecodeError) as error:
        return [f"cannot be read: {' '.join(str(error).split())}"]
    if found == expected:
        return []
    pairs = zip(found.splitlines(), expected.splitlines(), strict=False)
    line = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), "the last")
    return [f"does not say what it is made of: line {line} differs"]
