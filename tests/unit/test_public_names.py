"""What `import bandprobe` offers, and what it costs."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

import bandprobe
from bandprobe.study.parse import parse_study

HOME = Path(__file__).parents[2]


def test_importing_the_package_imports_no_library() -> None:
    code = (
        "import sys, bandprobe; dir(bandprobe); "
        "print([name for name in sys.modules if name.partition('.')[0] in "
        "('numpy', 'scipy', 'xarray', 'zarr', 'torch') or name.startswith('bandprobe.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_the_one_of_its_module() -> None:
    assert bandprobe.__all__ == sorted(bandprobe.__all__)
    assert set(bandprobe._MODULES) == set(bandprobe.__all__) <= set(dir(bandprobe))
    for name, module in bandprobe._MODULES.items():
        thing = getattr(bandprobe, name)
        assert thing is getattr(importlib.import_module(module), name)
        assert thing.__module__ == module
        assert inspect.getdoc(thing)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(bandprobe.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == bandprobe._MODULES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'bandprobe' has no attribute 'bands_of'"):
        _ = bandprobe.bands_of


def test_the_package_itself_imports_names_from_where_they_are_defined() -> None:
    # Digests of code follow imports by module: a name taken from the package would not be seen.
    files = [*(HOME / "bandprobe").rglob("*.py"), *(HOME / "workflow").rglob("*.py")]
    assert len(files) > 100
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "bandprobe", f"{file}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = node.value.id == "bandprobe" and node.attr in bandprobe.__all__
                assert not used, f"{file}:{node.lineno}"


@pytest.fixture
def default_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that `make study` leaves, as far as the examples look into it."""
    folder = tmp_path / "results" / "photos"
    for name in ("targets", "summary"):
        (folder / name).mkdir(parents=True)
    shutil.copy(HOME / "config.yaml", folder)
    study = parse_study(yaml.safe_load((HOME / "config.yaml").read_text()))
    axes = {
        "model": list(study.models),
        "layer": list(dict.fromkeys(layer for _, layer in study.layers())),
        "readout": list(study.readouts),
        "mode": list(study.modes),
        "band": list(study.bands.names),
    }
    drop = xr.DataArray(np.zeros([len(names) for names in axes.values()]), axes)
    drop.to_dataset(name="top1_drop").to_netcdf(
        folder / "summary" / "interventions.nc", engine="h5netcdf"
    )
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("default_results")
def test_examples_in_docstrings_give_what_they_show() -> None:
    finder = doctest.DocTestFinder(recurse=False)
    things = [bandprobe, *(getattr(bandprobe, name) for name in bandprobe.__all__)]
    tests = {test.name: test for thing in things for test in finder.find(thing) if test.examples}
    assert {"bandprobe", "Bands", "Mode", "band_energy", "intervene", "map_spectra"} <= set(tests)
    for test in tests.values():
        report: list[str] = []
        doctest.DocTestRunner().run(test, out=report.append)
        assert not report, "".join(report)
