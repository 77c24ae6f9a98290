"""Every command and snippet of the documentation is run, or stands in the table of exceptions."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
import yaml
from safetensors.torch import save_file

from bandprobe.study.parse import parse_study
from tests.workflow.conftest import HOME, WORKFLOW, TinyStudy, make_images, tiny_config
from tests.workflow.pages import (
    CLONE,
    DEFAULT,
    KINDS,
    PLACES,
    PYTHON,
    SHELL,
    SMALL,
    Block,
    blocks,
    listed,
    pages,
)

ALL = [block for page in pages() for block in blocks(page)]
LISTED = {(row.command, page): row for row in listed() for page in row.pages}
BIN = Path(sys.executable).parent


def names(found: list[Path]) -> list[str]:
    return [str(page.relative_to(HOME)) for page in found]


def of_page(page: str, place: str) -> list[Block]:
    return [b for b in ALL if (b.page, b.place) == (page, place) and b.kind in (SHELL, PYTHON)]


def to_run(page: str, place: str) -> list[str]:
    """Snippets and commands of a page that belong to a place, but for those listed."""
    blocks = of_page(page, place)
    parts = [[b.text] if b.kind == PYTHON else b.commands for b in blocks]
    return [part for some in parts for part in some if (part, page) not in LISTED]


def with_place(place: str) -> list[str]:
    return [page for page in names(pages()) if to_run(page, place)]


def test_every_block_says_what_it_is_and_where_it_runs() -> None:
    for block in ALL:
        where = f"{block.page}:{block.line}"
        assert block.kind in KINDS, where
        if block.kind in (SHELL, PYTHON):
            assert block.place in PLACES, f"{where}: no comment says where it runs"


def test_the_table_lists_what_is_on_the_pages_and_nothing_else() -> None:
    there = {(command, b.page) for b in ALL if b.kind == SHELL for command in b.commands}
    assert not set(LISTED) - there
    assert {row.instead for row in LISTED.values()} == {"make", "dry run", "syntax"}


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory, forks: Path) -> dict[str, str]:
    """The environment of a reader: commands by name, no network, weights in the cache."""
    folder = tmp_path_factory.mktemp("tools")
    for name in ("bandprobe", "snakemake"):
        entry = folder / name
        entry.write_text(f'#!/bin/sh\nexec {shlex.quote(str(forks))} -m {name} "$@"\n')
        entry.chmod(0o755)
    hub = folder / "huggingface"
    repository = hub / "hub" / "models--timm--resnet18.a1_in1k"
    commit = "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(timm.create_model("resnet18").state_dict(), snapshot / "model.safetensors")
    return os.environ | {
        "PATH": os.pathsep.join(map(str, [folder, forks.parent, BIN, os.environ["PATH"]])),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(hub),
    }


def copy_workflow(folder: Path) -> None:
    """Put into a folder what a clone holds."""
    for name in (*WORKFLOW, "config.yaml", "configs"):
        source = HOME / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True, parents=True)
            shutil.copy(source, folder / name)


def make_clone(folder: Path) -> Path:
    """A copy of what a clone holds, with images in data/flowers."""
    copy_workflow(folder)
    make_images(folder / "data" / "flowers")
    return folder


def run(command: str, folder: Path, tools: dict[str, str]) -> str:
    """Run one command as a reader would, and return what it printed."""
    # In an environment that the reader has made, and that the tests need not have.
    command = re.sub(r"(?<![\w/])\.venv/bin/", "", command)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=tools | {"PYTHONPATH": str(folder)},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_page(page: str, place: str, folder: Path, tools: dict[str, str]) -> list[str]:
    """Run all commands and snippets of a page that belong to a place, but for those listed."""
    ran = []
    for block in of_page(page, place):
        if block.kind == PYTHON:
            run(f"{sys.executable} -c {shlex.quote(block.text)}", folder, tools)
            ran.append(block.text)
            continue
        for command in block.commands:
            if (command, page) not in LISTED:
                run(command, folder, tools)
                ran.append(command)
    return ran


@pytest.mark.slow
@pytest.mark.parametrize("page", with_place(DEFAULT))
def test_commands_on_the_default_study(
    default_study: Path, tools: dict[str, str], page: str
) -> None:
    del default_study
    assert run_page(page, DEFAULT, HOME, tools) == to_run(page, DEFAULT)


@pytest.mark.slow
@pytest.mark.parametrize("page", with_place(SMALL))
def test_commands_on_a_small_study(study: TinyStudy, tools: dict[str, str], page: str) -> None:
    copy_workflow(study.folder)
    (study.folder / "config.yaml").write_text(yaml.safe_dump(study.config, sort_keys=False))
    assert run_page(page, SMALL, study.folder, tools) == to_run(page, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", with_place(CLONE))
def test_commands_in_a_clone(tmp_path: Path, tools: dict[str, str], page: str) -> None:
    clone = make_clone(tmp_path / "clone")
    ran = run_page(page, CLONE, clone, tools)
    assert ran == to_run(page, CLONE)
    if page == "docs/own-data.md":
        assert [command.split()[1] for command in ran if command.startswith("bandprobe")] == [
            *("init", "list", "plan", "list", "inspect", "show", "compare", "list", "list")
        ]
        results = clone / "results" / "flowers"
        assert (results / "figures" / "top1_drop_map.png").is_file()
        assert (results / "summary" / "interventions.csv").is_file()
        # pixels and four layers, two readouts, two modes, seven bands
        assert len(list((results / "targets").rglob("*.json"))) == 5 * 2 * 2 * 7


@pytest.mark.parametrize("key", LISTED, ids=lambda key: " on ".join(key))
def test_commands_that_are_listed(
    key: tuple[str, str], tmp_path: Path, tools: dict[str, str]
) -> None:
    command, instead = key[0], LISTED[key].instead
    if instead == "make":
        run(f"{command} --dry-run", HOME, tools)
    elif instead == "dry run":
        clone = make_clone(tmp_path / "clone")
        config = tiny_config()
        config["datasets"]["tiny"]["root"] = str(clone / "data" / "flowers")
        (clone / "my-study.yaml").write_text(yaml.safe_dump(config))
        run(f"{command} --dry-run --quiet", clone, tools)
    else:
        run(f"bash -n -c {shlex.quote(command)}", tmp_path, tools)
        words = shlex.split(command)
        if words[0] == "python":
            ast.parse(words[2])


def test_whole_configurations_on_the_pages_are_valid() -> None:
    found = [yaml.safe_load(block.text) for block in ALL if block.kind == "yaml"]
    whole = [config for config in found if {"datasets", "models", "modes"} <= set(config)]
    assert len(whole) >= 2
    for config in whole:
        parse_study(config)


def test_parts_of_configurations_on_the_pages_are_valid() -> None:
    needed = {key: tiny_config()[key] for key in ("datasets", "models", "bands", "modes")}
    found = [yaml.safe_load(block.text) for block in ALL if block.kind == "yaml"]
    parts = [config for config in found if set(config) & set(tiny_config())]
    assert len(parts) >= 8
    for config in parts:
        study = parse_study(needed | {"readouts": ["map"]} | config)
        assert config.get("models", study.models).keys() <= study.models.keys()
