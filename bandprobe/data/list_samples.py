"""The manifest of a data set, from its images."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bandprobe.data.datasets import samples
from bandprobe.data.images import image_fault
from bandprobe.data.inputs import input_fault
from bandprobe.data.manifest import skipped_images, write_manifest
from bandprobe.data.shared_images import reasons_to_drop


def list_samples(output: Path, spec: Mapping[str, Any], root: Path) -> None:
    """List the samples of a data set, after decoding every image once; log what is left out.

    Parameters
    ----------
    output : Path
        The manifest.
    spec : mapping
        The data set's part of the configuration.
    root : Path
        Folder of the images.
    """
    n_channels = spec.get("channels")
    fault_of = partial(input_fault, n_channels=n_channels) if n_channels else image_fault
    on_bad_image = spec.get("on_bad_image", "fail")
    leave_out = partial(reasons_to_drop, root=root, on_shared_images=spec.get("on_shared_images"))
    write_manifest(output, samples(spec, root), root, on_bad_image, fault_of, leave_out)
    for image, reason in skipped_images(output).items():
        logging.warning("left out %s: %s", image, reason)
