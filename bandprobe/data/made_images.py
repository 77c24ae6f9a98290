"""Images that the workflow writes itself, because they are generated or lie in no image files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.data import cifar
from bandprobe.data.phantom import Phantom


def made_images(spec: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names and pixels of the images of a data set that is made here.

    Grey images of shape (height, width), or colour ones of shape (height, width, 3).
    """
    if spec["kind"] == "phantom":
        return Phantom.from_config(spec).pixels()
    root, limit = Path(spec["root"]), spec.get("per_class")
    return cifar.chosen_images(spec["kind"], root, limit, spec["seed"])
