"""ImageNet-1k: its standard order of classes, its folders on disk, and what is often wrong there.

Class `i` of every 1000-way ImageNet classifier is the i-th synset in alphabetical order. A folder
of another order or of other classes gives no error later on, only wrong numbers: so the folder is
compared with the standard list before any of it is used.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bandprobe.data.folders import class_rows, given_splits
from bandprobe.data.listing import list_images, list_tree, log_others
from bandprobe.data.sample import Sample
from bandprobe.errors import DatasetError

Item = TypeVar("Item")
SYNSET = re.compile(r"n\d{8}")
VALIDATION_FILE = re.compile(r"ILSVRC2012_val_\d{8}")
TRAINING_FILE = re.compile(r"n\d{8}_\d+")
LAYOUT = "one folder a class, named by its synset: n01440764 ... n15075141"
SORT = (
    "with ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz in FOLDER, torchvision sorts "
    'them into FOLDER/val: python -c "from torchvision.datasets import ImageNet; '
    "ImageNet('FOLDER', split='val')\""
)
IMAGENETTE = {"full": "imagenette2", "320px": "imagenette2-320", "160px": "imagenette2-160"}
# Of each class, where a configuration says nothing.
EVAL_SHARE = 0.5
NAMED = 10


@functools.cache
def standard_synsets() -> tuple[str, ...]:
    """The 1000 synsets in the standard order, from the list that timm ships.

    timm is found and not imported: importing it would import torch.

    Raises
    ------
    DatasetError
        If timm or its list is missing, or is not 1000 synsets in alphabetical order.
    """
    found = importlib.util.find_spec("timm")
    package = Path(found.origin).parent if found and found.origin else Path("timm")
    path = package / "data" / "_info" / "imagenet_synsets.txt"
    try:
        names = tuple(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise DatasetError(
            "cannot read the standard list of ImageNet classes",
            expected=str(path),
            found=error.strerror,
            hint="install the pinned timm",
        ) from error
    if len(set(names)) != 1000 or list(names) != sorted(names):
        raise DatasetError(
            f"{path} is not the standard list of ImageNet classes",
            expected="1000 synsets in alphabetical order",
            found=f"{len(set(names))} names",
        )
    return names


def imagenet_index(class_name: str) -> int | None:
    """Place of a synset in the standard order, 0 to 999, or None for any other name."""
    if not SYNSET.fullmatch(class_name):
        return None
    return _indices().get(class_name)


@functools.cache
def _indices() -> dict[str, int]:
    return {name: number for number, name in enumerate(standard_synsets())}


def common_root(spec: Mapping[str, Any]) -> Path:
    """The folder that image names are relative to: what validation and training folder share."""
    return Path(os.path.commonpath(_folders(spec).values()))


def _folders(spec: Mapping[str, Any]) -> dict[str, Path]:
    """The folders of a data set by their keys, all relative or all absolute."""
    folders = {key: Path(spec[key]) for key in ("root", "train_root") if key in spec}
    if len({folder.is_absolute() for folder in folders.values()}) > 1:
        folders = {key: folder.absolute() for key, folder in folders.items()}
    return {key: Path(os.path.normpath(folder)) for key, folder in folders.items()}


def validation_images(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Samples of the ImageNet validation folder, with readouts trained on a part of it or apart.

    Parameters
    ----------
    spec : mapping
        A data set of kind imagenet-val.
    root : Path
        `common_root` of it.

    Yields
    ------
    Sample
        Labels count the chosen classes in the standard order; they are the standard 0 to 999 only
        where all classes are chosen.
    """
    chosen = chosen_synsets(spec.get("classes"))
    folders = _folders(spec)
    validation = folders["root"]
    images = check_layout(validation, chosen, training=False)
    generator = np.random.default_rng(spec["seed"])
    limits = {split: spec.get(f"{split}_per_class") for split in ("train", "eval")}
    if "train_root" not in spec:
        for label, name in enumerate(chosen):
            files = _shuffled(images[name], generator)
            for split, part in zip(("train", "eval"), shares(files, spec, name), strict=True):
                chosen_files = sorted(part[: limits[split]])
                yield from class_rows(chosen_files, root, label, name, split)
        return
    training = folders["train_root"]
    training_images = check_layout(training, chosen, training=True)
    for split, listed in (("train", training_images), ("eval", images)):
        for label, name in enumerate(chosen):
            part = sorted(_shuffled(listed[name], generator)[: limits[split]])
            yield from class_rows(part, root, label, name, split)


def _shuffled(files: Sequence[Path], generator: np.random.Generator) -> list[Path]:
    return [files[i] for i in generator.permutation(len(files))]


def shares(
    files: Sequence[Item], spec: Mapping[str, Any], name: str
) -> tuple[Sequence[Item], Sequence[Item]]:
    """Training and evaluation files of a class: disjoint, at least one of each."""
    if len(files) < 2:
        raise DatasetError(
            f"{Path(spec['root']) / name}: a single image cannot be split",
            expected="two or more images a class",
            hint="give the training images a folder of their own: train_root",
        )
    n_eval = min(max(1, round(len(files) * spec.get("eval_share", EVAL_SHARE))), len(files) - 1)
    n_train = len(files) - n_eval
    if "train_share" in spec:
        n_train = min(max(1, round(len(files) * spec["train_share"])), n_train)
    return files[n_eval : n_eval + n_train], files[:n_eval]


def chosen_synsets(classes: int | Sequence[str] | None) -> list[str]:
    """The synsets that a configuration names, in the standard order: all, the first n, or a list.

    Raises
    ------
    DatasetError
        If a name is not one of the 1000.
    """
    names = standard_synsets()
    if classes is None:
        return list(names)
    if isinstance(classes, int | float):
        return list(names[: int(classes)])
    unknown = sorted(set(classes) - set(names))
    if unknown:
        raise DatasetError(
            "classes: not among the 1000 of ImageNet-1k",
            expected="synsets such as n01440764",
            found=_some(unknown),
        )
    return sorted(classes)


def check_layout(root: Path, chosen: Sequence[str], *, training: bool) -> dict[str, list[Path]]:
    """The images of the chosen classes of a folder in the layout of ImageNet.

    Raises
    ------
    DatasetError
        If it is not; each common mistake has a message of its own, with a way out.
    """
    if not root.is_dir():
        raise DatasetError(
            f"{root} is not a directory",
            expected=LAYOUT,
            hint=f"ImageNet is not downloaded by the workflow; {SORT}",
        )
    entries = [item.name for item in os.scandir(root) if item.is_dir() and item.name[0] != "."]
    folders = sorted(entries)
    known = set(standard_synsets())
    if not known.intersection(folders):
        raise _wrong_folders(root, folders, training)
    foreign = [name for name in folders if name not in known]
    if foreign:
        raise DatasetError(
            f"{root}: folders that are not classes of ImageNet-1k",
            expected=LAYOUT,
            found=_some(foreign),
            hint="move them out: labels follow from the folders",
        )
    listings = {name: list_tree(root / name) for name in chosen if name in folders}
    log_others(root, listings.values())
    images = {name: listing.images for name, listing in listings.items()}
    missing = [name for name in chosen if not images.get(name)]
    if missing:
        raise DatasetError(
            f"{root}: {len(missing)} of {len(chosen)} classes are missing or empty",
            expected=LAYOUT,
            found=f"no images of {_some(missing)}",
            hint="extract the archive again, or name the classes that you have: classes: [...]",
        )
    _check_files(root, chosen[0], images[chosen[0]][0].name, training)
    return images


def _wrong_folders(root: Path, folders: Sequence[str], training: bool) -> DatasetError:
    """What to say of a folder without a single synset folder."""
    key = "train_root" if training else "root"
    loose = list_images(root)
    if any(VALIDATION_FILE.match(path.name) for path in loose):
        return DatasetError(
            f"{root}: the validation images are not sorted into classes",
            expected=LAYOUT,
            found=f"{len(loose)} images in one folder, such as {loose[0].name}",
            hint=SORT,
        )
    for name in folders:
        inside = {item.name for item in (root / name).iterdir() if item.is_dir()}
        if inside.intersection(standard_synsets()):
            return DatasetError(
                f"{root}: the classes lie one level deeper",
                expected=LAYOUT,
                found=f"the class folders in {root / name}",
                hint=f"{key}: {root / name}",
            )
    return DatasetError(
        f"{root}: no folder is named by a synset",
        expected=LAYOUT,
        found=_some(folders) if folders else f"{len(loose)} images and no folder",
        hint="names and numbers of classes are not unique to one order of labels; rename the "
        "folders by the table in timm/data/_info/imagenet_synset_to_lemma.txt, or, if these are "
        "other classes, use kind: imagefolder"
        if folders
        else SORT,
    )


def _check_files(root: Path, name: str, first: str, training: bool) -> None:
    """The training folder given for the validation folder, or the other way round."""
    if not training and TRAINING_FILE.match(first):
        raise DatasetError(
            f"{root} contains training images",
            expected="validation images, such as ILSVRC2012_val_00000293.JPEG",
            found=f"{name}/{first}",
            hint="root is the validation folder; for training images use train_root, or "
            "kind: imagefolder for images of another origin",
        )
    if training and VALIDATION_FILE.match(first):
        raise DatasetError(
            f"{root} contains validation images: the readouts would be trained on what they are "
            "evaluated on",
            expected="training images, such as n01440764_10026.JPEG",
            found=f"{name}/{first}",
            hint="leave train_root out to split the validation folder itself",
        )


def imagenette_images(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Samples of Imagenette with its own splits, in torchvision's layout."""
    folder = root / IMAGENETTE[spec["size"]]
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is not a directory",
            expected=f"Imagenette as torchvision lays it out: {folder}/train, {folder}/val",
            hint=f'on a machine with network: python -c "from torchvision.datasets import '
            f"Imagenette; Imagenette('{root}', size='{spec['size']}', download=True)\"",
        )
    splits = {"train": f"{folder.name}/train", "eval": f"{folder.name}/val"}
    generator = np.random.default_rng(spec["seed"])
    rows = list(given_splits(splits, root, spec.get("per_class"), generator))
    foreign = sorted({row.class_name for row in rows if imagenet_index(row.class_name) is None})
    if foreign:
        raise DatasetError(
            f"{folder}: folders that are not classes of ImageNet-1k", found=_some(foreign)
        )
    yield from rows


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
