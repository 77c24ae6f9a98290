"""Images that the workflow makes are written as they were made."""

from pathlib import Path

import numpy as np

from bandprobe.data.images import open_image
from bandprobe.data.made_images import made_images, write_made_images
from bandprobe.store.digests import data_digest, read_digest

SPEC = {
    "kind": "phantom",
    "bands": {"names": ["low", "high"], "edges": [0.5]},
    "size": 16,
    "patterns": 1,
    "train_images": 1,
    "eval_images": 1,
    "signal_to_noise": 0.5,
    "contrast": 0.1,
    "random_phase": False,
    "seed": 0,
}


def test_images_are_written_with_their_digest(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write_made_images(folder, SPEC)
    made = dict(made_images(SPEC))
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")} == set(made)
    name, pixels = next(iter(made.items()))
    stored = np.asarray(open_image(folder / name))
    np.testing.assert_array_equal(stored[..., 0], pixels)
    assert read_digest(folder) == data_digest(folder)
