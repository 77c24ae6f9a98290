"""How long the samples of a folder take to list, against listing the folder once for each image.

Run as ``python -m benchmarks.listing``; it prints a line for each size, the exponents, and the time
of classes of 100,000 files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bandprobe.data.datasets import samples
from bandprobe.data.image_files import UNREAD, list_files, state_now, write_record
from bandprobe.data.images import SUFFIXES
from bandprobe.data.listing import list_images
from benchmarks.exponents import fit_exponent

SPEC = {"kind": "imagefolder", "eval_share": 0.5, "seed": 0}
SIZES = (500, 1000, 2000, 4000, 8000, 16000)
# The naive way takes minutes beyond this.
MOST_NAIVE = 1000
LARGE = 100_000


def make_classes(root: Path, count: int) -> Path:
    """Two classes of `count` empty files each."""
    for name in ("a", "b"):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number:06d}.jpg").touch()
    return root


def naive(root: Path) -> int:
    """The number of files, with the folder listed again for each of them."""
    folders = sorted(root.iterdir())
    return sum(
        list_images(folder)[number].name != ""
        for folder in folders
        for number in range(len(list_images(folder)))
    )


def seconds(call: Callable[[], object]) -> float:
    """CPU time of a call, which other work on the machine hardly changes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(sizes: Sequence[int], most_naive: int, large: int) -> None:
    """Print the times."""
    once, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            root = make_classes(Path(folder, str(size)), size)
            once.append(min(seconds(partial(samples, SPEC, root)) for _ in range(3)))
            line = f"{size:>7} files a class, two classes: {once[-1]:8.3f} s"
            if size <= most_naive:
                again.append(seconds(partial(naive, root)))
                line += f"; listed for each image {again[-1]:8.3f} s, {again[-1] / once[-1]:.0f}x"
            print(line, flush=True)
        print(f"exponent: {_slope(sizes, once)}; listed for each image: {_slope(sizes, again)}")
        root = make_classes(Path(folder, "large"), large)
        print(
            f"{large:>7} files a class, two classes: {seconds(partial(samples, SPEC, root)):8.3f} s"
        )
        record = Path(folder, "record.parquet")
        files = list_files([root], SUFFIXES)
        used = {root / name.partition("/")[2]: UNREAD for name in files}
        write_record(record, "known", files, [root], used)
        planned = seconds(partial(state_now, [root], SUFFIXES, record))
        print(f"{2 * large:>7} files compared with what is known, in a plan: {planned:8.3f} s")


def _slope(sizes: Sequence[int], costs: Sequence[float]) -> str:
    slope = fit_exponent(sizes[: len(costs)], costs, 0.0).slope
    return "unknown" if slope is None else f"{slope:.2f}"


def main() -> None:
    """Measure, or only see whether it works."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="a few files, in a second")
    if parser.parse_args().smallest:
        measure((50, 100), 100, 200)
    else:
        measure(SIZES, MOST_NAIVE, LARGE)


if __name__ == "__main__":
    main()
