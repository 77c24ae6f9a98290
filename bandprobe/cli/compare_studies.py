"""Say which targets of two studies differ by more than their uncertainty.

A and B are results folders (results/DATASET) or folders of studies. Cells that are N/A or forced by
construction are never counted, nor are bands whose edges differ or modes that do something else.

Where both studies scored the same images, the effects are subtracted image by image, and the
interval of that difference is computed as A's intervals were. Where they did not, it comes from
both intervals, which assumes that the two studies are independent. A target differs if the interval
of the difference excludes zero. The output says which of the two was done.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from bandprobe.base.files import write_text
from bandprobe.cli.shared import described
from bandprobe.cli.tables import console
from bandprobe.inspection.finished import KEY, find_results
from bandprobe.inspection.two_studies import Compared, Comparison, compare
from bandprobe.scoring.fields import EFFECTS

EXAMPLES = """
bandprobe compare ../seed-0/results/photos ../seed-1/results/photos
bandprobe compare before after --score rank_degradation --csv differences.csv
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe compare`."""
    options = described(__doc__, "bandprobe compare", EXAMPLES)
    options.add_argument("first", metavar="A", type=Path, help="results of the first study")
    options.add_argument("second", metavar="B", type=Path, help="results of the second study")
    options.add_argument(
        "--score", choices=EFFECTS, default="top1_drop", help="what to compare (default: top1_drop)"
    )
    options.add_argument(
        "--top", type=int, default=20, help="targets to print at most (default: 20)"
    )
    options.add_argument("--csv", type=Path, metavar="FILE", help="write all targets to a table")
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Print what differs."""
    first, second = find_results(arguments.first), find_results(arguments.second)
    comparison, output = compare(first, second, arguments.score), console()
    output.print(f"A = {first.folder}\nB = {second.folder}", highlight=False)
    if comparison.configuration:
        output.print(configuration_table(comparison))
    for line in method_lines(comparison, arguments.score):
        output.print(line, highlight=False)
    different = [cell for cell in comparison.counted if cell.difference and cell.difference.differs]
    if different:
        output.print(difference_table(different[: arguments.top], arguments.score))
    if len(different) > arguments.top:
        output.print(f"{len(different) - arguments.top} more: --top {len(different)}, or --csv")
    for line in count_lines(comparison, len(different)):
        output.print(line, highlight=False)
    if arguments.csv:
        write_text(arguments.csv, table(comparison, arguments.score).to_csv(index=False))
        print(arguments.csv)


def method_lines(comparison: Comparison, score: str) -> Iterator[str]:
    """What was computed, and what it assumes."""
    level = f"{100 * comparison.level:g} %"
    ways = {cell.paired for cell in comparison.counted}
    if True in ways:
        yield (
            f"Paired: both studies scored the same images. {score} in A minus {score} in B, image "
            f"by image; its {level} interval is computed as the intervals of A were. "
            "Assumes that groups are independent of each other. Does not cover the choice of "
            "training images. p: exact sign test over groups, Holm's correction over the targets "
            "compared here."
        )
    if False in ways:
        why = (
            "outcomes of the images are not kept in both"
            if comparison.same_images
            else f"the studies share {comparison.shared_images} evaluation images, in other sets"
            if comparison.shared_images
            else "the studies have no evaluation image in common"
        )
        yield (
            f"Not paired, as {why}: the {level} interval of the difference is put together from "
            "both intervals (Zou and Donner 2008). Assumes that the two estimates are independent "
            "and that each interval covers what it says."
        )
        if comparison.shared_images:
            yield "With images in common they are not: such intervals are as a rule too wide."


def count_lines(comparison: Comparison, different: int) -> Iterator[str]:
    """How many targets differ, how many would by chance, and how many were not compared."""
    compared = len(comparison.counted)
    chance = compared * (1 - comparison.level)
    yield (
        f"{different} of {compared} compared targets differ. Were there no difference at all, "
        f"about {chance:.1f} intervals would exclude zero by chance: they are not corrected for "
        "multiple comparisons."
    )
    for reason, count in comparison.reasons.most_common():
        yield f"  {count:>5} not compared: {reason}"


def difference_table(cells: list[Compared], score: str) -> Table:
    """Targets that differ, those that differ most first."""
    table = Table(title=f"{score} that differs", title_justify="left")
    for name in ("target", "A", "B", "A - B", "interval", "p", ""):
        table.add_column(name, overflow="fold")
    for cell in cells:
        difference = cell.difference
        assert cell.first, "only compared cells are listed"
        assert cell.second, "only compared cells are listed"
        assert difference, "only compared cells are listed"
        table.add_row(
            " / ".join(cell.key),
            f"{cell.first[score]:.4f}",
            f"{cell.second[score]:.4f}",
            f"{difference.value:+.4f}",
            f"{difference.low:+.4f} to {difference.high:+.4f}",
            "" if math.isnan(cell.p_holm) else f"{cell.p_holm:.3g}",
            "; ".join(cell.notes),
        )
    return table


def configuration_table(comparison: Comparison) -> Table:
    """Keys of the configurations that differ."""
    table = Table(title="configurations differ in", title_justify="left")
    for name in ("key", "A", "B"):
        table.add_column(name, overflow="fold")
    for key, values in comparison.configuration.items():
        table.add_row(key, *("not there" if value is None else str(value) for value in values))
    return table


def table(comparison: Comparison, score: str) -> pd.DataFrame:
    """Every target of either study, with what was compared or why it was not."""
    rows = []
    for cell in comparison.cells:
        row: dict[str, Any] = dict(zip(KEY, cell.key, strict=True)) | {"score": score}
        for name, record in (("a", cell.first), ("b", cell.second)):
            row[f"{name}_clean_top1"] = (record or {}).get("clean_top1")
            ends = (record or {}).get(f"{score}_ci") or [None, None]
            row |= {
                name: (record or {}).get(score),
                f"{name}_low": ends[0],
                f"{name}_high": ends[1],
            }
        difference = cell.difference
        row |= {
            "difference": difference.value if difference else None,
            "low": difference.low if difference else None,
            "high": difference.high if difference else None,
            "method": ("paired" if cell.paired else "unpaired") if difference else None,
            "p_holm": cell.p_holm,
            "differs": difference.differs if difference else None,
            "not_compared": cell.reason,
            "notes": "; ".join(cell.notes),
        }
        rows.append(row)
    return pd.DataFrame(rows)
