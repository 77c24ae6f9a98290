"""The answer of a study in a few sentences: what each network's layers hold, and what is used.

From the summaries alone, with no threshold of its own: a band counts as used only if the test,
corrected in levels, passes, the interval of the drop lies above zero, and random masks cost less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.fourier.modes import Mode, removals
from bandprobe.scoring.flags import DISAGREE, NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import AXES, CONTROLS

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
MASKS = "random masks "
# Effects of a reader that a sentence names one by one; of more, the largest and the range.
NAMED = 2


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
    readers = [name for name in READERS if name in known and mode is not None]
    fields = [name for name in FIELDS if name in interventions]
    warned = flags[flags["flag"].isin([NO_BETTER_THAN_CHANCE, DISAGREE])]
    flagged: dict[tuple[str, ...], set[str]] = {}
    for *key, flag in zip(
        *(warned[axis].astype(str) for axis in AXES), warned["flag"], strict=True
    ):
        flagged.setdefault(tuple(key), set()).add(str(flag))
    targets = {
        reader: interventions[fields]
        .sel(readout=reader, mode=mode)
        .to_dataframe(dim_order=["model", "layer", "band"])
        .to_dict("index")
        for reader in readers
    }
    found = []
    for model, names in layers.items():
        used = {}
        for reader in readers:
            cells = []
            for layer, band in product(names, map(str, interventions["band"].to_numpy())):
                own = flagged.get((model, layer, reader, str(mode), band), set())
                cells.append(
                    _cell(targets[reader][model, layer, band], layer, band, own, 1 - level)
                )
            used[reader] = tuple(cells)
        found.append(ModelVerdict(model, tuple(_shares(spectra, model, n) for n in names), used))
    return found


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


def short(value: float) -> str:
    """Two decimals."""
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{short(value)} ({short(low)} to {short(high)})"


def held_sentence(verdict: ModelVerdict, bands: Sequence[str]) -> str:
    """Which bands have at least half of the energy of the last layer, without DC."""
    last = verdict.held[-1]
    known = np.nan_to_num(np.array(last.values))
    if not known.sum():
        return f"{last.layer} has no energy but DC."
    order = np.argsort(-known, kind="stable")
    enough = int(np.searchsorted(known[order].cumsum(), 0.5 * known.sum())) + 1
    parts = [
        f"{bands[at]}: {_with_interval(last.values[at], last.low[at], last.high[at])}"
        for at in order[:enough]
    ]
    return f"Without DC, {last.layer} holds most of its energy in {_listed(parts)}."


def used_sentence(verdict: ModelVerdict, reader: str) -> str:
    """What a reader uses, with intervals, or that nothing is shown."""
    cells = verdict.used[reader]
    what = READERS[reader]
    tested = [cell for cell in cells if cell.state not in (ABSENT, FIXED)]
    if not tested:
        return f"For a linear reader of {what}, all values are missing or fixed by construction."
    above = [cell for cell in tested if cell.state != AT_CHANCE]
    if not above:
        return f"A linear reader of {what} is not distinguishable from chance in any layer."
    used = [cell for cell in above if cell.state == USED]
    alike = [cell for cell in above if cell.state == LIKE_CONTROLS]
    text = f"A linear reader of {what} "
    if used:
        return f"{text}uses {_listed(_effects(used))}.{_alike(alike)}"
    return f"{text}is not shown to use any single band.{_alike(alike)}"


def _effects(cells: Sequence[Cell]) -> list[str]:
    """Each band with its drops."""
    texts = []
    for band in dict.fromkeys(cell.band for cell in cells):
        own = [cell for cell in cells if cell.band == band]
        texts += [_several(band, own)] if len(own) > NAMED else [_one(cell) for cell in own]
    return texts


def _one(cell: Cell) -> str:
    drop = _with_interval(cell.drop, cell.low, cell.high)
    kinds = " or ".join(CONTROLS[name][1].removeprefix(MASKS) for name in cell.exceeds)
    compared = f", more than {MASKS}{kinds}" if kinds else ""
    return f"{cell.band} in {cell.layer} (its loss costs {drop} of {short(cell.clean)}{compared})"


def _several(band: str, cells: Sequence[Cell]) -> str:
    largest = max(cells, key=lambda cell: cell.drop)
    drop = _with_interval(largest.drop, largest.low, largest.high)
    alone = "" if any(cell.controlled for cell in cells) else ", DC alone"
    return (
        f"{band}{alone} in {len(cells)} layers (its loss costs most in {largest.layer}: {drop} of "
        f"{short(largest.clean)})"
    )


def _alike(cells: Sequence[Cell]) -> str:
    if not cells:
        return ""
    texts = [
        f"{cell.band} in {cell.layer} ({_with_interval(cell.drop, cell.low, cell.high)})"
        for cell in cells
    ]
    return f" The loss of {_listed(texts)} is not distinguishable from that by random masks."


def _listed(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
