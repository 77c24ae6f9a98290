"""Images that the workflow writes itself, because they are generated or lie in no image files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.folders import replace_folder
from bandprobe.data import cifar
from bandprobe.data.images import png_bytes
from bandprobe.data.phantom import Phantom
from bandprobe.store.digests import write_digest


def write_made_images(output: Path, spec: Mapping[str, Any]) -> None:
    """Write the images of a data set as PNG files into a folder, and its digest.

    Parameters
    ----------
    output : Path
        The folder, which is replaced.
    spec : mapping
        The data set's part of the configuration.
    """
    replace_folder(output, ((name, png_bytes(pixels)) for name, pixels in made_images(spec)))
    write_digest(output)


def made_images(spec: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names and pixels of the images of a data set that is made here.

    Grey images of shape (height, width), or colour ones of shape (height, width, 3).
    """
    if spec["kind"] == "phantom":
        return Phantom.from_config(spec).pixels()
    root, limit = Path(spec["root"]), spec.get("per_class")
    return cifar.chosen_images(spec["kind"], root, limit, spec["seed"])
