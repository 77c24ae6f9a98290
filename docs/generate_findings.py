"""Write the tables of docs/findings.md from the summaries of the default study.

Run ``python docs/generate_findings.py`` after ``make study``. With ``--check`` nothing is written,
and the script ends with status 1 if a number on the page is not that of the study, up to what
machines round differently.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

HOME = Path(__file__).resolve().parent.parent
PAGE = HOME / "docs" / "findings.md"
STUDY = HOME / "results" / "photos"
# One image of 320 more or less, and the rounding of two digits.
TOLERANCE = 0.0152
LEVEL = 0.05
NUMBER = re.compile(r"-?\d*\.\d+")
MODELS = {"efficientnet_lite0": "CNN", "dinov2_vits14": "transformer"}

MEAN = "remove-mean"

# Other effects that the page speaks of: model, layer, readout, mode, band.
OTHERS = (
    ("efficientnet_lite0", "blocks.0", "energy", "remove-mean", "ultra-high"),
    ("dinov2_vits14", "blocks.1", "energy", "remove-mean", "ultra-high"),
    ("efficientnet_lite0", "blocks.6", "map", "isolate-mean", "very-high"),
    ("efficientnet_lite0", "blocks.6", "refit", "isolate-mean", "very-high"),
)


def tables(study: Path = STUDY) -> dict[str, str]:
    """The tables of the page by name, in Markdown."""
    effects = pd.read_csv(study / "summary" / "interventions.csv")
    spectra = pd.read_csv(study / "summary" / "spectra.csv")
    found = {"held": _held(spectra), "with DC": _with_dc(spectra), "others": _others(effects)}
    parts = pd.read_csv(study / "summary" / "parts.csv")
    found["parts: map"] = _parts(parts[(parts["readout"] == "map") & (parts["mode"] == MEAN)])
    for readout in ("pattern", "map"):
        cells = effects[effects["readout"] == readout]
        found[f"used: {readout}"] = _used(cells[cells["mode"] == "remove-mean"])
        found[f"kept: {readout}"] = _kept(cells[cells["mode"] == "isolate-mean"])
    found["used: head"] = _used(effects[effects["readout"] == "head"])
    return found


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _layers(cells: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The networks' layers in their order, by a short name."""
    return [
        (f"{kind} `{layer}`", of_model[of_model["layer"] == layer])
        for model, kind in MODELS.items()
        for of_model in [cells[cells["model"] == model]]
        for layer in sorted(of_model["layer"].unique(), key=lambda name: int(name.split(".")[1]))
    ]


def _number(value: float) -> str:
    """Two digits without the zero before the point; zero has no sign."""
    text = f"{value:.2f}".replace("0.", ".", 1)
    return ".00" if text == "-.00" else text


def _interval(row: pd.Series, name: str) -> str:
    low, high = (_number(row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{_number(row[name])} [{low}, {high}]"


def _held(spectra: pd.DataFrame) -> str:
    rows = []
    for name, cells in _layers(spectra):
        shares = [
            _number(value) if value > 0 else "–" for value in cells["share_without_dc"].fillna(0)
        ]
        rows.append([name, _interval(cells.iloc[0], "centroid_without_dc"), *shares])
    return _table(["layer", "centroid", *_bands(spectra)], rows)


def _with_dc(spectra: pd.DataFrame) -> str:
    lowest = spectra[spectra["band"] == "ultra-low"]
    found = _layers(lowest)
    shares = [_interval(cells.iloc[0], "share") for _, cells in found]
    return _table([name for name, _ in found], [shares])


def _others(effects: pd.DataFrame) -> str:
    rows = []
    for model, layer, readout, mode, band in OTHERS:
        names = {"model": model, "layer": layer, "readout": readout, "mode": mode, "band": band}
        cell = effects[(effects[list(names)] == pd.Series(names)).all(axis=1)].iloc[0]
        passes = ["yes" if cell[name] < LEVEL else "no" for name in ("p_levels", "p_holm")]
        cells = [_interval(cell, name) for name in ("top1", "top1_drop")]
        rows.append([f"{MODELS[model]} `{layer}`", readout, mode, f"`{band}`", *cells, *passes])
    heads = [
        "layer",
        "readout",
        "mode",
        "band",
        "accuracy",
        "drop",
        "passes in levels",
        "passes Holm",
    ]
    return _table(heads, rows)


def _bands(cells: pd.DataFrame) -> list[str]:
    return [f"`{band}`" for band in cells["band"].unique()]


def _used(cells: pd.DataFrame) -> str:
    rows = []
    for name, of_layer in _layers(cells):
        unseen = of_layer["detectable_drop"][of_layer["p_levels"] >= LEVEL]
        rows.append(
            [
                name,
                _interval(of_layer.iloc[0], "clean_top1"),
                *(_drop(cell) for _, cell in of_layer.iterrows()),
                _number(unseen.max()) if len(unseen) else "",
            ]
        )
    return _table(["layer", "clean", *_bands(cells), "could be seen"], rows)


def _parts(cells: pd.DataFrame) -> str:
    rows = []
    for name, of_layer in _layers(cells):
        row = [name, _interval(of_layer.iloc[0], "clean_top1")]
        for part in ("dc", "all-but-dc"):
            cell = of_layer[of_layer["part"] == part].iloc[0]
            row += [_drop(cell), _accuracy(cell)]
        rows.append(row)
    return _table(
        ["layer", "clean", "drop without DC", "left", "drop without all but DC", "left"], rows
    )


def _drop(cell: pd.Series) -> str:
    """A drop; with its interval, in bold, where it passes the corrected test."""
    if pd.isna(cell["top1_drop"]):
        return "N/A"
    if cell["structural"] == 1:
        return "fixed"
    if cell["p_levels"] < LEVEL:
        return f"**{_interval(cell, 'top1_drop')}**"
    return _number(cell["top1_drop"])


def _kept(cells: pd.DataFrame) -> str:
    rows = []
    for name, of_layer in _layers(cells):
        kept = [_accuracy(cell) for _, cell in of_layer.iterrows()]
        rows.append([name, _interval(of_layer.iloc[0], "clean_top1"), *kept])
    return _table(["layer", "clean", *_bands(cells)], rows)


def _accuracy(cell: pd.Series) -> str:
    if pd.isna(cell["top1"]):
        return "N/A"
    return "fixed" if cell["structural"] == 1 else _number(cell["top1"])


def written(page: str, found: dict[str, str]) -> str:
    """The page with its tables replaced."""
    for name, table in found.items():
        marks = f"<!-- table {name} -->\n", "\n<!-- end of table -->"
        pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
        if len(pattern.findall(page)) != 1:
            raise SystemExit(f"{PAGE.name} has no place for the table {name!r}")
        page = pattern.sub(lambda _: marks[0] + table + marks[1], page)  # noqa: B023
    return page


def differences(page: str, expected: str) -> list[str]:
    """Lines of the page whose numbers are not those expected, up to the tolerance."""
    wrong = []
    for line, wanted in zip(page.splitlines(), expected.splitlines(), strict=True):
        pairs = [[float(n) for n in NUMBER.findall(text)] for text in (line, wanted)]
        same = len(pairs[0]) == len(pairs[1]) and all(
            abs(a - b) <= TOLERANCE for a, b in zip(*pairs, strict=True)
        )
        if not same:
            wrong.append(f"{line}\n  should be\n{wanted}")
    return wrong


def main() -> int:
    """Write the tables, or check them."""
    page = PAGE.read_text(encoding="utf-8")
    expected = written(page, tables())
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(expected, encoding="utf-8")
        return 0
    wrong = differences(page, expected)
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
