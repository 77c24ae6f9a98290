"""Configurations: reading, the closed schema, defaults."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from bandprobe.errors import ConfigError
from bandprobe.study.config import load_config, resolve_config
from bandprobe.study.parse import parse_study

Config = dict[str, Any]
ROOT = Path(__file__).parents[3]


def change(config: Config, path: str, value: Any) -> Config:
    """A copy with one key set."""
    changed = deepcopy(config)
    *parents, last = path.split("/")
    inner: Any = changed
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return changed


def test_defaults_are_filled_in(config: Config) -> None:
    resolved = resolve_config(config)
    assert resolved["datasets"]["mine"] == {
        "kind": "imagefolder",
        "root": "images",
        "eval_share": 0.5,
        "on_empty_class": "fail",
        "on_bad_image": "fail",
        "on_shared_images": "fail",
        "seed": 0,
    }
    assert resolved["models"]["net"]["preprocess"] == {}
    assert resolved["models"]["net"]["seed"] == 0
    assert resolved["modes"]["remove"] == {
        "kind": "remove",
        "fill": "zero",
        "draws": 1,
        "seed": 0,
        "strength": 1.0,
    }
    assert resolved["probe"]["folds"] == 5
    assert len(resolved["probe"]["penalties"]) > 5
    assert resolved["statistics"] == {
        "resamples": 2000,
        "level": 0.95,
        "seed": 0,
        "interval": "cluster-t",
        "unit": "group",
    }
    assert resolved["storage"] == {"dtype": "float16", "codec": "none"}


def test_what_was_given_stands(config: Config) -> None:
    given = change(config, "probe", {"folds": 3})
    given["models"]["net"]["preprocess"] = {"size": [64, 32]}
    given["datasets"]["mine"]["splits"] = {"train": "a", "eval": "b"}
    resolved = resolve_config(given)
    assert resolved["probe"]["folds"] == 3
    assert resolved["probe"]["seed"] == 0
    assert resolved["models"]["net"]["preprocess"] == {"size": [64, 32]}
    assert resolved["datasets"]["mine"]["splits"] == {"train": "a", "eval": "b"}
    assert resolve_config(resolved) == resolved


def test_the_configuration_given_is_left_as_it_was(config: Config) -> None:
    before = deepcopy(config)
    resolve_config(config)
    assert config == before


def test_photos_have_defaults_of_their_own(config: Config) -> None:
    config["datasets"]["mine"] = {"kind": "photos", "asset": "photos"}
    resolved = resolve_config(config)["datasets"]["mine"]
    assert resolved["regions"] == 4
    assert resolved["crop_scale"] == [0.6, 1.0]
    assert "eval_share" not in resolved


def test_the_default_study_is_valid() -> None:
    resolved = resolve_config(load_config(ROOT / "config.yaml"))
    assert list(resolved["models"]) == ["pixels", "efficientnet_lite0", "dinov2_vits14"]
    assert resolve_config(resolved) == resolved


@pytest.mark.parametrize(
    ("path", "where", "right"),
    [
        ("readout", "the configuration", "readouts"),
        ("bands/edge", "bands", "edges"),
        ("models/net/wieghts", "models.net", "weights"),
        ("modes/remove/filll", "modes.remove", "fill"),
        ("datasets/mine/eval_shares", "datasets.mine", "eval_share"),
    ],
)
def test_a_misspelt_key_is_named_and_the_right_one_suggested(
    config: Config, path: str, where: str, right: str
) -> None:
    wrong = path.rsplit("/", 1)[-1]
    with pytest.raises(ConfigError) as caught:
        resolve_config(change(config, path, 1))
    assert f"{where}: unknown key {wrong!r}" in str(caught.value)
    assert f"did you mean {right!r}?" in str(caught.value)


def test_a_misspelt_key_of_an_optional_block_is_named(config: Config) -> None:
    with pytest.raises(ConfigError, match=r"probe: unknown key 'penalty'(?s:.*)'penalties'"):
        resolve_config(change(config, "probe", {"penalty": [1]}))


def test_a_key_like_no_other_points_to_the_documentation(config: Config) -> None:
    with pytest.raises(ConfigError, match=r"(?s)unknown key 'xyzzy'.*bands.*docs/config\.md"):
        resolve_config(change(config, "xyzzy", 1))


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("readouts", ["map", "cls"], "readouts"),
        ("readouts", [], "readouts"),
        ("readouts", ["map", "map"], "readouts"),
        ("bands/edges", [0.4, -0.1], "bands.edges"),
        ("bands/edges", "0.4", "bands.edges"),
        ("bands/names", ["low", "a/b"], "bands.names"),
        ("modes", {}, "modes"),
        ("modes/remove/kind", "erase", "modes.remove.kind"),
        ("modes/remove/fill", "noise", "modes.remove.fill"),
        ("modes/remove/draws", 0, "modes.remove.draws"),
        ("models/net/weights", "file/weights.npz", "models.net.weights"),
        ("models/net/weights", "pretrained/", "models.net.weights"),
        ("models/net/weights", "pretrained/../up", "models.net.weights"),
        ("models/net/weights_sha256", "abc", "models.net.weights_sha256"),
        ("models/net/architecture", "keras/resnet18", "models.net.architecture"),
        ("models/net/architecture", "python/module", "models.net.architecture"),
        ("models/net/architecture", "python/a.b:c.d", "models.net.architecture"),
        ("models/net/architecture", "python/../a:b", "models.net.architecture"),
        ("models/net/architecture", "python/a b:c", "models.net.architecture"),
        ("models/net/layout", {"rows": 1}, "models.net.layout"),
        ("models/net/layout", {"grid": [16]}, "models.net.layout.grid"),
        ("models/net/layers", [], "models.net.layers"),
        ("models/net/layers", [["../up"]], "models.net.layers"),
        ("models/net/preprocess", {"std": [1, 1, 0]}, "models.net.preprocess.std"),
        ("datasets/mine/eval_share", 1.0, "datasets.mine.eval_share"),
        ("datasets/mine/kind", "folder", "datasets.mine.kind"),
        ("datasets/mine", 5, "datasets.mine"),
        ("datasets", {"../up": {"kind": "imagefolder", "root": "a"}}, "datasets"),
        ("statistics", {"level": 1.5}, "statistics.level"),
        ("statistics", {"unit": "image"}, "statistics.unit"),
        ("storage", {"dtype": "float64"}, "storage.dtype"),
        ("probe", {"folds": 1}, "probe.folds"),
        ("probe", {"penalties": []}, "probe.penalties"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_place(
    config: Config, path: str, value: Any, where: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_config(change(config, path, value))
    assert str(caught.value).startswith(where)


@pytest.mark.parametrize("key", ["datasets", "models", "bands", "readouts", "modes"])
def test_a_missing_key_is_named(config: Config, key: str) -> None:
    del config[key]
    with pytest.raises(ConfigError, match=f"'{key}' is a required property"):
        resolve_config(config)


def test_a_missing_key_of_a_data_set_is_named(config: Config) -> None:
    del config["datasets"]["mine"]["root"]
    with pytest.raises(ConfigError, match=r"datasets\.mine.*'root'"):
        resolve_config(config)


def test_an_unknown_kind_of_data_set_lists_the_kinds(config: Config) -> None:
    with pytest.raises(ConfigError, match=r"(?s)photos, imagefolder.*found: +folder"):
        resolve_config(change(config, "datasets/mine/kind", "folder"))


def test_a_file_is_read(tmp_path: Path, config: Config) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(config))
    assert load_config(tmp_path / "a.yaml") == config


@pytest.mark.parametrize("text", ["a: [1", "a: !!python/object/apply:os.getcwd []", "\x00"])
def test_a_file_that_is_not_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.yaml is not valid YAML"):
        load_config(tmp_path / "a.yaml")


@pytest.mark.parametrize("text", ["", "- 1", "word"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match="has no keys"):
        load_config(tmp_path / "a.yaml")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        load_config(tmp_path / "gone.yaml")


def test_a_default_that_is_written_out_is_the_same_configuration(config: dict[str, Any]) -> None:
    plain = list(resolve_config(config).items())
    config["spectra"] = {"window": "none"}
    config["modes"]["remove"]["draws"] = 1
    assert list(resolve_config(config).items()) == plain


def test_a_changed_default_is_of_that_configuration_alone(config: Config) -> None:
    first = resolve_config(config)
    first["probe"]["penalties"].append(1e9)
    assert 1e9 not in resolve_config(config)["probe"]["penalties"]


def test_the_demonstration_says_that_it_is_one() -> None:
    """Its results have a folder of their own, beside those of the default study."""
    demo, default = (load_config(ROOT / name) for name in ("configs/demo.yaml", "config.yaml"))
    assert "demonstration" in demo["note"]
    assert set(demo["datasets"]).isdisjoint(default["datasets"])
    assert parse_study(demo).resolved["note"] == demo["note"]
    assert "note" not in parse_study(default).resolved


def test_the_demonstration_enlarges_no_crop_as_the_default_study_does_not() -> None:
    """Of its photos a square of 256 pixels fits a region; tests of that study look for flags."""
    demo, default = (load_config(ROOT / name) for name in ("configs/demo.yaml", "config.yaml"))
    shown, usual = demo["datasets"]["demo"], default["datasets"]["photos"]
    assert [shown[key] for key in ("regions", "crop_scale")] == [
        usual[key] for key in ("regions", "crop_scale")
    ]
    for name, spec in demo["models"].items():
        assert spec["preprocess"] == default["models"][name]["preprocess"]
        assert max(spec["preprocess"]["size"]) <= 256 * shown["crop_scale"][0]
