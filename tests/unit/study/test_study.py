"""Studies enumerate every target, and refuse what the schema cannot."""

import re
from typing import Any

import pytest

from bandprobe.data.images import Preprocess
from bandprobe.errors import ConfigError
from bandprobe.store.encoding import Storage
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import Paths
from bandprobe.study.study import Target

Config = dict[str, Any]


def test_targets_are_all_combinations_once_each(config: Config) -> None:
    config["datasets"]["other"] = {"kind": "photos", "asset": "photos"}
    config["readouts"] = ["map", "pooled"]
    config["modes"] |= {"keep": {"kind": "isolate"}, "perturb": {"kind": "phase", "draws": 3}}
    targets = list(parse_study(config).targets())
    # data sets x (layers of pixels + of net) x readouts x modes x bands
    assert len(targets) == len(set(targets)) == 2 * (1 + 3) * 2 * 3 * 2
    assert Target("other", "net", "layer3", "pooled", "perturb", "high") in targets
    assert not [t for t in targets if t.model == "pixels" and t.layer != "input"]


def test_layers_come_in_the_order_of_the_configuration(config: Config) -> None:
    study = parse_study(config)
    assert list(study.layers()) == [
        ("pixels", "input"),
        ("net", "layer1"),
        ("net", "layer2"),
        ("net", "layer3"),
    ]


def test_layers_know_their_pass(config: Config) -> None:
    model = parse_study(config).models["net"]
    assert model.layers == ("layer1", "layer2", "layer3")
    for layer in model.layers:
        assert layer in model.layers_of(model.pass_of(layer))
    assert model.pass_of("layer1") == model.pass_of("layer2") != model.pass_of("layer3")
    with pytest.raises(ConfigError, match=r"layer of net 'layer9'.*layer1, layer2, layer3"):
        model.pass_of("layer9")


def test_everything_that_was_configured_is_parsed(config: Config) -> None:
    config["models"]["net"]["preprocess"] = {"size": [64, 32], "mean": [0.5, 0.5, 0.5]}
    config["models"]["net"]["arguments"] = {"img_size": 64}
    config["modes"]["perturb"] = {"kind": "phase", "draws": 3, "seed": 7}
    config["probe"] = {"penalties": [0.1, 1], "folds": 3, "seed": 4}
    config["spectra"] = {"window": "hann"}
    config["statistics"] = {"resamples": 500, "level": 0.9, "seed": 5, "unit": "class"}
    config["storage"] = {"dtype": "float32"}
    study = parse_study(config)
    net = study.models["net"]
    assert net.preprocess == {"size": [64, 32], "mean": [0.5, 0.5, 0.5]}
    assert Preprocess.from_config(study.models["pixels"].preprocess) == Preprocess()
    assert net.arguments == {"img_size": 64}
    assert (net.architecture, net.weights, net.seed) == ("timm/resnet18", "random", 0)
    assert study.models["pixels"].weights == "none"
    mode = study.modes["perturb"]
    assert (mode.name, mode.kind, mode.draws, mode.seed) == ("perturb", "phase", 3, 7)
    assert (study.probe.penalties, study.probe.folds, study.probe.seed) == ((0.1, 1.0), 3, 4)
    assert study.spectra.window == "hann"
    statistics = study.statistics
    assert (statistics.resamples, statistics.level, statistics.seed) == (500, 0.9, 5)
    assert (statistics.interval, statistics.unit) == ("cluster-t", "class")
    assert (study.bands.names, study.bands.edges) == (("low", "high"), (0.4,))
    assert (study.storage.dtype, study.readouts) == ("float32", ("map",))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("dataset", "mine"),
        ("model", "net"),
        ("readout", "map"),
        ("mode", "remove"),
        ("band", "high"),
    ],
)
def test_a_name_is_found_or_the_valid_ones_are_listed(config: Config, kind: str, name: str) -> None:
    study = parse_study(config)
    assert study.select(kind, name) == name
    with pytest.raises(ConfigError, match=f"unknown {kind} '{name}s'.*Did you mean '{name}'"):
        study.select(kind, f"{name}s")


def set_key(config: Config, path: str, value: Any) -> None:
    *parents, last = path.split("/")
    inner: Any = config
    for key in parents:
        inner = inner[key]
    inner[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("probe", {"penalties": [1, 0.1]}, "probe.penalties must increase"),
        ("probe", {"penalties": [1, 1]}, "probe.penalties must increase"),
        ("bands/edges", [0.2, 0.4], "number of names does not fit"),
        ("bands", {"names": ["a", "b", "c"], "edges": [0.4, 0.2]}, "increase strictly"),
        ("bands/names", ["low", "low"], "twice"),
        ("models/net/layers", [["a", "b"], ["b"]], "models.net.layers: a layer occurs in two"),
        ("models/pixels/layers", [["output"]], r"models.pixels.layers(?s:.*)\[\[input\]\]"),
        ("models/pixels/weights", "random", "models.pixels.weights: pixels has no weights"),
        ("modes/remove", {"kind": "remove", "draws": 2}, "'remove': remove has nothing random"),
        ("datasets/mine", {"kind": "photos"}, "datasets.mine(?s:.*)either asset or root"),
        (
            "datasets/mine",
            {"kind": "photos", "asset": "photos", "root": "here"},
            "datasets.mine(?s:.*)either asset or root",
        ),
        (
            "datasets/mine",
            {"kind": "photos", "asset": "photos", "train_crops": 10},
            r"datasets.mine.train_crops(?s:.*)multiple of regions \(4\)(?s:.*)10",
        ),
        (
            "datasets/mine",
            {"kind": "photos", "asset": "photos", "eval_crops": 3},
            "datasets.mine.eval_crops",
        ),
        ("datasets/mine", {"kind": "imagefolder"}, "datasets.mine(?s:.*)root"),
        ("readots", ["map"], "did you mean 'readouts'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    config: Config, path: str, value: Any, message: str
) -> None:
    set_key(config, path, value)
    with pytest.raises(ConfigError, match=message):
        parse_study(config)


def test_a_network_without_weights_is_refused(config: Config) -> None:
    del config["models"]["net"]["weights"]
    with pytest.raises(ConfigError, match=r"models\.net\.weights is missing(?s:.*)random"):
        parse_study(config)


def test_an_edge_that_is_no_number_is_refused(config: Config) -> None:
    config["bands"]["edges"] = [float("nan")]
    with pytest.raises(ConfigError, match="bands"):
        parse_study(config)


def test_paths_tell_all_targets_apart(config: Config) -> None:
    config["readouts"] = ["map", "pooled"]
    targets = list(parse_study(config).targets())
    paths = {Paths.TARGET.format(**vars(target)) for target in targets}
    assert len(paths) == len(targets)


def test_path_patterns_separate_wildcards_by_slashes() -> None:
    patterns = [v for k, v in vars(Paths).items() if k.isupper()]
    assert len(patterns) > 10
    for pattern in patterns:
        assert not re.search(r"\}[^/.]", pattern)
    assert Paths.digest("a/b.zarr") == "a/b.zarr.digest.json"


@pytest.mark.parametrize("architecture", ["timm/resnet18", "torchvision/resnet18", "python/a:b"])
def test_every_network_may_be_given_a_layout(config: Config, architecture: str) -> None:
    config["models"]["net"] |= {"architecture": architecture, "weights": "random"}
    config["models"]["net"]["layout"] = {"grid": [4, 4]}
    assert parse_study(config).models["net"].layout == {"grid": [4, 4]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "torchvision/resnet18", "weights": "asset/x"}, "not for torchvision/"),
        ({"architecture": "python/a.b:c", "weights": "pretrained"}, "not for python/"),
        ({"weights_sha256": "0" * 64}, r"weights_sha256: only for file/PATH and pretrained"),
        ({"weights_key": "ema"}, r"weights_key: only for file/PATH"),
        ({"weights": "pretrained", "weights_prefix": "a."}, r"weights_prefix: only for file/PATH"),
    ],
)
def test_weights_that_an_architecture_cannot_have_are_refused(
    config: Config, changes: dict[str, Any], message: str
) -> None:
    config["models"]["net"] |= changes
    with pytest.raises(ConfigError, match=rf"models\.net\.(weights: )?{message}"):
        parse_study(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "torchvision/vit_b_16", "weights": "pretrained/IMAGENET1K_V1"},
        {"weights": "pretrained/tv_in1k", "weights_sha256": "0" * 64},
        {"weights": "file/a b/c.pth", "weights_sha256": "0" * 64},
        {"weights": "file/a.pth", "weights_key": "", "weights_prefix": "model."},
        {
            "architecture": "python/my_nets:make",
            "weights": "file/a.bin",
            "layout": {"prefix_tokens": 1, "grid": [4, 2], "channels_last": False},
        },
    ],
)
def test_networks_of_every_origin_are_parsed(config: Config, changes: dict[str, Any]) -> None:
    config["models"]["net"] |= changes
    study = parse_study(config)
    net = study.models["net"]
    assert net.weights == changes["weights"]
    assert net.architecture == changes.get("architecture", "timm/resnet18")
    assert {key: study.resolved["models"]["net"][key] for key in changes} == changes
    assert net.preprocess == {}


def test_untrained_twins_stand_beside_their_models(config: dict[str, Any]) -> None:
    config["models"]["net"]["weights"] = "file/net.safetensors"
    config["controls"] = {"random_weights": ["net"]}
    study = parse_study(config)
    twin, own = study.models["net-random"], study.models["net"]
    assert twin.weights == own.weights == "file/net.safetensors"
    assert (twin.untrained, own.untrained) == (True, False)
    assert twin.passes == own.passes
    assert twin.architecture == own.architecture
    again = parse_study(study.resolved)
    assert list(again.models) == ["pixels", "net", "net-random"]


@pytest.mark.parametrize("name", ["pixels", "nett"])
def test_only_networks_have_untrained_twins(config: dict[str, Any], name: str) -> None:
    config["controls"] = {"random_weights": [name]}
    with pytest.raises(ConfigError, match="Valid: net"):
        parse_study(config)


def test_refit_is_defined_for_the_modes_that_keep_bands(config: dict[str, Any]) -> None:
    config["readouts"] = ["map", "refit"]
    config["modes"] |= {"low": {"kind": "lowpass"}, "turn": {"kind": "phase"}}
    study = parse_study(config)
    assert study.refit_modes == ("remove", "low")
    assert study.is_defined("map", "turn")
    assert not study.is_defined("refit", "turn")
    config["refit"] = {"modes": ["low"]}
    assert not parse_study(config).is_defined("refit", "remove")
    config["refit"] = {"modes": ["turn"]}
    with pytest.raises(ConfigError, match=r"(?s)refit.modes.*turn"):
        parse_study(config)


def test_shapley_values_of_too_many_bands_are_refused(config: dict[str, Any]) -> None:
    config["bands"] = {
        "names": [f"b{number}" for number in range(13)],
        "edges": [0.1 * (1 + number) for number in range(12)],
    }
    with pytest.raises(ConfigError, match="too many bands"):
        parse_study(config)
    config["shapley"] = {"fill": "none"}
    assert parse_study(config).shapley_fill == "none"


def test_precision_and_storage_are_read_and_default_to_what_they_were(
    config: dict[str, Any],
) -> None:
    study = parse_study(config)
    assert (study.precision, study.storage) == ("float32", Storage("float16", None, "none"))
    config |= {"precision": "bfloat16", "storage": {"keepbits": 6, "codec": "blosc-zstd"}}
    study = parse_study(config)
    assert (study.precision, study.storage) == ("bfloat16", Storage("float16", 6, "blosc-zstd"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "float16"}, "(?s)precision.*bfloat16"),
        ({"storage": {"dtype": "bfloat16"}}, "(?s)storage.dtype.*float16"),
        ({"storage": {"codec": "gzip"}}, "(?s)storage.codec.*blosc-lz4"),
        ({"storage": {"keepbits": 5}}, "(?s)storage.keepbits.*saves nothing"),
        ({"storage": {"keepbits": 12, "codec": "zstd"}}, "(?s)keepbits.*1 to 9 for float16"),
        ({"storage": {"bits": 5}}, "unknown key 'bits'"),
    ],
)
def test_precision_and_storage_that_cannot_be_are_refused(
    config: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_study(config | change)


@pytest.mark.parametrize(
    ("preprocess", "message"),
    [
        ({"channels": 2}, r"preprocess\.channels: only with function"),
        ({"function": "a.b:c"}, r"(?s)a function does all of it.*found: +function"),
        ({"function": "a.b:c", "size": [4, 4], "mean": [0]}, r"(?s)does all of it.*mean"),
        ({"function": "a.b"}, r"preprocess\.function"),
        ({"mean": []}, r"preprocess\.mean"),
    ],
)
def test_keys_that_a_function_leaves_without_meaning_are_refused(
    config: Config, preprocess: dict[str, Any], message: str
) -> None:
    config["models"]["net"]["preprocess"] = preprocess
    with pytest.raises(ConfigError, match=message):
        parse_study(config)


def test_a_function_stands_alone(config: Config) -> None:
    spec = {"function": "a.b:c", "size": [4, 4], "channels": 2}
    config["models"]["net"]["preprocess"] = spec
    config["models"]["pixels"]["preprocess"] = spec
    study = parse_study(config)
    assert study.models["net"].preprocess == spec == study.models["pixels"].preprocess
