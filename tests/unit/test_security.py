"""No code runs from what is read, and no name leads out of its folder."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from bandprobe.base.folders import replace_folder
from bandprobe.data.cifar import class_names
from bandprobe.errors import BandprobeError, ConfigError, DatasetError, StoreError
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study

HOME = Path(__file__).parents[2]
SOURCES = [
    *HOME.glob("bandprobe/**/*.py"),
    *HOME.glob("workflow/scripts/*.py"),
    *HOME.glob("docs/*.py"),
    *HOME.glob("benchmarks/*.py"),
]
# Imports that unpickle, or hand a text to a shell.
MODULES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "cPickle"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"}
CALLS |= {"yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle", "pd.read_pickle"}
CALLS |= {"pickle.load", "pickle.loads", "tarfile.open", "shutil.unpack_archive"}
METHODS = {"extractall", "extract_archive", "read_pickle", "to_pickle", "unsafe_load", "full_load"}
# The one place where the user's code is imported; and the command line and
# the package's public names, which import modules from fixed lists of their own.
IMPORTS = {
    "bandprobe/__init__.py",
    "bandprobe/base/callables.py",
    "bandprobe/cli/main.py",
}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def forbidden(source: str, name: str) -> list[str]:
    """What a source file calls or imports that could run what it reads."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            if (module or "").split(".")[0] in MODULES:
                found.append(f"import {module}")
        if not isinstance(node, ast.Call):
            continue
        call = dotted(node.func)
        given = {word.arg: word.value for word in node.keywords}
        if call in CALLS or call.rsplit(".", 1)[-1] in METHODS:
            found.append(call)
        if call.endswith("torch.load") and not is_true(given.get("weights_only")):
            found.append("torch.load without weights_only=True")
        if call in ("np.load", "numpy.load") or is_true(given.get("allow_pickle")):
            found.append(f"{call} with pickle")
        if is_true(given.get("shell")):
            found.append(f"{call} with a shell")
        if call.endswith("import_module") and name not in IMPORTS:
            found.append(call)
    return found


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_source_file_runs_what_it_reads(path: Path) -> None:
    assert forbidden(path.read_text(), path.relative_to(HOME).as_posix()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f, allow_pickle=True)",
        "np.load(f)",
        "eval(text)",
        "yaml.load(text)",
        "subprocess.run(text, shell=True)",
        "archive.extractall(folder)",
        "importlib.import_module(name)",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert forbidden(source, "x.py")


def test_sources_were_searched() -> None:
    assert len(SOURCES) > 80


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch ran']",
        "a: !!python/name:os.system",
        "!!python/module:os",
        "datasets: !custom {}",
    ],
)
def test_yaml_that_would_run_code_is_refused(tmp_path: Path, text: str, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(text)
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(Path("c.yaml"))
    assert not Path("ran").exists()


def test_a_template_is_refused_by_the_commands(config: dict[str, Any]) -> None:
    # Snakemake's own reader would run the expressions of such a file.
    with pytest.raises(ConfigError, match="unknown key '__use_yte__'"):
        parse_study(config | {"__use_yte__": True})


def test_yaml_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "c.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="too large, or refers to itself"):
        parse_study(load_config(tmp_path / "c.yaml"))


@pytest.mark.slow
def test_yaml_that_refers_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("datasets: &a {mine: *a}")
    with pytest.raises(ConfigError, match="too large, or refers to itself"):
        parse_study(load_config(tmp_path / "c.yaml"))


def test_yaml_of_endless_depth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("[" * 20_000)
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize("kind", ["datasets", "models", "modes"])
@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/x", "x\n", "", ".x", "a b", "$(x)", "a\0"])
def test_names_cannot_leave_their_folder(config: dict[str, Any], kind: str, name: str) -> None:
    config[kind] = {name: next(iter(config[kind].values()))}
    with pytest.raises(ConfigError):
        parse_study(config)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "x\n"])
def test_layers_and_bands_cannot_leave_their_folder(config: dict[str, Any], name: str) -> None:
    other = yaml.safe_load(yaml.safe_dump(config))
    config["models"]["net"]["layers"] = [[name]]
    other["bands"]["names"][0] = name
    for wrong in (config, other):
        with pytest.raises(ConfigError):
            parse_study(wrong)


@pytest.mark.parametrize("folder", ["../x", "/etc", "a/../../b"])
def test_splits_cannot_leave_their_root(config: dict[str, Any], folder: str) -> None:
    config["datasets"]["mine"]["splits"] = {"train": "train", "eval": folder}
    with pytest.raises(ConfigError, match=r"mine\.splits\.eval leads out of root"):
        parse_study(config)


@pytest.mark.parametrize("asset", ["asset/../../x", "asset/unknown"])
def test_assets_are_those_that_are_pinned(config: dict[str, Any], asset: str) -> None:
    from bandprobe.data.assets import find_asset

    with pytest.raises(BandprobeError):
        find_asset(asset.partition("/")[2])


@pytest.mark.parametrize("key", ["checkpoint_path", "pretrained", "pretrained_cfg", "weights"])
def test_arguments_cannot_load_weights_past_the_checks(config: dict[str, Any], key: str) -> None:
    config["models"]["net"]["arguments"] = {key: "evil.pth"}
    with pytest.raises(ConfigError, match=f"{key} would load weights past all checks"):
        parse_study(config)


@pytest.mark.parametrize("name", ["../x.png", "/tmp/x.png", "a/../../x.png", "", "a/\0"])
def test_files_of_an_archive_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "f"
    with pytest.raises(StoreError, match="leads out of the folder"):
        replace_folder(folder, [("good.png", b"1"), (name, b"2")])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_class_names_of_cifar_cannot_name_folders_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    names = sorted(["../../evil", *"bcdefghij"])
    (folder / "batches.meta.txt").write_text("\n".join(names))
    with pytest.raises(DatasetError, match="not the class names of cifar10"):
        class_names("cifar10", tmp_path)
