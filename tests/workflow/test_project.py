"""The project's own promises: pins that agree, docs that are generated, names that exist."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.workflow.conftest import HOME


def test_conda_environment_has_the_same_pins() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((HOME / "envs" / "bandprobe.yaml").read_text())
    (pip,) = (item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert pip == project["dependencies"]


def test_constraints_hold_every_pin() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    pinned = {
        line.strip().lower().replace("_", "-")
        for line in (HOME / "constraints.txt").read_text().splitlines()
    }
    extras = project["optional-dependencies"].values()
    for line in [*project["dependencies"], *(line for extra in extras for line in extra)]:
        assert line.lower().replace("_", "-") in pinned, line


def test_all_folders_of_tests_are_collected_but_the_cluster() -> None:
    pytest_options = tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["pytest"]
    collected = {HOME / path for path in pytest_options["ini_options"]["testpaths"]}
    found = {path.parent for path in (HOME / "tests").rglob("test_*.py")}
    left = {folder for folder in found if not collected & {folder, *folder.parents}}
    assert left == {HOME / "tests" / "cluster"}


def test_every_rule_has_a_log_an_environment_and_a_message() -> None:
    files = list((HOME / "rules").glob("*.smk"))
    assert len(files) > 10
    for path in files:
        for block in re.split(r"^\s*rule ", path.read_text(), flags=re.M)[1:]:
            keys = ["log:", "conda:", "message:"]
            # Verifying writes nothing.
            keys += [] if path.name == "verify.smk" else ["output:"]
            for key in keys:
                assert key in block, (path.name, block.splitlines()[0], key)


def test_modules_stay_short() -> None:
    files = [*HOME.glob("bandprobe/**/*.py"), *HOME.glob("workflow/scripts/*.py")]
    assert len(files) > 150
    for path in files:
        assert len(path.read_text().splitlines()) <= 400, path.name
