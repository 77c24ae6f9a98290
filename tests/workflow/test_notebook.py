"""The notebook runs from its first to its last cell, on a study of other names than it has."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import HOME, PYTHON, TinyStudy

NOTEBOOK = HOME / "docs" / "notebook.ipynb"
NAMES = 'DATASET, MODEL, READOUT, MODE = "tiny", "resnet18", "map", "remove"'
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

source, target, folder = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
nbformat.write(notebook, target)
"""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_the_notebook_is_kept_without_outputs() -> None:
    for cell in read(NOTEBOOK)["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
def test_the_notebook_repeats_its_figure(finished: TinyStudy, tmp_path: Path) -> None:
    notebook = read(NOTEBOOK)
    (names,) = (
        cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ())
    )
    names["source"] = NAMES
    (tmp_path / "in.ipynb").write_text(json.dumps(notebook))
    done = subprocess.run(
        [PYTHON, "-c", EXECUTE, "in.ipynb", "out.ipynb", str(finished.folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    outputs = [cell.get("outputs", []) for cell in read(tmp_path / "out.ipynb")["cells"]]
    kinds = [set(output.get("data", {})) for output in outputs[-1]]
    assert any("image/png" in kind for kind in kinds)
    said = "".join("".join(o.get("text", "")) for cell in outputs for o in cell)
    # 2 layers by 7 bands: 7 x 7 and 2 x 2 maps have one and four empty bands.
    assert "8 values are equal, 6 do not exist" in said
