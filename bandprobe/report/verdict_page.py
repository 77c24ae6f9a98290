"""One printed page: the verdict of a study, and what one has to know to judge it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from bandprobe.errors import BandprobeError
from bandprobe.figures.drawing import STYLE, folded
from bandprobe.figures.sheet import Sheet, lines_height
from bandprobe.figures.verdict import LEAST_ROW, ROW, draw_verdict, fitting_row
from bandprobe.fourier.bands import Bands
from bandprobe.report.context import (
    ABSENT,
    CAUTION,
    FORCED,
    Results,
    checks,
    kind_of,
    model_rows,
    versions,
)
from bandprobe.report.findings import cell_table
from bandprobe.summary.names import PLURALS
from bandprobe.summary.verdict import StudyVerdict

# In inches.
A4 = (210 / 25.4, 297 / 25.4)
EDGE = 13.5 / 25.4
INSIDE = A4[0] - 2 * EDGE
SIZE, HEADINGS = 6.5, 7.5
FLAGS = {
    FORCED: "for values that are fixed by construction",
    ABSENT: "for values that do not exist",
    CAUTION: "for values to be read with caution",
}
CAVEATS = (
    "What is not named may still be used: a smaller drop can be missed, and bands can carry the "
    "same information, so that none of them is missed alone. What a linear reader uses need not be "
    "what the rest of the network uses. The lowest band may be DC alone, the mean of each channel."
)
# Of bands in units of Nyquist, and of those in cycles per image.
ACROSS_LAYERS = {
    False: "A band corresponds to different cycles per image in layers of different resolution.",
    True: "Bands are in cycles per image, and N/A in layers whose grid is too coarse for them.",
}


def verdict_page(found: StudyVerdict, results: Results) -> Figure:
    """An A4 page with the sentences, the strips, and the data, models, tests and versions.

    Raises
    ------
    BandprobeError
        If it does not fit the page.
    """
    blocks = facts(found, results)
    foot = sum(_height(heading, text) for heading, text in blocks)
    room = A4[1] - 2 * EDGE - foot
    with plt.rc_context(STYLE):
        sheet, end = _begun(found, results, ROW)
        if end - EDGE > room:
            plt.close(sheet.figure)
            row = fitting_row(found, end - EDGE - room, INSIDE)
            sheet, end = _begun(found, results, row)
        if end - EDGE > room + 1e-6:
            plt.close(sheet.figure)
            raise BandprobeError(
                "the verdict does not fit one page",
                expected=f"rows of at least {25.4 * LEAST_ROW:.1f} mm",
                found=f"{len(found.models)} models with "
                f"{sum(len(model.held) for model in found.models)} layers",
                hint="choose some models: --model",
            )
        for heading, text in blocks:
            end = sheet.text(EDGE, end + 0.05, heading, size=HEADINGS, weight="bold")
            end = sheet.paragraph(EDGE, end, text, INSIDE, size=SIZE)
    return sheet.figure


def _begun(found: StudyVerdict, results: Results, row: float) -> tuple[Sheet, float]:
    """A page with its title and the verdict, and where they end."""
    sheet = Sheet(*A4)
    title = f"{results.dataset}: what the layers hold, and what is used"
    top = sheet.text(EDGE, EDGE, title, size=11, weight="bold") + 0.06
    return sheet, draw_verdict(sheet, found, EDGE, top, INSIDE, row) + 0.06


def _height(heading: str, text: str) -> float:
    lines = folded(text, INSIDE, SIZE)
    return 0.05 + lines_height(heading, HEADINGS) + lines_height(lines, SIZE)


def facts(found: StudyVerdict, results: Results) -> list[tuple[str, str]]:
    """Headings and texts of what stands below the verdict."""
    shown = {model.model for model in found.models}
    across = ACROSS_LAYERS[Bands.from_spec(results.config["bands"]).in_cycles]
    note = [("Note", str(results.config["note"]))] if results.config.get("note") else []
    return [
        ("Data set", _data(results)),
        ("Models", "; ".join(_model(row) for row in model_rows(results) if row["name"] in shown)),
        ("Tests", _tests(results)),
        ("Caveats", f"{CAVEATS} {across} {_flags(results)}"),
        *note,
        ("Versions", ", ".join(" ".join(item) for item in versions(results.interventions).items())),
    ]


def _data(results: Results) -> str:
    kind = results.config["datasets"][results.dataset]["kind"]
    splits = [
        f"{row['split']}: {row['samples']} samples from {row['images']} images, {row['groups']} "
        f"groups, {row['classes']} classes"
        for row in results.facts.splits
    ]
    return "; ".join([f"{results.dataset} ({kind})", *splits])


def _model(row: dict[str, object]) -> str:
    layers = row["layers"]
    names = [str(layer["name"]) for layer in layers] if isinstance(layers, Sequence) else []
    return f"{row['name']} ({row['architecture']}, weights {row['weights']}): {', '.join(names)}"


def _tests(results: Results) -> str:
    counts = checks(results, cell_table(results.interventions))
    unit = PLURALS[results.unit]
    return (
        f"Intervals of {100 * results.level:g} % over {unit}; exact sign tests over {unit}, "
        f"corrected in levels for each model apart: readouts of layers by Simes' tests and "
        f"Benjamini and Hochberg's procedure, then interventions within the selected ones. Of "
        f"{counts['tested']} tests, {counts['levels']} pass at {counts['alpha']}; "
        f"{counts['holm']} pass Holm's correction over all networks."
    )


def _flags(results: Results) -> str:
    kinds = results.flags["flag"].map(kind_of).value_counts()
    texts = [f"{kinds[kind]} {text}" for kind, text in FLAGS.items() if kind in kinds]
    return f"Flags: {', '.join(texts)}." if texts else "There are no flags."
