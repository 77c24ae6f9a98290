"""Disks that are full, read-only or rotten, and clocks that go wrong."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cases import quick_and_slow
from tests.faults.conftest import (
    Fault,
    assert_as_if_nothing_had_happened,
    lose,
    results,
    succeed,
)
from tests.workflow.conftest import TinyStudy

STORE = "features/pixels/pass-0/eval.zarr"
GOAL = f"results/tiny/{STORE}.digest.json"
ROOT = os.geteuid() == 0


# A job that begins to write that store.
WRITTEN = r"\.eval\.zarr\.[0-9a-f]+\.partial/"


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[bool]:
    """A file system over a folder, where this machine lets root mount one."""
    done = subprocess.run(
        ["mount", *options, str(folder)], capture_output=True, text=True, check=False
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def check_full(output: str, code: int, study: TinyStudy, message: str) -> None:
    assert code != 0
    assert "Traceback" not in output, output
    assert f"cannot write: {message}" in output
    assert "make room on the disk" in output
    assert not results(study, STORE).exists()
    assert not list(results(study, STORE).parent.glob(".*partial")), "the room is free again"


def test_a_limit_on_files_ends_in_one_clear_error(
    study: TinyStudy, whole: TinyStudy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(study, STORE)
    # The maps are one chunk of 12 KB; the job may write 10.
    done = study.run(GOAL, env=fault.env(WRITTEN, "limit"))
    check_full(done.output, done.code, study, "File too large")
    assert succeed(study.run(GOAL)).jobs == {"extract_features": 1}
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


@pytest.mark.slow
def test_a_full_disk_ends_in_one_clear_error(
    study: TinyStudy, whole: TinyStudy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system of 64 KB over the folder; without root, the limit on files again."""
    lose(study, STORE)
    folder = results(study, STORE).parent
    with mounted(folder, "-t", "tmpfs", "-o", "size=64k", "none") as small:
        if small:
            (folder / "filler").write_bytes(bytes(48_000))
            done = study.run(GOAL)
            check_full(done.output, done.code, study, "No space left on device")
        else:
            done = study.run(GOAL, env=fault.env(WRITTEN, "limit"))
            check_full(done.output, done.code, study, "File too large")
    assert succeed(study.run(GOAL)).jobs == {"extract_features": 1}
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write below a folder: root is not held by modes, so it gets a read-only mount."""
    if not ROOT:
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for path in folders:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in folders:
                path.chmod(0o755)
        return
    with mounted(folder, "--bind", str(folder)) as bound:
        flag = ["mount", "-o", "remount,ro,bind", str(folder)]
        if bound and subprocess.run(flag, check=False).returncode == 0:
            yield
            return
    # Where root may not mount: no file of it can be made or changed.
    subprocess.run(["chattr", "-R", "+i", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-R", "-i", str(folder)], check=True)


def test_results_that_cannot_be_written_end_in_one_clear_error(
    study: TinyStudy, whole: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One job writes both: what is left of it Snakemake itself would not overwrite.
    lose(study, STORE, STORE.replace("eval", "train"))
    with read_only(study.folder / "results"):
        output = study.fails(GOAL)
        assert "results/ cannot be written" in output
    assert succeed(study.run(GOAL)).jobs == {"extract_features": 1}
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


def test_results_that_cannot_be_written_can_still_be_verified(study: TinyStudy) -> None:
    with read_only(study.folder / "results"):
        output = succeed(study.run("verify")).output
    assert len(re.findall(r"^tiny .* ok$", output, flags=re.M)) > 5, output
    assert "problems" not in output


def chunk(study: TinyStudy) -> Path:
    found = results(study, STORE, "input", "c", "0", "0", "0", "0")
    assert found.is_file()
    return found


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


ROT = {
    "a flipped bit": flip,
    "a lost last chunk": lambda path: path.unlink(),
    "a truncated chunk": lambda path: path.write_bytes(path.read_bytes()[:100]),
}


@pytest.mark.parametrize(
    "rot", quick_and_slow(["a flipped bit"], ["a lost last chunk", "a truncated chunk"])
)
def test_rotten_features_are_named_and_made_again(
    study: TinyStudy, whole: TinyStudy, rot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spectra = "spectra/pixels/input.zarr"
    lose(study, spectra)
    ROT[rot](chunk(study))
    output = study.fails("spectra")
    assert f"results/tiny/{STORE}: the array 'input' is damaged on disk" in output
    assert re.search(r"input/c/0/0/0/0( is missing| \(\d+ bytes\): its checksum)", output)
    command = f"snakemake --cores all --force {GOAL}"
    assert command in output
    # The command of the message repeats what was lost, and nothing else.
    assert succeed(study.run(GOAL, options=["--force"])).jobs == {"extract_features": 1}
    again = succeed(study.run(f"results/tiny/{spectra}.digest.json"))
    assert again.jobs == {"compute_spectra": 1}
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


@pytest.mark.slow
def test_without_the_command_the_next_run_heals_itself(
    study: TinyStudy, whole: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(study, "spectra/pixels/input.zarr")
    flip(chunk(study))
    study.fails("spectra")
    done = succeed(study.run("spectra"))
    assert done.jobs["extract_features"] == 1
    assert done.jobs["compute_spectra"] == 1
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


YEAR = 365 * 24 * 3600


def set_clock(study: TinyStudy, shift: int) -> None:
    """All results bear a time that the clock does not reach for a year, or one long gone."""
    now = time.time()
    for path in study.folder.joinpath("results").rglob("*"):
        os.utime(path, (now + shift, now + shift))


def test_a_clock_that_was_set_plans_what_has_changed_and_nothing_else(study: TinyStudy) -> None:
    for shift in (YEAR, -YEAR):
        set_clock(study, shift)
        assert not study.plan("summaries").jobs
        study.config["modes"]["perturb"]["seed"] = 7
        jobs = study.plan("summaries").jobs
        assert (jobs["intervene_random"], jobs["score_targets"]) == (2, 2)
        assert not jobs["intervene_linear"]
        study.config["modes"]["perturb"].pop("seed")


@pytest.mark.slow
@pytest.mark.parametrize("shift", [YEAR, -YEAR], ids=["made in the future", "made long ago"])
def test_a_clock_that_was_set_runs_nothing_again_and_hides_no_change(
    study: TinyStudy, whole: TinyStudy, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(study, shift)
    assert not succeed(study.run("summaries")).jobs
    study.config["modes"]["perturb"]["seed"] = 7
    changed = succeed(study.run("summaries"))
    assert changed.jobs["intervene_random"] == 2
    assert changed.jobs["score_targets"] == 2
    assert changed.jobs["summarise_interventions"] == 1
    table = results(study, "summary", "interventions.csv").read_text()
    assert table != results(whole, "summary", "interventions.csv").read_text()
    study.config["modes"]["perturb"].pop("seed")
    succeed(study.run("summaries"))
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)
