"""DC alone and all but DC, each removed as a whole: results of a data set as labelled arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bandprobe.fourier.modes import Mode
from bandprobe.fourier.rounding import is_rounding
from bandprobe.interventions.outcome_store import read_outcomes
from bandprobe.interventions.part_store import PARTS, no_parts, outcomes_of_parts
from bandprobe.interventions.targets import INTERPOLATED
from bandprobe.scoring.fields import control_fields, mask_fields
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.outcomes import ModeOutcomes
from bandprobe.scoring.records import score_mode, undefined_records
from bandprobe.store.zarr_store import Store
from bandprobe.summary.interventions import interventions_dataset
from bandprobe.summary.tables import ENDS

DIMS = ("model", "layer", "readout", "mode", "part")


def parts_dataset(
    outcomes: Path, spectra: Path, axes: Mapping[str, Any], settings: IntervalSettings
) -> xr.Dataset:
    """Removals of DC alone and of all but DC along (model, layer, readout, mode, part).

    Scores, intervals, tests and corrections are those of `interventions_dataset`; the two parts of
    all layers, readouts and modes are a family of tests of their own. `flags` has the flags of each
    cell, with spaces between.

    Parameters
    ----------
    outcomes : Path
        Holds `<model>/<layer>/<readout>/<mode>.zarr`.
    spectra : Path
        Holds `<model>/<layer>.zarr`.
    axes : mapping
        `layers` (model to its layers), `readouts`, `modes`, those that remove, and `networks`.
    settings : IntervalSettings
    """
    records: list[dict[str, Any]] = []
    for model, layers in axes["layers"].items():
        for layer in layers:
            for readout, mode in product(axes["readouts"], axes["modes"]):
                path = outcomes / model / layer / readout / f"{mode}.zarr"
                names = {"model": model, "layer": layer, "readout": readout, "mode": mode}
                found = part_records(path, spectra / model / f"{layer}.zarr", settings)
                records += [{**names, **record} for record in found]
    of_parts = {name: axes[name] for name in ("layers", "readouts", "modes", "networks")}
    dataset = interventions_dataset(records, of_parts | {"bands": PARTS})
    # Random masks are controls of bands.
    absent = [*control_fields(), *(f"{n}_{end}" for n in control_fields() for end in ENDS)]
    dataset = dataset.drop_vars([*absent, *mask_fields()]).rename({"band": "part"})
    flags = np.full([dataset.sizes[dim] for dim in DIMS], "", object)
    for record in records:
        at = zip(DIMS, (*(record[dim] for dim in DIMS[:4]), record["band"]), strict=True)
        cell = tuple(dataset[dim].to_numpy().tolist().index(name) for dim, name in at)
        flags[cell] = " ".join(record["flags"])
    dataset["bins"].attrs["long_name"] = "full-plane bins in the part"
    return dataset.assign(flags=(DIMS, flags, {"long_name": "flags, with spaces between"}))


def part_records(path: Path, spectra: Path, settings: IntervalSettings) -> list[dict[str, Any]]:
    """The scores of both parts under one mode, as the fields of targets, `band` naming the part.

    Parameters
    ----------
    path : Path
        Outcomes of a readout under a mode that removes.
    spectra : Path
        Of the layer.
    settings : IntervalSettings
    """
    of_bands, _, attrs = read_outcomes(path)
    of_parts = outcomes_of_parts(Store(path), of_bands)
    if of_parts is None:
        return undefined_records(no_parts(of_bands), PARTS, settings)
    mode = Mode.from_spec(json.loads(attrs["mode"]))
    return score_mode(_held(of_parts, spectra), PARTS, path.parent.name, mode, settings)


def _held(outcomes: ModeOutcomes, spectra: Path) -> ModeOutcomes:
    """Outcomes that know which part holds rounding, or interpolation, alone.

    As `bandprobe.interventions.targets.what_bands_hold` says it of bands; rounding is spread evenly
    over the plane.
    """
    store = Store(spectra)
    energy, rest = (store.read(f"energy{which}").mean(0).sum() for which in ("", "_without_dc"))
    bins = store.read("bins")
    rounding = store.read("rounding_energy").mean(0).sum() * outcomes.bins / bins.sum()
    # NaN of a band without bins, and of all where the size of the images is not known.
    beyond = float(np.nansum(store.read("beyond_source") * bins)) / max(int(outcomes.bins[1]), 1)
    return replace(
        outcomes,
        below_rounding=is_rounding(np.array([energy - rest, rest]), rounding) & (outcomes.bins > 0),
        above_source=np.array([False, beyond >= INTERPOLATED]),
    )
