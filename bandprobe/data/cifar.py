"""CIFAR-10 and CIFAR-100 in their binary version, which needs no pickle.

The Python version that torchvision downloads is pickled, and unpickling a file runs what it says.
The binary version has the same images as plain bytes: a record is one or two label bytes and
3072 bytes of colour planes (Krizhevsky, Learning Multiple Layers of Features from Tiny Images,
2009; the layout is described on the data set's own page).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.errors import DatasetError

SIDE = 32
PIXELS = 3 * SIDE * SIDE
SUFFIXES = (".bin", ".txt")
# They become folders.
NAME = re.compile(r"\w+")
PAGE = "https://www.cs.toronto.edu/~kriz"


@dataclass(frozen=True)
class Layout:
    """Where the binary version of one of the two lies below its root.

    Attributes
    ----------
    archive, folder, names : str
        Archive, the folder in it, and the file of class names in it.
    files : mapping from split to file names
    label_bytes : int
        Before the pixels of each record; the last of them is the class.
    n_classes : int
    pickled : str
        Folder of the Python version.
    """

    archive: str
    folder: str
    names: str
    files: dict[str, tuple[str, ...]]
    label_bytes: int
    n_classes: int
    pickled: str


LAYOUTS = {
    "cifar10": Layout(
        archive="cifar-10-binary.tar.gz",
        folder="cifar-10-batches-bin",
        names="batches.meta.txt",
        files={
            "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            "eval": ("test_batch.bin",),
        },
        label_bytes=1,
        n_classes=10,
        pickled="cifar-10-batches-py",
    ),
    "cifar100": Layout(
        archive="cifar-100-binary.tar.gz",
        folder="cifar-100-binary",
        names="fine_label_names.txt",
        files={"train": ("train.bin",), "eval": ("test.bin",)},
        label_bytes=2,
        n_classes=100,
        pickled="cifar-100-python",
    ),
}


def class_names(kind: str, root: Path) -> list[str]:
    """Names of the classes in the order of their labels.

    Raises
    ------
    DatasetError
        If the files are missing, with the command that fetches them, or have other names.
    """
    layout = LAYOUTS[kind]
    path = root / layout.folder / layout.names
    if not path.is_file():
        pickled = (root / layout.pickled).is_dir()
        raise DatasetError(
            f"{path} is missing",
            expected=f"the binary version of the data set in {root / layout.folder}",
            found=f"the Python version in {root / layout.pickled}, which is pickled: reading it "
            "would run what the file says"
            if pickled
            else None,
            hint=f"on a machine with network: mkdir -p {root} && curl -fsSL "
            f"{PAGE}/{layout.archive} | tar -xz -C {root}",
        )
    names = path.read_text(encoding="utf-8", errors="replace").split()
    plain = all(NAME.fullmatch(name) for name in names)
    if len(set(names)) != layout.n_classes or names != sorted(names) or not plain:
        raise DatasetError(
            f"{path}: not the class names of {kind}",
            expected=f"{layout.n_classes} names in alphabetical order, of letters and underscores",
            found=f"{len(set(names))} names",
        )
    return names


def read_split(kind: str, root: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Labels and images of one split.

    Returns
    -------
    labels : array of shape (n_images,)
    images : array of shape (n_images, 32, 32, 3)

    Raises
    ------
    DatasetError
        If a file is missing or cut, or has a label that the data set lacks.
    """
    layout = LAYOUTS[kind]
    size = layout.label_bytes + PIXELS
    parts = []
    for name in layout.files[split]:
        path = root / layout.folder / name
        try:
            content = np.fromfile(path, np.uint8)
        except OSError as error:
            raise DatasetError(f"cannot read {path}", found=error.strerror) from error
        if not len(content) or len(content) % size:
            raise DatasetError(
                f"{path} is not a multiple of the record size",
                expected=f"a multiple of {size} bytes",
                found=f"{len(content)} bytes",
                hint="unpack the archive again",
            )
        parts.append(content.reshape(-1, size))
    records = np.concatenate(parts)
    labels = records[:, layout.label_bytes - 1]
    if labels.max() >= layout.n_classes:
        raise DatasetError(
            f"{root / layout.folder}: a label out of range",
            expected=f"0 to {layout.n_classes - 1}",
            found=int(labels.max()),
        )
    planes = records[:, layout.label_bytes :].reshape(-1, 3, SIDE, SIDE)
    return labels, planes.transpose(0, 2, 3, 1)


def chosen_images(
    kind: str, root: Path, per_class: int | None, seed: int
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Images with the names that they get as files: `split/class/place in the split.png`."""
    names = class_names(kind, root)
    generator = np.random.default_rng(seed)
    for split in ("train", "eval"):
        labels, images = read_split(kind, root, split)
        for label, name in enumerate(names):
            own = np.flatnonzero(labels == label)
            for place in np.sort(generator.permutation(own)[:per_class]):
                yield f"{split}/{name}/{place:05d}.png", images[place]
