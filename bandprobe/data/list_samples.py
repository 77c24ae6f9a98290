"""The manifest of a data set, from its images."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bandprobe.data.datasets import MADE_HERE, file_suffixes, folders_of, samples
from bandprobe.data.image_files import list_files, path_of, read_contents, write_record
from bandprobe.data.images import upright_size
from bandprobe.data.inputs import input_size
from bandprobe.data.manifest import image_rows, skipped_images, write_manifest
from bandprobe.data.shared_images import reasons_to_drop

RECORD = "image_files.parquet"


def list_samples(
    output: Path, spec: Mapping[str, Any], root: Path, state: str = "", threads: int = 1
) -> None:
    """List the samples of a data set, after decoding every image once; log what is left out.

    Parameters
    ----------
    output : Path
        The manifest.
    spec : mapping
        The data set's part of the configuration.
    root : Path
        Folder of the images.
    state : str
        What the workflow knows the user's files by, as of `datasets.state_of`; it is written down
        beside the manifest with what they are, where the data set has files of the user's.
    threads : int
        Images that are decoded at the same time.
    """
    n_channels = spec.get("channels")
    size_of = partial(input_size, n_channels=n_channels) if n_channels else upright_size
    on_bad_image = spec.get("on_bad_image", "fail")
    leave_out = partial(reasons_to_drop, root=root, on_shared_images=spec.get("on_shared_images"))
    # Before they are read: a file that changes meanwhile then differs from what is written down.
    is_users = bool(state and folders_of(spec))
    files = list_files(folders_of(spec), file_suffixes(spec)) if is_users else {}
    write_manifest(
        output, samples(spec, root), root, on_bad_image, size_of, leave_out, threads=threads
    )
    left_out = skipped_images(output)
    for image, reason in left_out.items():
        logging.warning("left out %s: %s", image, reason)
    if is_users:
        contents = {root / image: digest for image, digest in image_rows(output).items()}
        more = [root / image for image in left_out]
        if spec["kind"] in MADE_HERE:
            # Images are written out of them: all count.
            more = [path_of(folders_of(spec), name) for name in files]
        contents |= dict(zip(more, read_contents(more), strict=True))
        # A table counts by its own content.
        own = state.partition(" ")[0]
        write_record(output.with_name(RECORD), own, files, folders_of(spec), contents)
