"""Numbers of the default study that pages quote are those of its summaries."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.features.spectra import write_spectra
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.summary.planes import layer_plane
from bandprobe.summary.verdict_sentences import brief
from tests.workflow.conftest import HOME

CNN, TRANSFORMER = "efficientnet_lite0", "dinov2_vits14"
NUMBERS = ("no", "one", "two", "three", "four")


def words_of(page: str) -> str:
    return " ".join((HOME / "docs" / page).read_text(encoding="utf-8").split())


def quotes(page: str, *texts: str) -> None:
    words = words_of(page)
    for text in texts:
        assert text in words, f"{page}: {text}"


def table(study: Path, name: str) -> xr.Dataset:
    return xr.load_dataset(study / "summary" / f"{name}.nc")


def ends(cell: xr.Dataset, name: str) -> list[float]:
    """An estimate and its interval."""
    return [cell[f"{name}{end}"].item() for end in ("", "_low", "_high")]


def signed(value: float) -> str:
    return f"{value:.2f}"


def test_reading_quotes_one_effect_and_one_share(default_study: Path) -> None:
    cell = table(default_study, "interventions").sel(
        model=TRANSFORMER, layer="blocks.9", readout="pattern", mode="remove-mean", band="very-low"
    )
    drop, low, high = map(brief, ends(cell, "top1_drop"))
    bins, energy = (brief(cell[f"{c}_top1_drop"].item()) for c in ("equal_bins", "equal_energy"))
    quotes(
        "reading.md",
        f"the reader loses {drop} [{low}, {high}] of its accuracy, more than under random masks",
        f"as many bins cost {bins}, as much energy {energy}, and the interval of each difference",
    )
    for control in ("equal_bins", "equal_energy"):
        assert cell[f"{control}_top1_drop_excess_low"] > 0
    assert cell["p_levels"] < 0.05 < cell["p_holm"]
    shares = table(default_study, "spectra").sel(model=TRANSFORMER, layer="blocks.11")
    lowest = shares.isel(band=0)
    quotes("reading.md", f"{brief(lowest['share'].item())} of the energy is in the lowest band")
    assert lowest["bins_without_dc"] == 0


def test_interactions_quotes_pairs_and_shares(default_study: Path) -> None:
    found = table(default_study, "shapley").sel(readout="map")
    below: dict[str, list[tuple[int, int]]] = {CNN: [], TRANSFORMER: []}
    for model, layers in parse_study(load_config(HOME / "config.yaml")).models.items():
        for layer in layers.layers:
            cells = found.sel(model=model, layer=layer)
            low, high = (cells[f"accuracy_interaction_{end}"].to_numpy() for end in ("low", "high"))
            pairs = np.tril(np.ones(low.shape, bool), -1) & np.isfinite(low)
            assert not (low[pairs] > 0).any(), "no dot lies above zero"
            below.setdefault(model, []).append((int((high[pairs] < 0).sum()), int(pairs.sum())))
    first, *_, third, second, last = below[CNN]
    assert first == (0, 21)
    last_three = " and ".join(
        [f"{third[0]} of {third[1]}, {second[0]} of {second[1]}", f"{last[0]} of {last[1]}"]
    )
    quotes("interactions.md", f"from no pair to {last_three} in the last three layers")
    counts = [count for count, pairs in below[TRANSFORMER] if pairs == 21]
    assert len(counts) == 5
    most = NUMBERS[max(counts)]
    quotes("interactions.md", f"in the transformer it is at most {most} pairs of 21")
    cell = found.sel(model=CNN, layer="blocks.6")
    alone, low, high = map(signed, ends(cell, "best_alone_share"))
    quotes(
        "interactions.md", f"all of the accuracy above chance ({alone}, interval {low} to {high})"
    )
    loss, low, high = map(signed, ends(cell, "worst_removal_share"))
    quotes("interactions.md", f"costs a third of it ({loss}, {low} to {high})")


def test_transfer_quotes_the_last_step(default_study: Path) -> None:
    cells = pd.read_csv(default_study / "summary/transfer.csv")
    last = cells[(cells["model"] == CNN) & (cells["layer"] == "blocks.6")].dropna(subset=["share"])
    largest = last.loc[last.groupby("band")["share"].idxmax()]
    assert set(largest["input_band"]) == {"mid"}
    quotes("transfer.md", "all bands go most with the band `mid` of the input")
    assert (largest["share_low"] > 0).sum() < len(largest) / 2
    quotes("transfer.md", "though few intervals exclude zero")


def test_cycles_quotes_the_grids(default_study: Path) -> None:
    planes = table(default_study, "planes")
    study = parse_study(load_config(HOME / "config.yaml"))
    side = {
        (model, layer): planes.sizes[f"{model}.{layer}.frequency_y"]
        for model, layer in study.layers()
    }
    nyquist = [side[CNN, layer] / 2 for layer in study.models[CNN].layers]
    *before, last = (f"{value:g}" for value in nyquist)
    (patches,) = {side[TRANSFORMER, layer] / 2 for layer in study.models[TRANSFORMER].layers}
    quotes(
        "cycles.md",
        f"have their Nyquist frequencies at {', '.join(before)} and {last} cycles, those of the "
        f"transformer at {patches:g}",
        f"{side[CNN, 'blocks.6']} x {side[CNN, 'blocks.6']} positions end at {last} cycles",
    )
    low, high = study.bands.interval(study.bands.names.index("high"))
    fine, coarse = nyquist[0], nyquist[-1]
    # Halves are rounded up, as in print.
    fine_text = (
        f"{low * fine:.1f} to {high * fine:.1f} cycles per image on {2 * fine:g} x {2 * fine:g}"
    )
    coarse_text = " to ".join(
        f"{np.floor(10 * edge * coarse + 0.5) / 10:.1f}" for edge in (low, high)
    )
    quotes("cycles.md", f"`high` is {fine_text} positions and {coarse_text} on {2 * coarse:g} x")


def anisotropy(cell: Any) -> tuple[str, bool]:
    """The first part in words, and whether its interval excludes zero."""
    value, low, high = ends(cell, "anisotropy_axes")
    return signed(value), low > 0 or high < 0


def test_orientation_quotes_what_a_window_changes(default_study: Path, tmp_path: Path) -> None:
    study = parse_study(load_config(HOME / "config.yaml"))
    settings = IntervalSettings(**asdict(study.statistics))
    plain = table(default_study, "planes")
    quoted = []
    for number, (model, layer) in enumerate(
        [("pixels", "input"), (CNN, "blocks.6"), (TRANSFORMER, "blocks.3")]
    ):
        features = default_study / "features" / model / "pass-0" / "eval.zarr"
        store = tmp_path / f"{number}.zarr"
        write_spectra(store, features, layer, study.bands, "hann", code="test")
        before, after = plain.sel(model=model, layer=layer), layer_plane(store, settings)
        upright = [signed(cell["relative"].sel(orientation=90).item()) for cell in (before, after)]
        quoted.append((*anisotropy(before), *anisotropy(after), *upright))
    (first, out, second, inside, more, less), cnn, transformer = quoted
    assert (out, inside) == (True, False)
    quotes(
        "orientation.md",
        f"have {more} times the isotropic energy at 90 degrees and an anisotropy of {first}, whose "
        f"interval excludes zero. With `spectra.window: hann` it is {less} times and {second}, and "
        "the interval includes zero.",
        f"`blocks.6` of the convolutional network goes from {cnn[0]} to {cnn[2]} and `blocks.3` of "
        f"the transformer from {transformer[0]} to {transformer[2]}",
    )
    assert all((cnn[1], cnn[3], transformer[1], transformer[3]))
