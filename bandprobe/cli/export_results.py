"""Write results for print: the verdict as one page of PDF, or effects as LaTeX tables.

--pdf writes one A4 page, all vectors: what each network holds and uses, and the data, models, tests
and versions behind it. --latex writes one table for each readout and mode, with intervals, marks of
what passes the corrected test, and captions; they need the package booktabs. Both are read from the
summaries, which are made if they are missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.errors import ConfigError
from bandprobe.figures.gallery import VERDICT, default_mode, gallery, modes_of
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study

EXAMPLES = """
bandprobe export --pdf
bandprobe export --latex
bandprobe export --latex --readout map head --mode remove --output effects.tex
bandprobe export --latex --standalone --model dinov2_vits14
"""
# Readouts of the tables, if the study has them: those of the verdict.
READERS = ("pattern", "map")
OF_TABLES = ("readout", "mode", "standalone")


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe export`."""
    options = command_parser(__doc__, "bandprobe export", EXAMPLES)
    what = options.add_mutually_exclusive_group(required=True)
    what.add_argument("--pdf", action="store_true", help="one A4 page with the verdict")
    what.add_argument("--latex", action="store_true", help="tables of effects")
    options.add_argument("--model", nargs="+", help="models to show (default: all)")
    options.add_argument(
        "--readout", nargs="+", help="of tables (default: pattern and map, or the first)"
    )
    options.add_argument(
        "--mode", nargs="+", help="of tables (default: the one that removes with the mean)"
    )
    options.add_argument(
        "--standalone", action="store_true", help="tables as a document that compiles by itself"
    )
    options.add_argument(
        "--output", type=Path, help="the file (default: results/DATASET/export/NAME)"
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Compute what is shown, if it is missing, and write it."""
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    models = choose_many(study, "model", arguments.model, study.models)
    given = [f"--{name}" for name in OF_TABLES if getattr(arguments, name)]
    if arguments.pdf and given:
        raise ConfigError(f"the page has no {', '.join(given)}", expected="--latex with these")
    suffix = ".pdf" if arguments.pdf else ".tex"
    name = "verdict.pdf" if arguments.pdf else "effects.tex"
    output = arguments.output or Path(Paths.EXPORT.format(dataset=dataset, file=name))
    if output.suffix != suffix:
        raise ConfigError(
            "the suffix of the file does not fit", expected=suffix, found=f"--output {output}"
        )
    if output.is_dir():
        raise ConfigError(f"{output} is a directory", expected="a file")
    if arguments.pdf:
        write_page(study, dataset, models, arguments, output)
    else:
        write_tables(study, dataset, models, arguments, output)
    print(output)


def write_page(
    study: Study,
    dataset: str,
    models: Sequence[str],
    arguments: argparse.Namespace,
    output: Path,
) -> None:
    """Write the page; what it says of data and versions is what the report says."""
    report = Paths.REPORT.format(dataset=dataset)
    run_workflow([report], arguments.config, arguments.cores)
    # Matplotlib and xarray take a second to import: not before the names are checked.
    from bandprobe.figures.drawing import save
    from bandprobe.report.sources import read_results
    from bandprobe.report.verdict_page import verdict_page
    from bandprobe.summary.verdict import study_verdict
    from bandprobe.workflow.targets import tables

    results = read_results(Path(report).parent, dataset, tables(study), [])
    options = gallery(study)[VERDICT].options
    found = study_verdict(
        results.interventions,
        results.spectra,
        results.flags,
        options["mode"],
        options["level"],
        models,
    )
    save(verdict_page(found, results), [output])


def write_tables(
    study: Study,
    dataset: str,
    models: Sequence[str],
    arguments: argparse.Namespace,
    output: Path,
) -> None:
    """Write the tables of the chosen readouts and modes."""
    pairs = chosen_tables(study, arguments.readout, arguments.mode)
    summary = Paths.SUMMARY.format(dataset=dataset, table="interventions")
    flags = Paths.FLAGS.format(dataset=dataset)
    run_workflow([summary, flags], arguments.config, arguments.cores)
    import pandas as pd
    import xarray as xr

    from bandprobe.base.files import write_text
    from bandprobe.report.latex_tables import Setting, document, effect_table, fragment

    shown = xr.load_dataset(summary)
    warned = pd.read_csv(flags, dtype=str, keep_default_na=False)
    level = study.statistics.level
    made = [effect_table(shown, warned, readout, mode, models, level) for readout, mode in pairs]
    setting = Setting(dataset, level, str(shown.attrs["unit"]))
    write_text(output, (document if arguments.standalone else fragment)(made, setting))


def chosen_tables(
    study: Study, readouts: Sequence[str] | None, modes: Sequence[str] | None
) -> list[tuple[str, str]]:
    """Each readout with each mode.

    Raises
    ------
    ConfigError
        If the study does not have one of them, or a chosen readout has no result under a chosen
        mode.
    """
    usual = [name for name in READERS if name in study.readouts] or [study.all_readouts[0]]
    pairs = []
    for readout in choose_many(study, "readout", readouts, usual):
        valid = modes_of(study, readout)
        for mode in choose_many(study, "mode", modes, [default_mode(study, valid)]):
            if mode not in valid:
                what = f"the readout {readout} has no result under the mode {mode}"
                raise ConfigError(what, expected=", ".join(valid))
            pairs.append((readout, mode))
    return pairs
