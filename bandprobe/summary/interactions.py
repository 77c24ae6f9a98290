"""Interactions of bands and shares of single bands, from the stored scores of one readout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import StoreError
from bandprobe.scoring.band_shares import Shares, shares_above_chance, together
from bandprobe.scoring.cluster_interval import ANY, Scale
from bandprobe.scoring.interactions import PAYOFFS, band_pairs, row_sums
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Store
from bandprobe.summary.names import SHAPLEY
from bandprobe.summary.tables import ENDS

PAIR_DIMS = ("model", "layer", "readout", "band", "other_band")
BAND_DIMS, CELL_DIMS = PAIR_DIMS[:4], PAIR_DIMS[:3]
ABOVE = "as a share of the accuracy above chance"
# name: (dimensions, long name, units); each with an interval.
QUANTITIES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    **{
        f"{score}_interaction": (
            PAIR_DIMS,
            f"interaction of two bands: {score}; intervals hold for all pairs of a layer at once",
            quantity.units,
        )
        for score, quantity in SHAPLEY.items()
    },
    "alone_share": (BAND_DIMS, f"what the band keeps alone, {ABOVE}", "1"),
    "removal_share": (BAND_DIMS, f"what the removal of the band costs, {ABOVE}", "1"),
    "best_alone_share": (CELL_DIMS, f"what the best single band keeps, {ABOVE}", "1"),
    "worst_removal_share": (CELL_DIMS, f"what the worst removal of a band costs, {ABOVE}", "1"),
}
SUFFIXES = ("", *(f"_{end}" for end in ENDS))
LARGEST = {"alone_share": "best_alone_share", "removal_share": "worst_removal_share"}


def interaction_values(path: Path, settings: IntervalSettings) -> dict[str, np.ndarray]:
    """Each of `QUANTITIES` of one store without its first three dimensions, and its bounds.

    Parameters
    ----------
    path : Path
        Of the Shapley values of a readout.
    settings : IntervalSettings

    Raises
    ------
    StoreError
        If the interactions of a band do not add up to what its removal costs minus what it brings
        alone.
    """
    store = Store(path)
    units = settings.units(store.read("label"), store.read("group"))
    seen = store.read("sees") & (store.read("bins") > 0)
    pairs = np.array(band_pairs(len(seen)), int).reshape(-1, 2)
    results: dict[str, np.ndarray] = {}
    for score in SHAPLEY:
        name = f"{score}_interaction"
        values = store.read(name) if len(pairs) else np.empty((0, len(units)))
        _check_sums(path, store, score, values)
        # What the answer to one more image would add to a band, divided among its pairs.
        share = 1 / max(len(seen) - 1, 1)
        scale = Scale((-share, share), -2, 2) if score == "accuracy" else ANY
        counted = int((seen[pairs].all(1) & np.isfinite(values).all(1)).sum())
        bounds = together(settings, counted).bounds(values, units, scale)
        for end, part in zip(SUFFIXES, (values.mean(1), *bounds), strict=True):
            results[name + end] = _matrix(part, pairs, len(seen))
    return results | _shares(store, seen, units, settings)


def _check_sums(path: Path, store: Store, score: str, values: FloatArray) -> None:
    none, complete, alone, without = (
        store.read(f"{PAYOFFS[score]}_{end}") for end in ("none", "all", "alone", "without")
    )
    expected = np.nan_to_num((complete - without) - (alone - none))
    found = row_sums(values, len(expected))
    size = max(abs(complete).max(), abs(expected).max())
    if len(values) and not np.allclose(found, expected, atol=1e-6 + 1e-6 * size):
        raise StoreError(
            f"{path}: interactions of {score} do not add up",
            expected="for each image and band what the removal of the band costs minus what it "
            "brings alone",
            hint="delete the store and run the workflow again",
        )


def _matrix(values: FloatArray, pairs: np.ndarray, n_bands: int) -> FloatArray:
    """A symmetric matrix from a value for each pair, NaN on the diagonal and where not finite."""
    matrix = np.full((n_bands, n_bands), np.nan)
    finite = np.where(np.isfinite(values), values, np.nan)
    matrix[pairs[:, 0], pairs[:, 1]] = matrix[pairs[:, 1], pairs[:, 0]] = finite
    return matrix


def _shares(
    store: Store, seen: np.ndarray, units: np.ndarray, settings: IntervalSettings
) -> dict[str, np.ndarray]:
    payoff, chance = PAYOFFS["accuracy"], 1 / int(store.attrs["n_classes"])
    complete = store.read(f"{payoff}_all")
    only = seen & (seen.sum() == 1)
    # Alone, a band that the readout does not see leaves a blank map.
    alone = np.where(seen[:, None], store.read(f"{payoff}_alone"), np.nan)
    parts = {
        "alone_share": (alone - chance, only),
        "removal_share": (complete - store.read(f"{payoff}_without"), ~seen),
    }
    results: dict[str, np.ndarray] = {}
    for name, (values, fixed) in parts.items():
        shares = shares_above_chance(values, complete, chance, fixed, units, settings)
        compared = Shares(*(np.where(seen, part, np.nan) for part in shares))
        largest = compared.largest()
        for end, part, best in zip(SUFFIXES, shares, largest, strict=True):
            results[name + end] = part
            results[LARGEST[name] + end] = np.array(best)
    return results


def interaction_table(shapley: xr.Dataset) -> pd.DataFrame:
    """The interactions, one row per model, layer, readout and pair of bands that has any."""
    names = [str(name) for name in shapley.data_vars if "other_band" in shapley[name].dims]
    table = shapley[names].to_dataframe().reset_index()
    order = {str(band): at for at, band in enumerate(shapley["band"].to_numpy())}
    once = table["band"].map(order) < table["other_band"].map(order)
    return table[once & table["accuracy_interaction"].notna()].reset_index(drop=True)
