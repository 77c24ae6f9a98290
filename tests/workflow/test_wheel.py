"""A wheel runs studies without the checkout that it was built from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import HOME, make_images

pytestmark = pytest.mark.slow
PYTHON = Path(sys.prefix, "bin", "python")
# Of the study that `init` proposes, what takes least time.
SMALLEST = {
    "readouts": ["map"],
    "modes": {"remove": {"kind": "remove"}},
    "bands": {"names": ["low", "high"], "edges": [0.5]},
    "probe": {"penalties": [1], "folds": 2},
    "controls": {"draws": 0, "permutations": 0},
    "shapley": {"fill": "none"},
    "statistics": {"resamples": 100},
}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def succeeds(*command: str | Path, cwd: Path) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built by way of the source distribution, which therefore has all that it needs."""
    folder = tmp_path_factory.mktemp("dist")
    build = (PYTHON, "-m", "hatchling", "build", "--directory", folder, "--target")
    succeeds(*build, "sdist", cwd=HOME)
    (archive,) = folder.glob("*.tar.gz")
    succeeds("tar", "xzf", archive, cwd=folder)
    succeeds(*build, "wheel", cwd=folder / archive.name.removesuffix(".tar.gz"))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def tools(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a fresh environment that has the wheel, and sees the project's packages."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    succeeds(PYTHON, "-m", "venv", "--without-pip", folder, cwd=wheel.parent)
    python = folder / "bin" / "python"
    install = (PYTHON, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps")
    succeeds(*install, wheel, cwd=wheel.parent)
    packages = Path(
        succeeds(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
        ).strip()
    )
    # Folders that are named like this are searched, but their own .pth files, an editable install
    # among them, are not followed.
    folders = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "project.pth").write_text("\n".join(folders))
    return folder / "bin"


def test_a_wheel_has_its_own_copy_of_the_workflow(tools: Path, tmp_path: Path) -> None:
    code = (
        "import json, bandprobe; from bandprobe.workflow.home import workflow_home; "
        "print(json.dumps([bandprobe.__file__, str(workflow_home())]))"
    )
    places = json.loads(succeeds(tools / "python", "-c", code, cwd=tmp_path))
    for place in map(Path, places):
        assert place.is_relative_to(tools.parent)
        assert not place.is_relative_to(HOME)
    home = Path(places[1])
    for name in ("Snakefile", "config.yaml", "configs", "envs", "profiles", "rules", "workflow"):
        files = [path for path in (HOME / name).rglob("*") if path.is_file()] or [HOME / name]
        for file in files:
            if "__pycache__" not in file.parts:
                assert (home / file.relative_to(HOME)).read_bytes() == file.read_bytes()
    data = [
        path for path in (HOME / "bandprobe").rglob("*.*") if path.suffix not in (".py", ".pyc")
    ]
    assert {"py.typed", "config.schema.yaml", "publication.mplstyle", "report.html"} <= {
        path.name for path in data
    }
    for path in data:
        assert (home.parent / path.relative_to(HOME / "bandprobe")).is_file(), path


def test_a_study_from_init_to_its_report_by_the_wheel_alone(tools: Path, tmp_path: Path) -> None:
    make_images(tmp_path / "flowers", count=4)
    bandprobe = tools / "bandprobe"
    words = ("--images", "flowers", "--model", "timm/resnet18", "--layer", "layer3")
    succeeds(bandprobe, "init", *words, "--weights", "random", cwd=tmp_path)
    study = tmp_path / "study.yaml"
    config = yaml.safe_load(study.read_text())
    for key in ("refit", "head"):
        config.pop(key, None)
    config["models"].pop("pixels")
    config["models"]["resnet18"]["preprocess"] = {"size": [32, 32]}
    study.write_text(yaml.safe_dump(config | SMALLEST))
    assert "layer3" in succeeds(bandprobe, "list", "--config", study, cwd=tmp_path)
    assert "targets" in succeeds(bandprobe, "plan", "--no-times", "--config", study, cwd=tmp_path)
    run_report = (bandprobe, "run", study, "--cores", "1", "results/flowers/report.html")
    succeeds(*run_report, cwd=tmp_path)
    results = tmp_path / "results" / "flowers"
    assert (results / "report.html").stat().st_size > 10_000
    assert len(list((results / "targets").rglob("*.json"))) == 2
    # An edit of the installed files is seen, and everything else is up to date.
    sheet = next(tools.parent.glob("lib/*/site-packages/bandprobe/report/templates/report.css"))
    sheet.write_text(sheet.read_text() + "/* edited */")
    planned = succeeds(*run_report, "--dry-run", cwd=tmp_path)
    assert re.findall(r"^(\w+) +(\d+)$", planned, re.M)[:2] == [
        ("write_report", "1"),
        ("total", "1"),
    ]
