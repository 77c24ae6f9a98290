"""What a rule writes is what its script reads, and bad text ends with a clear message."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.figures.entry import Entry
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.head.settings import ClassifierSettings
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.probes.settings import FitBands, FitSettings, MaskSettings
from bandprobe.scoring.records import IntervalSettings
from bandprobe.store.encoding import Storage
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study
from bandprobe.summary.axes import SummaryAxes
from bandprobe.workflow import study_params
from bandprobe.workflow.params import as_json, as_plain, from_json

ROOT = Path(__file__).parents[3]
CONFIGS = [ROOT / "config.yaml", *sorted((ROOT / "configs").glob("*.yaml"))]
VARIANTS: dict[str, dict[str, Any]] = {
    "rounded": {"storage": {"dtype": "float32", "keepbits": 9, "codec": "zstd"}},
    "ablated": {"head": {"samples": 3, "prefix": ["keep", "ablate"], "classifier": "probe"}},
    "twins": {
        "models": {
            "resnet18": {
                "architecture": "timm/resnet18",
                "weights": "pretrained/tv_in1k",
                "weights_sha256": 64 * "a",
                "layers": [["layer1"]],
            }
        },
        "controls": {"random_weights": ["resnet18"]},
    },
    "simple": {"readouts": ["map", "pooled"], "probe": {"penalties": [1, 2.5]}},
    "own network": {
        "models": {
            "mine": {
                "architecture": "python/nowhere.to_be_found:build",
                "weights": "file/mine.pt",
                "weights_sha256": 64 * "a",
                "layout": {"prefix_tokens": 1, "grid": [4, 4]},
                "layers": [["a"], ["b", "c"]],
            }
        }
    },
}


def studies() -> list[Any]:
    tiny = load_config(ROOT / "configs" / "tiny.yaml")
    own = [pytest.param(parse_study(load_config(path)), id=path.stem) for path in CONFIGS]
    return own + [pytest.param(parse_study(tiny | v), id=name) for name, v in VARIANTS.items()]


every_study = pytest.mark.parametrize("study", studies())


def round_trip(value: Any, kind: Any) -> Any:
    """What a script gets; that it is equal, of the same type, and writes the same text again."""
    text = as_json(value)
    read = from_json(kind)(text)
    assert read == value
    assert type(read) is type(value)
    assert as_json(read) == text
    return json.loads(text)


@every_study
def test_bands(study: Study) -> None:
    plain = round_trip(study.bands, Bands)
    assert plain == study.resolved["bands"] | {"edges": list(study.bands.edges)}


@every_study
def test_modes_have_the_keys_of_the_configuration(study: Study) -> None:
    plain = round_trip(study_params.modes(study, list(study.modes)), tuple[Mode, ...])
    assert plain == [{"name": name} | spec for name, spec in study.resolved["modes"].items()]
    for name, mode in study.modes.items():
        assert round_trip(mode, Mode)["name"] == name


@every_study
def test_a_model_has_the_keys_of_the_configuration(study: Study) -> None:
    for name, spec in study.resolved["models"].items():
        plain = round_trip(study_params.model_spec(study, {"model": name}), ModelSpec)
        kept = ("architecture", "preprocess", "seed", "weights_sha256", "layout", "untrained")
        expected = {key: spec[key] for key in kept if spec.get(key) is not None and spec[key] != {}}
        assert plain == expected | {
            "preprocess": dict(spec["preprocess"]),
            "weights": spec.get("weights", "none"),
            "arguments": spec.get("arguments", {}),
        }
        for layers in study.models[name].passes:
            assert round_trip(layers, tuple[str, ...]) == list(layers)


def test_own_code_counts_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("def build(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    tiny = load_config(ROOT / "configs" / "tiny.yaml")
    model = VARIANTS["own network"]["models"]["mine"] | {"architecture": "python/mine:build"}
    study = parse_study(tiny | {"models": {"mine": model}})
    before = study_params.model_spec(study, {"model": "mine"}).source_sha256
    assert before is not None
    assert len(before) == 64
    (tmp_path / "mine.py").write_text("def build(): return 1\n")
    assert study_params.model_spec(study, {"model": "mine"}).source_sha256 not in (None, before)


def test_a_function_of_ones_own_for_preprocessing_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prep.py").write_text("import prep_helper\n")
    (tmp_path / "prep_helper.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    tiny = load_config(ROOT / "configs" / "tiny.yaml")
    preprocess = {"function": "prep:load", "size": [8, 8]}
    pixels = {"architecture": "pixels", "layers": [["input"]], "preprocess": preprocess}
    study = parse_study(tiny | {"models": {"pixels": pixels}, "head": {"samples": 1}})
    before = study_params.model_spec(study, {"model": "pixels"}).preprocess_sha256
    assert before is not None
    (tmp_path / "prep_helper.py").write_text("WIDTH = 3\n")
    after = study_params.model_spec(study, {"model": "pixels"}).preprocess_sha256
    assert after not in (None, before)


@every_study
def test_storage_has_the_keys_of_the_configuration(study: Study) -> None:
    assert round_trip(study.storage, Storage) == study.resolved["storage"]


@every_study
def test_statistics_become_settings_of_intervals(study: Study) -> None:
    text = as_json(study.statistics)
    assert json.loads(text) == study.resolved["statistics"]
    settings = from_json(IntervalSettings)(text)
    assert as_json(settings) == text
    assert asdict(settings) == asdict(study.statistics)


@every_study
def test_fits(study: Study) -> None:
    assert round_trip(study_params.fit_settings(study), FitSettings) == {
        "penalties": list(study.probe.penalties),
        "estimator": study.probe.estimator,
        "permutations": study.controls.permutations,
        "seed": study.controls.seed,
    }
    assert round_trip(study_params.mask_settings(study), MaskSettings) == {
        "draws": study.controls.draws,
        "seed": study.controls.seed,
        "masks": study.controls.masks,
        "changes": list(study_params.mask_settings(study).changes),
    }
    bands = study_params.fit_bands(study)
    assert (bands is None) == (not {"energy", "refit"} & set(study.readouts))
    if bands is not None:
        plain = round_trip(bands, FitBands)
        assert list(plain) == ["names", "edges", "kinds"]
        assert bands.bands == study.bands
        assert set(plain["kinds"]) == {study.modes[name].kind for name in study.refit_modes}


def test_replicates() -> None:
    config = load_config(ROOT / "configs" / "tiny.yaml")
    study = parse_study(config | {"replicates": {"count": 3, "seed": 2}})
    settings = study_params.replicate_settings(study)
    assert settings is not None
    assert round_trip(settings, ReplicateSettings) == {
        "count": 3,
        "jackknife": True,
        "seed": 2,
        "penalties": list(study.probe.penalties),
        "folds": study.probe.folds,
        "fold_seed": study.probe.seed,
    }


@every_study
def test_heads(study: Study) -> None:
    settings = study_params.classifier_settings(study)
    assert (settings is None) == ("head" not in study.resolved)
    if settings is not None:
        plain = round_trip(settings, ClassifierSettings)
        kept = ("samples", "train_samples", "classifier", "seed")
        assert plain == {key: study.resolved["head"][key] for key in kept}


@every_study
def test_axes(study: Study) -> None:
    for heads in (False, True):
        for readouts in (study.readouts, study.additive):
            axes = study_params.summary_axes(study, readouts, heads=heads)
            plain = round_trip(axes, SummaryAxes)
            assert json.dumps(plain) == json.dumps(study.axes(readouts, heads=heads))


@every_study
def test_figures(study: Study) -> None:
    for table in ("spectra", "probes", "interventions", "shapley"):
        figures = study_params.figures_of(study, table)
        plain = round_trip(figures, dict[str, Entry])
        assert all(entry["table"] == table for entry in plain.values())
    assert study_params.figures_of(study, "spectra")


@every_study
def test_mappings_of_the_configuration(study: Study) -> None:
    for spec in study.datasets.values():
        assert round_trip(dict(spec), dict[str, Any]) == spec
    assert round_trip(dict(study.resolved), dict[str, Any]) == study.resolved
    assert round_trip(study.probe.penalties, tuple[float, ...]) == list(study.probe.penalties)


def test_a_field_that_is_none_is_no_key() -> None:
    assert as_plain(Storage()) == {"dtype": "float16", "codec": "none"}
    assert as_plain(replace(Storage(), codec="zstd", keepbits=3))["keepbits"] == 3


@dataclass(frozen=True)
class Sample:
    """One field of each kind."""

    count: int
    share: float
    kind: Literal["a", "b"]
    parts: tuple[str, ...] = ()
    wanted: bool = False


def test_numbers_stay_as_they_were_written() -> None:
    text = '{"count": 1, "share": 2, "kind": "a", "parts": ["x"], "wanted": true}'
    assert from_json(Sample)(text) == Sample(1, 2, "a", ("x",), True)
    assert as_json(from_json(Sample)(text)) == text


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Bands, "{names", "not JSON"),
        (Bands, "[1]", r"the value(.|\n)*a mapping"),
        (Bands, '{"names": ["a"]}', r"a key is missing(.|\n)*edges"),
        (Bands, '{"names": ["a"], "edges": [], "edge": 1}', r"unknown key(.|\n)*edge"),
        (Bands, '{"names": ["a"], "edges": [0.5]}', "does not fit"),
        (Bands, '{"names": "ab", "edges": [0.5]}', r"the value\.names(.|\n)*a list"),
        (Bands, '{"names": ["a", 1], "edges": [0.5]}', r"the value\.names\[1\](.|\n)*type str"),
        (Mode, '{"name": "m", "kind": "noise", "strength": -1}', "strength"),
        (tuple[Mode, ...], '[{"name": "m"}]', r"the value\[0\](.|\n)*kind"),
        (dict[str, Entry], '{"f": 1}', r"the value\.f(.|\n)*a mapping"),
        (Sample, '{"count": true, "share": 2, "kind": "a"}', r"count(.|\n)*type int"),
        (Sample, '{"count": 1, "share": "2", "kind": "a"}', r"share(.|\n)*a number"),
        (Sample, '{"count": 1, "share": 2, "kind": "c"}', r"kind(.|\n)*one of a, b"),
        (Sample, '{"count": 1, "share": 2, "kind": "a", "wanted": 1}', r"wanted(.|\n)*type bool"),
    ],
)
def test_bad_text_names_the_key_and_what_was_expected(kind: Any, text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        from_json(kind)(text)


def test_an_option_of_a_script_refuses_bad_text(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bands", type=from_json(Bands))
    with pytest.raises(SystemExit):
        parser.parse_args(["--bands", '{"names": []}'])
    shown = capsys.readouterr().err
    assert "argument --bands: the value: a key is missing" in shown
    assert "edges" in shown
