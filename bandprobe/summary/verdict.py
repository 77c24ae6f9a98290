"""The answer of a study: what each network's layers hold, and what is used.

From the summaries alone, with no threshold of its own: a band counts as used only if the test,
corrected in levels, passes, the interval of the drop lies above zero, and random masks cost less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.fourier.modes import Mode, removals
from bandprobe.scoring.flags import DISAGREE, NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import CONTROLS

# What each can see is in the glossary.
READERS = {"pattern": "the pattern (the map without DC)", "map": "the complete map"}
# What is known of a band of a layer.
USED = "used"
LIKE_CONTROLS = "like controls"
NOT_SHOWN = "not shown"
FIXED = "fixed"
ABSENT = "N/A"
AT_CHANCE = "at chance"
FIELDS = (
    *(f"top1_drop{end}" for end in ("", "_low", "_high")),
    *(f"{name}_top1_drop_excess_{end}" for name in CONTROLS for end in ("low", "high")),
    *("structural", "p_levels", "clean_top1"),
)


@dataclass(frozen=True)
class Cell:
    """What a reader loses without one band of one layer.

    Attributes
    ----------
    layer, band : str
    state : str
        One of the constants of this module.
    drop, low, high, clean : float
        Drop of top-1 accuracy with its interval, and accuracy on untouched maps.
    exceeds : tuple of str
        The controls whose random masks cost less, by an interval that lies above zero.
    controlled : bool
        Whether any control says something: of DC alone, none does.
    """

    layer: str
    band: str
    state: str
    drop: float
    low: float
    high: float
    clean: float
    exceeds: tuple[str, ...]
    controlled: bool


@dataclass(frozen=True)
class Shares:
    """Shares of a layer's energy without DC, one for each band; NaN where it has no bin but DC."""

    layer: str
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class ModelVerdict:
    """What is known of one network.

    Attributes
    ----------
    model : str
    held : tuple of Shares
        By layer, in the order of the study.
    used : mapping of str to tuple of Cell
        By reader; layer by layer, each with all bands.
    """

    model: str
    held: tuple[Shares, ...]
    used: Mapping[str, tuple[Cell, ...]]

    @property
    def at_chance(self) -> bool:
        """Whether no reader of any layer is better than chance."""
        cells = [cell for of_reader in self.used.values() for cell in of_reader]
        with_values = [cell for cell in cells if cell.state not in (ABSENT, FIXED)]
        return bool(with_values) and all(cell.state == AT_CHANCE for cell in with_values)


@dataclass(frozen=True)
class StudyVerdict:
    """What is known of all networks of a study, and how it was found.

    Attributes
    ----------
    models : tuple of ModelVerdict
        In the order of the study.
    bands : tuple of str
    mode : str or None
        By which bands are removed; None: the study has no such mode, and nothing is known of use.
    level : float
        Of the intervals.
    """

    models: tuple[ModelVerdict, ...]
    bands: tuple[str, ...]
    mode: str | None
    level: float

    @property
    def at_chance(self) -> bool:
        """Whether nothing in the study is better than chance."""
        return bool(self.models) and all(one.at_chance for one in self.models)

    @property
    def readers(self) -> list[str]:
        """Readers of which anything is known."""
        return [reader for reader in READERS if any(reader in one.used for one in self.models)]

    @property
    def largest_share(self) -> float:
        """The largest share of the energy of a layer; 0 if there is none."""
        shares = [np.nanmax(one.values, initial=0.0) for v in self.models for one in v.held]
        return float(max(shares, default=0.0))

    @property
    def largest_drop(self) -> float:
        """The largest drop of those that pass the test; 1 if none does."""
        drops = [
            cell.drop
            for one in self.models
            for cells in one.used.values()
            for cell in cells
            if cell.state in (USED, LIKE_CONTROLS)
        ]
        return max(drops, default=1.0)


def study_verdict(
    interventions: xr.Dataset,
    spectra: xr.Dataset,
    flags: pd.DataFrame,
    mode: str | None,
    level: float,
    models: Sequence[str] | None = None,
) -> StudyVerdict:
    """What is known of some networks of a study, or of all; arguments as of `verdicts`."""
    layers = json.loads(interventions.attrs["layers"])
    chosen = {name: layers[name] for name in (models or layers)}
    found = verdicts(interventions, spectra, flags, chosen, mode, level)
    bands = tuple(map(str, interventions["band"].to_numpy()))
    return StudyVerdict(tuple(found), bands, mode, level)


def removal_mode(modes: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The mode whose effects are those of a band's loss, from a configuration; None if none is."""
    return next(
        iter(removals(Mode.from_spec({**modes[name], "name": name}) for name in modes)), None
    )


def verdicts(
    interventions: xr.Dataset,
    spectra: xr.Dataset,
    flags: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    mode: str | None,
    level: float,
) -> list[ModelVerdict]:
    """What is known of each network, in the order of the study.

    Parameters
    ----------
    interventions, spectra : xr.Dataset
        Summaries of all targets, and of the layers' energies.
    flags : pd.DataFrame
        One row per flag, with the names along all axes.
    layers : mapping
        Of each model.
    mode : str or None
        As of `removal_mode`; None: nothing is known of what is used.
    level : float
        Of the intervals; the test is at one minus it.
    """
    known = interventions["readout"].to_numpy()
    used = {
        reader: cells_of(interventions, flags, layers, reader, mode, level)
        for reader in READERS
        if reader in known and mode is not None
    }
    return [
        ModelVerdict(
            model,
            tuple(_shares(spectra, model, name) for name in names),
            {reader: cells[model] for reader, cells in used.items()},
        )
        for model, names in layers.items()
    ]


def cells_of(
    interventions: xr.Dataset,
    flags: pd.DataFrame,
    layers: Mapping[str, Sequence[str]],
    readout: str,
    mode: str,
    level: float,
) -> dict[str, tuple[Cell, ...]]:
    """What is known of each band of each layer by a readout under a mode, by model.

    Layer by layer, each with all bands; arguments otherwise as of `verdicts`.
    """
    fields = [name for name in FIELDS if name in interventions]
    targets = (
        interventions[fields]
        .sel(readout=readout, mode=mode)
        .to_dataframe(dim_order=["model", "layer", "band"])
        .to_dict("index")
    )
    warned = flags[
        flags["flag"].isin([NO_BETTER_THAN_CHANCE, DISAGREE])
        & (flags["readout"] == readout)
        & (flags["mode"] == mode)
    ]
    flagged: dict[tuple[str, ...], set[str]] = {}
    for *key, flag in zip(
        *(warned[axis].astype(str) for axis in ("model", "layer", "band")),
        warned["flag"],
        strict=True,
    ):
        flagged.setdefault(tuple(key), set()).add(str(flag))
    bands = list(map(str, interventions["band"].to_numpy()))
    return {
        model: tuple(
            _cell(
                targets[model, layer, band],
                layer,
                band,
                flagged.get((model, layer, band), set()),
                1 - level,
            )
            for layer, band in product(names, bands)
        )
        for model, names in layers.items()
    }


def _shares(spectra: xr.Dataset, model: str, layer: str) -> Shares:
    part = spectra.sel(model=model, layer=layer)
    exists = part["bins_without_dc"].to_numpy() > 0
    ends = (
        np.where(exists, part[f"share_without_dc{end}"].to_numpy(), np.nan)
        for end in ("", "_low", "_high")
    )
    values, low, high = (tuple(map(float, column)) for column in ends)
    return Shares(layer, values, low, high)


def _cell(target: Mapping[Any, Any], layer: str, band: str, flags: set[str], alpha: float) -> Cell:
    drop, low, high = (float(target[f"top1_drop{end}"]) for end in ("", "_low", "_high"))
    exceeds, controlled = [], False
    for control in CONTROLS:
        field = f"{control}_top1_drop_excess"
        if f"{field}_low" not in target:
            continue
        more, most = float(target[f"{field}_low"]), float(target[f"{field}_high"])
        # The masks of a control that changes just what the band has differ by nothing.
        if np.isfinite(more) and not more == most == 0:
            controlled = True
            if more > 0:
                exceeds.append(control)
    return Cell(
        layer=layer,
        band=band,
        state=_state(target, flags, alpha, exceeds=bool(exceeds), controlled=controlled),
        drop=drop,
        low=low,
        high=high,
        clean=float(target["clean_top1"]),
        exceeds=tuple(exceeds),
        controlled=controlled,
    )


def _state(
    target: Mapping[Any, Any], flags: set[str], alpha: float, *, exceeds: bool, controlled: bool
) -> str:
    if not np.isfinite(float(target["top1_drop"])):
        return ABSENT
    if float(target["structural"]) == 1:
        return FIXED
    if NO_BETTER_THAN_CHANCE in flags:
        return AT_CHANCE
    passes = float(target["p_levels"]) < alpha and float(target["top1_drop_low"]) > 0
    if not passes or DISAGREE in flags:
        return NOT_SHOWN
    return USED if exceeds or not controlled else LIKE_CONTROLS
