"""From a layer's maps and readouts to its targets, each step through its files."""

import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import StoreError
from bandprobe.fourier.bands import CYCLES, Bands
from bandprobe.fourier.intervene import project
from bandprobe.fourier.modes import KEEPING, Mode
from bandprobe.interventions.compare_routes import largest_difference
from bandprobe.interventions.linear_modes import write_linear_modes
from bandprobe.interventions.outcome_store import read_outcomes
from bandprobe.interventions.perturb import write_perturbed
from bandprobe.interventions.targets import write_targets
from bandprobe.linear.probe import at_end
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes.fit import Splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitBands, FitSettings, MaskSettings
from bandprobe.probes.split import split_layer
from bandprobe.scoring.fit_flags import PENALTY_AT_END
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.network_flags import WEIGHTS_UNTRAINED
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store, Variable, write_store
from tests.cases import quick_and_slow
from tests.unit.layers import layer_records

BANDS = Bands(("low", "high"), (0.5,))
READOUTS = ("map", "pattern", "pooled", "energy")
# Of the features, kept by all that follows from them.
ATTRS = {"weights_sha256": "abc", "flags": '["weights-untrained"]'}
MODES = (Mode("remove", "remove"), Mode("keep-mean", "isolate", "mean"))


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with features of both splits, readouts and band logits of a layer.

    Made once: tests write elsewhere.
    """
    tmp_path, rng = tmp_path_factory.mktemp("layer"), np.random.default_rng(20240607)
    for name, count in (("train", 18), ("eval", 9)):
        label = np.arange(count) % 3
        maps = rng.normal(2, 1, size=(count, 4, 6, 6)).astype(np.float32)
        maps[:, 1] += label[:, None, None]
        facts = {"sample": np.arange(count), "label": label, "group": np.arange(count)}
        variables = {"layer": Variable(("sample", "channel", "y", "x"), maps)}
        coordinates = {key: Variable(("sample",), values) for key, values in facts.items()}
        write_store(tmp_path / f"{name}.zarr", variables, coordinates, ATTRS)
    stores = (Store(tmp_path / f"{name}.zarr") for name in ("train", "eval"))
    settings = FitSettings((0.1,), "ridge", 0, 0)
    splits = Splits(*stores, "layer", np.arange(18) // 6, ["a", "b", "c"], settings)
    probes = {name: tmp_path / "probes" / f"{name}.zarr" for name in (*READOUTS, "refit")}
    fit_layer(splits, probes, FitBands(BANDS.names, BANDS.edges, ("remove",)), code="digest")
    logits = {probes[name]: tmp_path / "logits" / f"{name}.zarr" for name in READOUTS}
    features, masks = tmp_path / "eval.zarr", tmp_path / "masks.zarr"
    drawn, changes = MaskSettings(2, 0), ["remove/zero", "isolate/mean"]
    split_layer(logits, features, "layer", BANDS, masks, drawn, changes, code="digest")
    return tmp_path


def paths(folder: Path, *names: str) -> list[Path]:
    return [folder / f"{name}.zarr" for name in names]


def test_bands_add_up_to_the_logits_and_masks_are_stored(layer: Path) -> None:
    probe, maps = Store(layer / "probes" / "map.zarr"), Store(layer / "eval.zarr").read("layer")
    names = ("W", "intercept", "channel_mean", "channel_scale")
    expected = readout_logits(maps, *(probe.read(name) for name in names))
    split = Store(layer / "logits" / "map.zarr")
    total = split.read("band_logits").sum(0) + split.read("intercept")
    np.testing.assert_allclose(total, expected, atol=1e-4)
    assert split.array("control_logits").shape == (2, 2, 2, 9, 3)
    assert split.labels("control") == ("equal-bins", "equal-energy")
    assert split.labels("class") == ("a", "b", "c")
    assert "control_logits" not in Store(layer / "logits" / "energy.zarr")
    config = json.loads(Store(layer / "masks.zarr").attrs["config"])
    assert (config["draws"], config["seed"], config["layer"]) == (2, 0, "layer")


def test_without_masks_there_are_no_controls(layer: Path, tmp_path: Path) -> None:
    probe, path = layer / "probes" / "map.zarr", tmp_path / "alone.zarr"
    split_layer({probe: path}, layer / "eval.zarr", "layer", BANDS, code="digest")
    alone, among = Store(path), Store(layer / "logits" / "map.zarr")
    assert "control_logits" not in alone
    np.testing.assert_allclose(alone.read("band_logits"), among.read("band_logits"), atol=1e-5)


@pytest.fixture(scope="module")
def linear(layer: Path) -> dict[str, Path]:
    """Outcome stores of all linear modes, by `<readout>/<mode>`."""
    names = [f"{readout}/{mode.name}" for readout in READOUTS for mode in MODES]
    outputs = dict(zip(names, paths(layer / "outcomes", *names), strict=True))
    refit = {"remove": layer / "outcomes" / "refit" / "remove.zarr"}
    write_linear_modes(
        list(outputs.values()),
        paths(layer / "logits", *READOUTS),
        MODES,
        refit=layer / "probes" / "refit.zarr",
        refit_outputs=refit,
        fill="mean",
        shapley_outputs=paths(layer / "shapley", *READOUTS),
        code="digest",
    )
    return outputs | {"refit/remove": refit["remove"]}


def test_each_readout_and_mode_gets_its_own_outcomes(layer: Path, linear: dict[str, Path]) -> None:
    for name, path in linear.items():
        config = json.loads(Store(path).attrs["config"])
        assert config["name"] == name.split("/")[1]
        assert Store(path).attrs["weights_sha256"] == "abc"
        assert Store(path).attrs["flags"] == ATTRS["flags"]
    for readout in READOUTS:
        split = Store(layer / "logits" / f"{readout}.zarr")
        bands, intercept = split.read("band_logits"), split.read("intercept")
        stored, names, _ = read_outcomes(linear[f"{readout}/remove"])
        # Of two bands the removal of one leaves the other, and zero in its place.
        left = bands[::-1] + split.read("zero_logits")[:, None] + intercept
        expected = outcomes(left, split.read("label"))
        np.testing.assert_allclose(stored.changed.margin[:, 0], expected.margin, atol=1e-4)
        assert names == BANDS.names
        shapley = Store(layer / "shapley" / f"{readout}.zarr")
        gained = shapley.read("margin_all") - shapley.read("margin_none")
        np.testing.assert_allclose(shapley.read("margin").sum(0), gained, atol=1e-5)
        # The mean tells balanced classes nothing: all are tied, whatever the rounding.
        assert not shapley.read("accuracy_none").any()
        assert not shapley.read("margin_none").any()


@pytest.mark.parametrize("kind", ["phase", "noise", "resample"])
def test_a_pattern_sees_changed_coefficients_as_the_literal_route_does(
    layer: Path, kind: str
) -> None:
    mode = Mode("m", kind, draws=2)  # type: ignore[arg-type]
    probe = layer / "probes" / "pattern.zarr"
    assert largest_difference(mode, layer / "eval.zarr", "layer", probe, BANDS, 9) < 1e-4


@pytest.mark.parametrize("grid", quick_and_slow([(5, 6)], [((6, 6),), ((1, 7),)]), ids=str)
def test_a_pattern_is_blind_to_a_band_that_is_dc_alone(
    tmp_path: Path, rng: np.random.Generator, grid: tuple[int, int]
) -> None:
    """By rule and by numbers, under every mode, with random masks and Shapley values."""
    labels = np.arange(24) % 3, np.arange(12) % 3
    maps = [rng.normal(3, 1, size=(len(of), 3, *grid)).astype("f4") for of in labels]
    bands = Bands(("dc", "low", "high"), (0.05, 0.5))
    modes = (
        *(Mode(f"{kind}-{fill}", kind, fill) for kind in KEEPING for fill in ("zero", "mean")),
        Mode("swap", "resample"),
        Mode("turn", "phase"),
        Mode("part", "phase", strength=0.5),
        Mode("add", "noise"),
    )
    found = layer_records(tmp_path, *maps, labels, bands, modes, ("map", "pattern"), draws=2)
    for mode in modes:
        dc, *others = found[f"pattern/{mode.name}"]
        expected = {
            "isolate": "structural:nothing-left",
            "lowpass": "structural:nothing-left",
            "highpass": "structural:nothing-changed",
        }.get(mode.kind, "structural:readout-blind")
        if mode.name == "part":
            expected = "structural:nothing-changed"
        assert dc["flags"][0] == expected
        if expected != "structural:nothing-left":
            assert dc["top1_drop"] == dc["margin_drop"] == 0
        else:
            # All images get the same logits: those of one class are right, or all are tied.
            assert dc["rank"] == 2
            assert dc["top1"] == pytest.approx(0 if mode.fill == "mean" else 1 / 3)
        for record in (dc, *others):
            assert "rule-and-numbers-disagree" not in record["flags"]
        if mode.kind in ("remove", "isolate", "resample", "phase", "noise"):
            assert not any(flag.startswith("structural") for r in others for flag in r["flags"])
            assert (others[0]["equal_bins_top1_drop"] is not None) == bool(mode.controls)
    shapley = Store(tmp_path / "shapley" / "pattern.zarr")
    assert np.abs(shapley.read("margin")[0]).max() < 1e-12
    assert np.abs(shapley.read("margin")[1:]).max() > 0
    assert shapley.read("sees").tolist() == [False, True, True]
    split = Store(tmp_path / "logits" / "pattern.zarr")
    assert split.read("seen_bins").tolist() == [0, *split.read("bins")[1:]]
    assert not split.read("zero_logits").any()
    assert not split.read("mean_logits")[0].any()


def test_a_pattern_finds_the_classes_of_every_band_but_dc(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    """Two classes per band, each a fixed pattern in it; those of DC are levels."""
    bands = Bands(("dc", "low", "mid", "high"), (0.05, 0.4, 0.8))
    grid, labels = bands.on_grid(14, 14), (np.arange(240) % 8, np.arange(96) % 8)
    white = rng.normal(size=(8, 2, 14, 14)).astype("f4")
    shapes = np.concatenate([project(white[2 * b : 2 * b + 2], grid, b) for b in range(4)])
    shapes[:2] = np.array([[1, -1], [-1, 1]])[..., None, None]
    shapes /= shapes.std((1, 2, 3), keepdims=True)
    maps = [(rng.normal(size=(len(of), 2, 14, 14)) + shapes[of]).astype("f4") for of in labels]
    modes = (Mode("remove", "remove", "mean"), Mode("isolate", "isolate", "mean"))
    layer_records(tmp_path, *maps, labels, bands, modes, ("map", "pattern"))
    own = labels[1] // 2
    for readout, found in (("map", range(4)), ("pattern", range(1, 4))):
        for mode in ("remove", "isolate"):
            store = Store(tmp_path / "outcomes" / readout / f"{mode}.zarr")
            clean, correct = store.read("clean_correct"), store.read("correct")[:, 0]
            for band in range(4):
                # A coin tells the two classes of DC from each other.
                assert (clean[own == band].mean() > 0.9) == (band in found)
            for band in found:
                kept = correct[band][own == band].mean()
                assert kept > 0.9 if mode == "isolate" else kept < 0.65, (readout, band)


@pytest.mark.parametrize(
    "readouts", quick_and_slow([("map", "refit")], [((*READOUTS, "refit"),)]), ids=len
)
def test_bands_in_cycles_are_those_of_nyquist_on_one_square_grid_and_say_what_they_lack(
    tmp_path: Path, rng: np.random.Generator, readouts: tuple[str, ...]
) -> None:
    """The same partition gives the same records throughout, with one band that is not there."""
    names = ("dc", "from-1", "from-2", "from-4", "from-8")
    nyquist = Bands(names, (1 / 6.5, 2 / 6.5, 4 / 6.5, 1.4))
    cycles = Bands(names, (1, 2, 4, 8), CYCLES)
    labels = np.arange(24) % 3, np.arange(12) % 3
    shapes = rng.normal(size=(3, 1, 13, 13))
    maps = [(rng.normal(size=(len(of), 1, 13, 13)) + shapes[of]).astype("f4") for of in labels]
    modes = (Mode("remove", "remove", "mean"), Mode("sweep", "lowpass", "mean"), Mode("m", "phase"))
    found = {
        bands.unit: layer_records(
            tmp_path / str(bands.unit), *maps, labels, bands, modes, readouts, draws=1
        )
        for bands in (nyquist, cycles)
    }
    flagged = []
    for name, records in found[CYCLES].items():
        for record, other in zip(records, found[None][name], strict=True):
            cut = "cut-by-nyquist" in record["flags"]
            flagged.append(cut)
            assert cut == (record["band"] == "from-4"), (name, record["band"])
            record["flags"] = [flag for flag in record["flags"] if flag != "cut-by-nyquist"]
            assert ("empty-band" in record["flags"]) == (record["band"] == "from-8")
            assert (record["top1"] is None) == (record["band"] == "from-8")
            same = record.keys() - {"provenance"}
            assert {key: record[key] for key in same} == {key: other[key] for key in same}
    assert len(found[CYCLES]) == 3 * len(readouts) - 1
    assert any(flagged)
    for readout in set(readouts) - {"refit"}:
        stores = [
            Store(tmp_path / str(unit) / "shapley" / f"{readout}.zarr") for unit in (None, CYCLES)
        ]
        for variable in ("accuracy", "margin_interaction"):
            np.testing.assert_array_equal(*(store.read(variable) for store in stores))


@pytest.mark.parametrize("kind", quick_and_slow(["remove", "phase"], ["resample", "noise"]))
def test_bands_in_cycles_take_both_routes_alike_where_grids_are_not_square(
    tmp_path: Path, rng: np.random.Generator, kind: str
) -> None:
    bands = Bands(("dc", "from-1", "from-3", "from-9"), (1, 3, 9), CYCLES)
    labels = np.arange(24) % 3, np.arange(12) % 3
    maps = [rng.normal(size=(len(of), 2, 8, 13)).astype("f4") for of in labels]
    mode = Mode("m", kind, draws=2 if kind != "remove" else 1)  # type: ignore[arg-type]
    layer_records(tmp_path, *maps, labels, bands, (mode,), ("map", "energy"))
    for readout in ("map", "energy"):
        probe = tmp_path / "probes" / f"{readout}.zarr"
        found = largest_difference(mode, tmp_path / "eval.zarr", "layer", probe, bands, 6)
        assert found < 1e-3


def test_a_map_of_one_pixel_has_no_pattern(tmp_path: Path, rng: np.random.Generator) -> None:
    labels = np.arange(24) % 3, np.arange(12) % 3
    maps = [
        rng.normal(of[:, None, None, None], 1, (len(of), 3, 1, 1)).astype("f4") for of in labels
    ]
    modes = (*MODES, Mode("turn", "phase"), Mode("swap", "resample"))
    found = layer_records(tmp_path, *maps, labels, BANDS, modes, ("map", "pattern"), draws=2)
    for mode in modes:
        record, empty = found[f"pattern/{mode.name}"]
        assert record["flags"][0] == "not-defined"
        assert "rule-and-numbers-disagree" not in record["flags"]
        assert record["top1"] is record["top1_drop"] is record["equal_bins_top1_drop"] is None
        assert record["clean_top1"] == 0
        assert empty["flags"][0] == "empty-band"
    assert np.isnan(Store(tmp_path / "shapley" / "pattern.zarr").read("margin")).all()
    assert found["map/remove"][0]["top1"] is not None


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("kind", quick_and_slow(["isolate"], ["remove", "lowpass", "highpass"]))
def test_the_literal_route_fills_with_the_same_mean(layer: Path, kind: str, readout: str) -> None:
    probe, mode = layer / "probes" / f"{readout}.zarr", Mode("m", kind, "mean")  # type: ignore[arg-type]
    difference = largest_difference(mode, layer / "eval.zarr", "layer", probe, BANDS, 9)
    assert difference < (1e-3 if readout == "energy" else 1e-4)


def test_energy_has_random_masks_too(linear: dict[str, Path]) -> None:
    """Under modes that keep or remove bands; their logits are no sums over masks."""
    for mode in MODES:
        found, _, _ = read_outcomes(linear[f"energy/{mode.name}"])
        assert set(found.controls) == set(found.alike) == {"equal-bins", "equal-energy"}
        for control in found.controls.values():
            assert control.rank.shape == (2, 2, 9)
            assert np.isfinite(control.margin).all()
            # Two bands of unlike bins: the masks hold other bins than the bands.
            assert np.abs(control.margin - found.changed.margin).max() > 1e-3
        assert not any(same.any() for same in found.alike.values())


def test_random_modes_have_an_outcome_per_draw(layer: Path, tmp_path: Path) -> None:
    mode = Mode("phase", "phase", draws=2, seed=3)
    logits = paths(layer / "logits", *READOUTS)
    outputs = dict(zip(logits, paths(tmp_path, *READOUTS), strict=True))
    write_perturbed(
        outputs,
        layer / "eval.zarr",
        "layer",
        mode,
        BANDS,
        probes=paths(layer / "probes", *READOUTS),
        masks=[layer / "masks.zarr"],
        code="digest",
    )
    for readout, path in zip(READOUTS, outputs.values(), strict=True):
        stored, _, attrs = read_outcomes(path)
        assert stored.changed.rank.shape == (2, 2, 9)
        assert set(stored.controls) == (
            set() if readout == "energy" else {"equal-bins", "equal-energy"}
        )
        assert json.loads(attrs["config"])["draws"] == 2
        assert stored.flags == (WEIGHTS_UNTRAINED,)
    energy, _, _ = read_outcomes(outputs[logits[3]])
    # Energies do not see phases.
    np.testing.assert_allclose(energy.changed.margin[0, 0], energy.clean.margin, atol=1e-3)


def test_every_band_gets_a_target(linear: dict[str, Path], tmp_path: Path) -> None:
    axes = {"dataset": "d", "model": "m", "layer": "layer"}
    bootstrap = IntervalSettings(resamples=20, level=0.9, seed=0)
    undefined = ["refit/phase", "refit/noise"]
    folder = tmp_path / "targets"
    write_targets(folder, list(linear.values()), undefined, axes, bootstrap, code="digest")
    names = [*linear, *undefined]
    expected = {folder / name / f"{band}.json" for name in names for band in BANDS.names}
    assert set(folder.rglob("*.json")) == expected
    for path in expected:
        record = json.loads(path.read_text())
        readout, mode = path.parts[-3:-1]
        assert record | axes == record
        assert (record["readout"], record["mode"], record["band"]) == (readout, mode, path.stem)
        assert record["provenance"]["weights_sha256"] == "abc"
        assert WEIGHTS_UNTRAINED in record["flags"]
        is_undefined = f"{readout}/{mode}" in undefined
        assert (record["top1_drop"] is None) == is_undefined
        assert ("not-defined" in record["flags"]) == is_undefined


@pytest.mark.parametrize(
    ("grid", "channels"), quick_and_slow([((1, 1), 3)], [((2, 2), 2), ((3, 3), 9)])
)
def test_a_refit_of_no_band_does_not_exist(
    tmp_path: Path, rng: np.random.Generator, grid: tuple[int, int], channels: int
) -> None:
    """A single band, or a map of one pixel: without it nothing is left to fit."""
    labels = np.arange(24) % 3, np.arange(12) % 3
    maps = [
        (rng.normal(size=(len(label), channels, *grid)) + label[:, None, None, None]).astype("f4")
        for label in labels
    ]
    bands = BANDS if grid == (1, 1) else Bands(("all",), ())
    records = layer_records(tmp_path, *maps, labels, bands, MODES)
    without, alone = records["refit/remove"][0], records["refit/keep-mean"][0]
    assert without["flags"][0] == "not-defined"
    assert "rule-and-numbers-disagree" not in without["flags"]
    assert without["top1"] is without["top1_drop"] is without["rank_degradation"] is None
    assert without["clean_top1"] == alone["clean_top1"] == alone["top1"]
    assert "structural:nothing-changed" in alone["flags"]
    assert records["map/remove"][0]["flags"][0] == "structural:nothing-left"


def test_a_refit_without_outcomes_has_clean_scores_of_its_own(
    layer: Path, linear: dict[str, Path], tmp_path: Path
) -> None:
    """Beside `pooled`, whose scores are others: `readouts: [pooled, refit]`, no mode for refit."""
    path, refit = linear["pooled/remove"], layer / "probes" / "refit.zarr"
    axes = {"dataset": "d", "model": "m", "layer": "layer"}
    folder, bootstrap = tmp_path / "targets", IntervalSettings(20, 0.9, 0)
    write_targets(folder, [path], ["refit/x"], axes, bootstrap, refit=refit, code="digest")
    record, other = (
        json.loads((folder / name / "low.json").read_text())
        for name in ("refit/x", "pooled/remove")
    )
    # With all bands it is the readout of the map.
    store = Store(layer / "probes" / "map.zarr")
    clean = outcomes(store.read("clean_logits"), store.read("label"))
    assert record["clean_margin"] == pytest.approx(clean.margin.mean(), rel=1e-6)
    assert record["clean_top1"] == pytest.approx(clean.correct.mean())
    assert record["clean_margin"] != pytest.approx(other["clean_margin"], rel=1e-3)
    assert record["top1"] is None
    assert record["flags"] == ["not-defined", WEIGHTS_UNTRAINED]
    with pytest.raises(StoreError, match="nothing says how refit scores untouched maps"):
        write_targets(folder, [path], ["refit/x"], axes, bootstrap, code="digest")


@pytest.mark.parametrize(
    "penalties", quick_and_slow([(1e-3, 0.1, 10.0, 1e3)], [((1.0, 3.0),)]), ids=["inside", "end"]
)
def test_a_penalty_at_the_end_of_its_list_is_flagged(
    tmp_path: Path, rng: np.random.Generator, penalties: tuple[float, ...]
) -> None:
    """Of each readout, and of each refit by itself."""
    labels = np.arange(48) % 3, np.arange(12) % 3
    maps = [(rng.normal(size=(len(of), 4, 6, 6)) * 2).astype("f4") for of in labels]
    for values, of_split in zip(maps, labels, strict=True):
        values[:, 1] += of_split[:, None, None]
    records = layer_records(tmp_path, *maps, labels, BANDS, MODES, penalties=penalties)
    for name, of_mode in records.items():
        readout, mode = name.split("/")
        store = Store(tmp_path / "probes" / f"{readout}.zarr")
        losses = store.read("cv_log_loss")
        for band, record in enumerate(of_mode):
            if readout == "refit":
                kept = np.arange(2) != band if mode == "remove" else np.arange(2) == band
                (subset,) = np.flatnonzero((store.read("kept") == kept).all(1))
                path = losses[subset]
            else:
                path = losses.mean(0)
            assert (PENALTY_AT_END in record["flags"]) == at_end(path, int(path.argmin())), name
    flagged = [PENALTY_AT_END in r["flags"] for of_mode in records.values() for r in of_mode]
    assert any(flagged)
    assert not all(flagged) or len(penalties) == 2


def test_controls_that_change_what_the_mode_changes_are_flagged(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    labels = np.arange(24) % 3, np.arange(12) % 3
    maps = [rng.normal(1, 1, size=(len(of), 3, 6, 6)).astype("f4") for of in labels]
    bands = Bands(("dc", "low", "high"), (0.05, 0.5))
    modes = (Mode("highpass", "highpass"), Mode("turn", "phase"), Mode("swap", "resample"))
    found = layer_records(tmp_path, *maps, labels, bands, modes, ("map", "pooled"), draws=2)
    flagged = {
        name: ["control-is-the-band" in record["flags"] for record in of_mode]
        for name, of_mode in found.items()
    }
    assert flagged["map/highpass"] == [False, True, False]
    assert flagged["pooled/highpass"] == [False, True, True]
    for mode in ("turn", "swap"):
        assert flagged[f"map/{mode}"] == flagged[f"pooled/{mode}"] == [True, False, False]
    for record in (found["map/highpass"][1], found["pooled/turn"][0]):
        assert record["equal_bins_top1_drop_excess"] == pytest.approx(0, abs=1e-9)
