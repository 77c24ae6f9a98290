"""Shapes of a study's networks, asked of a process of its own: it imports what takes long and much.

`python -m bandprobe.planning.ask_shapes` reads a configuration as JSON and writes the shapes.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from bandprobe.planning.map_shapes import PIXELS, LayerShape, PassShape, image_passes
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study

Shapes = Mapping[str, tuple[PassShape, ...]]


def ask_shapes(study: Study) -> Shapes | None:
    """Every pass of every model of a study; None where a network cannot be built here.

    Its job will say why; studies of images alone need no other process.
    """
    if all(model.architecture == PIXELS for model in study.models.values()):
        return {name: image_passes(model) for name, model in study.models.items()}
    command = [sys.executable, "-m", "bandprobe.planning.ask_shapes"]
    done = subprocess.run(
        command, input=json.dumps(study.resolved), capture_output=True, text=True, check=False
    )
    return None if done.returncode else shapes_from(json.loads(done.stdout.splitlines()[-1]))


def shapes_from(plain: Mapping[str, Any]) -> Shapes:
    """The inverse of `dataclasses.asdict` of each pass."""
    return {
        name: tuple(
            PassShape(
                tuple(LayerShape(**layer) for layer in one["layers"]),
                one["flops"],
                one["parameters"],
            )
            for one in passes
        )
        for name, passes in plain.items()
    }


def main() -> None:
    """Write the shapes of the study that is read."""
    from bandprobe.planning.shapes import pass_shapes

    study = parse_study(json.load(sys.stdin))
    found = {name: pass_shapes(model) for name, model in study.models.items()}
    print(json.dumps({name: list(map(dataclasses.asdict, one)) for name, one in found.items()}))


if __name__ == "__main__":
    main()
