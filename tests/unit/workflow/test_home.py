"""Where the workflow is found, in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandprobe.errors import BandprobeError
from bandprobe.workflow import home

HOME = Path(__file__).parents[3]


def test_in_a_checkout_the_workflow_is_its_own() -> None:
    assert home.workflow_home() == HOME
    assert home.PLACES[0] == HOME


def test_the_checkout_wins_over_the_copy_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, copy = tmp_path / "checkout", tmp_path / "copy"
    monkeypatch.setattr(home, "PLACES", (checkout, copy))
    with pytest.raises(BandprobeError, match="the workflow is missing") as error:
        home.workflow_home()
    assert str(copy / "Snakefile") in str(error.value)
    for folder in (copy, checkout):
        folder.mkdir()
        (folder / "Snakefile").touch()
        assert home.workflow_home() == folder
