"""The samples of a data set, one row each, according to its kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bandprobe.data import cifar
from bandprobe.data.folders import (
    class_rows,
    image_folder,
    suffixes_of,
)
from bandprobe.data.image_files import state_now
from bandprobe.data.imagenet import (
    EVAL_SHARE,
    chosen_synsets,
    common_root,
    imagenet_index,
    imagenette_images,
    validation_images,
)
from bandprobe.data.listing import list_images
from bandprobe.data.photos import photo_crops
from bandprobe.data.sample import Sample
from bandprobe.data.table import table_images
from bandprobe.errors import ConfigError, DatasetError
from bandprobe.store.digests import file_digest

__all__ = [
    "MADE_HERE",
    "Sample",
    "check_spec",
    "file_suffixes",
    "folders_of",
    "root_of",
    "samples",
    "state_of",
    "without_places",
]

# Kinds whose images the workflow writes itself, once, to results/<dataset>/images.
MADE_HERE = ("cifar10", "cifar100", "phantom")
SPLITS = ("train", "eval")


def samples(spec: Mapping[str, Any], root: Path) -> list[Sample]:
    """All samples of a data set, training first, by its configuration.

    Parameters
    ----------
    spec : mapping
        One entry of `datasets`, defaults filled in.
    root : Path
        Folder that image names are relative to: of the kinds that are made here the folder of
        the written images, else `root_of(spec)`.
    """
    rows = [replace(r, imagenet_index=imagenet_index(r.class_name)) for r in _rows(spec, root)]
    return sorted(rows, key=lambda row: row.split != "train")


def _rows(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    kind = spec["kind"]
    if kind == "photos":
        return photo_crops(spec, root)
    if kind == "imagenet-val":
        return validation_images(spec, root)
    if kind == "imagenette":
        return imagenette_images(spec, root)
    if kind == "phantom":
        return _made(root, phantom_classes(spec))
    if kind in MADE_HERE:
        return _made(root, cifar.class_names(kind, Path(spec["root"])))
    if kind == "table":
        return table_images(spec, root)
    return image_folder(spec, root)


def phantom_classes(spec: Mapping[str, Any]) -> list[str]:
    """Classes of a phantom in the order of their labels, as `Phantom.class_names` has them.

    Said again here, so that the formulas of the bands are not part of the manifest's code.
    """
    numbers = range(1, spec["patterns"] + 1)
    if spec.get("conjunction"):
        first, second = spec["conjunction"]
        return [f"{first}-{n}-{second}-{m}" for n in numbers for m in numbers]
    return [f"{band}-{number}" for band in spec["bands"]["names"] for number in numbers]


def _made(root: Path, names: Iterable[str]) -> Iterator[Sample]:
    """Images that the workflow has written, with labels in the order of the names."""
    for split in SPLITS:
        for label, name in enumerate(names):
            folder = root / split / name
            files = list_images(folder) if folder.is_dir() else []
            if not files:
                raise DatasetError(
                    f"{folder} contains no image", hint=f"delete {root} and run again"
                )
            yield from class_rows(files, root, label, name, split)


def root_of(spec: Mapping[str, Any]) -> Path:
    """The folder of a user's images that image names are relative to."""
    return common_root(spec) if spec["kind"] == "imagenet-val" else Path(spec["root"])


# Where a user's files lie. Names in the manifest are relative to their root, so these count for no
# result as long as they lie together.
PLACES = ("root", "train_root", "table")


def folders_of(spec: Mapping[str, Any]) -> list[Path]:
    """The folders that a data set is read from."""
    return [Path(spec[key]) for key in ("root", "train_root") if key in spec]


def file_suffixes(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Endings of the files that a data set is read from."""
    return cifar.SUFFIXES if spec["kind"] in MADE_HERE else suffixes_of(spec)


def state_of(spec: Mapping[str, Any], record: Path) -> str:
    """What the user's files that a data set is read from are known by; empty without any.

    Parameters
    ----------
    spec : mapping
    record : Path
        As of `image_files.state_now`.
    """
    if "root" not in spec:
        return ""
    states = [state_now(folders_of(spec), file_suffixes(spec), record)]
    if spec["kind"] == "table" and Path(spec["table"]).is_file():
        states.append(file_digest(Path(spec["table"])))
    return " ".join(states)


def without_places(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A data set as it counts for results: its folders by where they lie among each other."""
    kept = {key: value for key, value in spec.items() if key not in PLACES}
    folders = folders_of(spec)
    if len(folders) > 1:
        root = root_of(spec).absolute()
        kept["folders"] = [os.path.relpath(folder.absolute(), root) for folder in folders]
    return kept


def check_spec(name: str, spec: Mapping[str, Any]) -> None:
    """Raise `ConfigError` or `DatasetError` for what the schema cannot see in a data set."""
    if spec["kind"] == "imagenet-val":
        _check_imagenet(name, spec)
    if spec["kind"] == "table":
        _check_table(name, spec)
        return
    for split, folder in spec.get("splits", {}).items():
        if Path(folder).is_absolute() or ".." in Path(folder).parts:
            raise ConfigError(
                f"datasets.{name}.splits.{split} leads out of root",
                expected=f"a folder below {spec['root']}",
                found=folder,
            )
    if "splits" in spec:
        training, evaluated = (Path(spec["root"], spec["splits"][key]) for key in SPLITS)
        hint = f"root: {evaluated} without splits divides one folder"
        _refuse_one_folder(f"datasets.{name}.splits", training, evaluated, hint)


def _refuse_one_folder(where: str, training: Path, evaluated: Path, hint: str) -> None:
    """Raise `ConfigError` for two names of one folder; the manifest compares the images."""
    if os.path.realpath(training) == os.path.realpath(evaluated):
        raise ConfigError(
            f"{where}: readouts would be evaluated on training images",
            expected="two folders",
            found=" and ".join(dict.fromkeys([str(training), str(evaluated)])),
            hint=hint,
        )


def _check_table(name: str, spec: Mapping[str, Any]) -> None:
    splits = spec.get("splits", {})
    if splits and splits["train"] == splits["eval"]:
        raise ConfigError(
            f"datasets.{name}.splits: readouts would be evaluated on training images",
            expected="two values of the column split",
            found=splits["train"],
        )


def _check_imagenet(name: str, spec: Mapping[str, Any]) -> None:
    shares = sorted({"eval_share", "train_share"} & spec.keys())
    if shares and "train_root" in spec:
        raise ConfigError(
            f"datasets.{name}: nothing is split where train_root is given",
            found=", ".join(shares),
            hint="limit the images with train_per_class and eval_per_class",
        )
    if spec.get("eval_share", EVAL_SHARE) + spec.get("train_share", 0) > 1:
        raise ConfigError(f"datasets.{name}: train_share and eval_share exceed 1 together")
    if "train_root" in spec:
        _refuse_one_folder(
            f"datasets.{name}.train_root",
            Path(spec["train_root"]),
            Path(spec["root"]),
            "leave train_root out to split the folder itself",
        )
    chosen = chosen_synsets(spec.get("classes"))
    if len(chosen) < 2:
        raise ConfigError(f"datasets.{name}.classes", expected="two or more", found=chosen)
