"""Where the time of the last study went: seconds of each rule, out of its jobs' own records.

Snakemake writes them beside the logs of the longer rules. Wall seconds of jobs that ran side by
side add up to more than the study took; processor seconds do not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.tables import markdown, publish

HEAD = ["rule", "jobs", "wall s", "processor s", "share", "peak MB"]


def read_records(logs: Path) -> pd.DataFrame:
    """One row a job: its rule, seconds, processor seconds, and the most memory in MB."""
    rows = []
    for file in sorted(logs.rglob("*.tsv")):
        record = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        rule = file.relative_to(logs).parts[0].removesuffix(".tsv")
        facts = {name: float(record[name]) for name in ("s", "cpu_time", "max_rss")}
        rows.append({"rule": rule, **facts})
    return pd.DataFrame(rows, columns=["rule", "s", "cpu_time", "max_rss"])


def by_rule(records: pd.DataFrame) -> pd.DataFrame:
    """Jobs, seconds, processor seconds with their share, and the most memory of each rule."""
    groups = records.groupby("rule")
    found = groups.agg(
        jobs=("s", "size"), s=("s", "sum"), cpu_s=("cpu_time", "sum"), peak_mb=("max_rss", "max")
    )
    found["share"] = found["cpu_s"] / found["cpu_s"].sum()
    return found.sort_values("cpu_s", ascending=False)


def main() -> None:
    """Add up and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="as it is: it only adds up")
    parser.add_argument("--logs", type=Path, default=Path("logs/photos"), help="of one data set")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/rules.json"))
    arguments = parser.parse_args()
    records = read_records(arguments.logs)
    if records.empty:
        parser.error(f"{arguments.logs} holds no records: run the study first, by make study")
    rows = [
        (
            f"`{rule}`",
            f"{row['jobs']:.0f}",
            f"{row['s']:.0f}",
            f"{row['cpu_s']:.0f}",
            f"{100 * row['share']:.0f} %",
            f"{row['peak_mb']:.0f}",
        )
        for rule, row in by_rule(records).iterrows()
    ]
    found = by_rule(records).to_dict("index")
    publish(arguments.output, {"rules": found}, markdown(HEAD, rows))


if __name__ == "__main__":
    main()
