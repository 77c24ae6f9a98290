"""Samples from a table of images: a CSV, TSV or Parquet file with a row per image."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.data.sample import Sample
from bandprobe.errors import DatasetError

COLUMNS = ("image", "label", "split", "group")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*DELIMITERS, ".parquet")
SPLITS = ("train", "eval")
EXAMPLES = 3
# Of several labels in one cell.
SEPARATORS = ("|", ";", ",", " ")
LISTING = SEPARATORS[:2]
ONE_LABEL = (
    "each image has one class here: ranks, margins and chance are those of one class out of all. "
    "Choose one label per image, or make a data set of each label against the rest"
)


@dataclass(frozen=True)
class Row:
    """One row of a table; `split` and `group` are None where there is no such column."""

    image: str
    label: str
    split: str | None
    group: str | None


def table_images(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Samples of a table, with splits of its own or split here.

    Parameters
    ----------
    spec : mapping
        A data set of kind table.
    root : Path
        Folder that image names are relative to.

    Yields
    ------
    Sample
        Classes have the order of their names; names that are all whole numbers have that of these.

    Raises
    ------
    DatasetError
        If the table cannot be read, a cell is empty, an image is listed twice or has several
        labels, or a class or group cannot be split.
    """
    path = Path(spec["table"])
    rows = read_rows(path, root)
    generator = np.random.default_rng(spec["seed"])
    if rows[0].split is None:
        sides = split_groups(path, rows, spec["eval_share"], generator)
    else:
        sides = given_sides(path, rows, spec.get("splits"))
    _check_sides(path, rows, sides)
    names = class_order({row.label for row, side in zip(rows, sides, strict=True) if side})
    if len(names) < 2:
        raise DatasetError(f"{path}: too few classes", expected="two or more", found=len(names))
    cells: dict[tuple[str, str | None], list[Row]] = {}
    for row, side in zip(rows, sides, strict=True):
        cells.setdefault((row.label, side), []).append(row)
    limit = spec.get("per_class")
    for label, name in enumerate(names):
        for split in SPLITS:
            own = cells[name, split]
            chosen = generator.permutation(len(own))[:limit]
            for row in sorted((own[i] for i in chosen), key=lambda row: row.image):
                group = row.image if row.group is None else row.group
                yield Sample(row.image, row.image, None, label, name, group, split)


def class_order(names: Collection[str]) -> list[str]:
    """Names of classes in the order of their labels."""
    numbers = all(name.isascii() and name.isdigit() for name in names)
    return sorted(names, key=(lambda name: (int(name), name)) if numbers else None)


def read_rows(path: Path, root: Path) -> list[Row]:
    """All rows of a table, checked, with names of images relative to `root`."""
    columns = _read_columns(path)
    _check_columns(path, columns)
    rows = [
        Row(_below(path, root, image), label, split, group)
        for image, label, split, group in zip(*columns.values(), strict=True)
    ]
    if not rows:
        raise DatasetError(f"{path}: the table has no rows")
    twice = [name for name, count in Counter(row.image for row in rows).items() if count > 1]
    if twice:
        labels: dict[str, set[str]] = {name: set() for name in twice}
        for row in rows:
            labels.get(row.image, set()).add(row.label)
        several = [name for name in twice if len(labels[name]) > 1]
        raise DatasetError(
            f"{path}: images with several labels" if several else f"{path}: images listed twice",
            expected="one row per image",
            found=some([f"{n}: {', '.join(sorted(labels[n]))}" for n in several] or twice),
            hint=ONE_LABEL if several else "remove the rows that repeat an image",
        )
    return rows


def _read_columns(path: Path) -> dict[str, list[Any]]:
    """The columns that count, as lists of text or None; lists of None where a column is missing."""
    # Slow to import, and only needed to read a table.
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".parquet":
            table = pa.parquet.read_table(path)
        else:
            options = pa.csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=True
            )
            delimiter = DELIMITERS[path.suffix.lower()]
            parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
            table = pa.csv.read_csv(path, parse_options=parse, convert_options=options)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(
            f"cannot read the table {path}", found=" ".join(str(error).split())[:200]
        ) from error
    missing = [name for name in COLUMNS[:2] if name not in table.column_names]
    if missing:
        raise DatasetError(
            f"{path}: no column {' and no column '.join(missing)}",
            expected="columns image and label, and perhaps split and group",
            found=some(table.column_names, 12),
            hint=f"columns of zeros and ones are several labels: {ONE_LABEL}"
            if missing == ["label"]
            else None,
        )
    for name in set(COLUMNS) & set(table.column_names):
        kind = table.schema.field(name).type
        if pa.types.is_nested(kind):
            raise DatasetError(
                f"{path}: lists in the column {name}",
                expected="one value per row",
                found=kind,
                hint=ONE_LABEL if name == "label" else None,
            )
    length = table.num_rows
    return {
        name: [None if v is None else _text(v) for v in table[name].to_pylist()]
        if name in table.column_names
        else [None] * length
        for name in COLUMNS
    }


def _text(value: Any) -> str:
    """A whole number that was stored as a float has no decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _check_columns(path: Path, columns: Mapping[str, Sequence[str | None]]) -> None:
    """Raise `DatasetError` for empty cells, and for cells that hold several labels."""
    for name, values in columns.items():
        empty = [number for number, value in enumerate(values, 1) if not value]
        if empty and (name in COLUMNS[:2] or len(empty) < len(values)):
            raise DatasetError(
                f"{path}: empty cells in the column {name}",
                expected="a value in each row",
                found=f"{len(empty)} empty, rows {some(list(map(str, empty)))}",
            )
    labels = set(filter(None, columns["label"]))
    several = [label for label in labels if label[0] == "[" or _is_combined(label, labels)]
    several = several or _lists_alone(labels)
    if several:
        raise DatasetError(
            f"{path}: cells with several labels",
            expected="one label per row",
            found=some(sorted(several)),
            hint=ONE_LABEL,
        )


def _is_combined(label: str, labels: Collection[str]) -> bool:
    """Whether a label is made of others that occur alone too."""
    for separator in SEPARATORS:
        parts = [part.strip() for part in label.split(separator)]
        if len(parts) > 1 and all(part in labels for part in parts):
            return True
    return False


def _lists_alone(labels: Collection[str]) -> list[str]:
    """Labels that are lists, where each cell is one: parts of one recur in others.

    Commas and spaces are part of many a name.
    """
    for separator in LISTING:
        parts = {label: {part.strip() for part in label.split(separator)} for label in labels}
        count = Counter(part for found in parts.values() for part in found)
        several = [
            label
            for label, found in parts.items()
            if separator in label and (len(found) == 1 or any(count[part] > 1 for part in found))
        ]
        if several:
            return several
    return []


def _below(path: Path, root: Path, image: str) -> str:
    """The name of an image relative to the root, with forward slashes."""
    name = Path(image)
    if name.is_absolute() and name.is_relative_to(root.absolute()):
        name = name.relative_to(root.absolute())
    if name.is_absolute() or ".." in name.parts:
        raise DatasetError(
            f"{path}: an image outside root",
            expected=f"names relative to {root}, or below it",
            found=image,
            hint="root is the folder that all images lie in",
        )
    return name.as_posix()


def given_sides(
    path: Path, rows: Sequence[Row], splits: Mapping[str, str] | None
) -> list[str | None]:
    """The split of each row by its column; None for rows of a split that is not used."""
    values = Counter(row.split for row in rows)
    names = {splits[split]: split for split in SPLITS} if splits else {s: s for s in SPLITS}
    unknown = {value: count for value, count in values.items() if value not in names}
    absent = [value for value in names if value not in values]
    if absent or (unknown and splits is None):
        raise DatasetError(
            f"{path}: values of the column split",
            expected=" and ".join(names),
            found=", ".join(f"{value} ({count} rows)" for value, count in values.most_common(6)),
            hint="say which values are meant: splits: {train: train, eval: val}",
        )
    for value, count in unknown.items():
        logging.info("%s: %d rows of split %s are not used", path, count, value)
    return [names.get(str(row.split)) for row in rows]


def split_groups(
    path: Path, rows: Sequence[Row], share: float, generator: np.random.Generator
) -> list[str | None]:
    """A split for each row: whole groups, about `share` of each class for evaluation.

    Groups are taken in random order; one is evaluated on if no class has its share already.
    """
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(row.image if row.group is None else row.group, []).append(number)
    totals = Counter(row.label for row in rows)
    n_groups = Counter(
        label for members in groups.values() for label in {rows[i].label for i in members}
    )
    single = sorted(label for label, count in n_groups.items() if count < 2)
    if single:
        grouped = rows[0].group is not None
        raise DatasetError(
            f"{path}: classes with a single {'group' if grouped else 'image'} cannot be split",
            expected=f"two or more {'groups' if grouped else 'images'} per class",
            found=some(single, 10),
            hint="add to them, remove the classes, or give the table a column split",
        )
    wanted = {
        label: min(max(1, round(count * share)), count - 1) for label, count in totals.items()
    }
    order = np.array(list(groups))[generator.permutation(len(groups))].tolist()
    sides: list[str | None] = ["train"] * len(rows)
    taken: Counter[str] = Counter()
    left = Counter(n_groups)
    # Then the smallest groups that hold a class of which none was small enough.
    by_size = sorted(order, key=lambda name: len(groups[name]))
    for names, enough in ((order, False), (by_size, True)):
        for name in names:
            members = groups[name]
            own = Counter(rows[i].label for i in members)
            fits = all(taken[label] + count <= wanted[label] for label, count in own.items())
            needed = enough and any(not taken[label] for label in own)
            if sides[members[0]] == "train" and (fits or needed) and min(left[n] for n in own) > 1:
                taken.update(own)
                left.subtract(own.keys())
                for i in members:
                    sides[i] = "eval"
    return sides


def _check_sides(path: Path, rows: Sequence[Row], sides: Sequence[str | None]) -> None:
    """Raise `DatasetError` for a class that a split lacks, and for a group in both."""
    present = {(row.label, side) for row, side in zip(rows, sides, strict=True) if side}
    labels = {label for label, _ in present}
    lacking = sorted(f"{n} ({s})" for n in labels for s in SPLITS if (n, s) not in present)
    if lacking:
        raise DatasetError(
            f"{path}: the splits have different classes",
            expected="at least one image of each class in both splits",
            found=some(lacking, 10),
        )
    by_group: dict[str, set[str]] = {}
    for row, side in zip(rows, sides, strict=True):
        if row.group is not None and side:
            by_group.setdefault(row.group, set()).add(side)
    torn = sorted(group for group, found in by_group.items() if len(found) > 1)
    if torn:
        raise DatasetError(
            f"{path}: groups in both splits",
            expected="each group in one split: its images are not independent of each other",
            found=some(torn),
        )


def some(names: Sequence[str], most: int = EXAMPLES) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
