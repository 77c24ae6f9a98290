"""The printed page: one, A4, of vectors and text that can be read out of the file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from bandprobe.errors import BandprobeError
from bandprobe.figures.drawing import save
from bandprobe.report.context import Facts, Results, versions
from bandprobe.report.verdict_page import facts, verdict_page
from bandprobe.summary.verdict import ModelVerdict, Shares, StudyVerdict, study_verdict
from bandprobe.summary.verdict_sentences import sentences
from benchmarks.synthetic import Shape, study_results
from tests.unit.summary.test_verdict import MODE

SHAPE = Shape({"pixels": {"input": 32}, "net": {"layer1": 16, "layer2": 8, "layer3": 7}})
SPLITS = [
    {"split": "train", "samples": 400, "images": 20, "groups": 20, "classes": 5},
    {"split": "eval", "samples": 90, "images": 18, "groups": 18, "classes": 5},
]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def results() -> Results:
    made = study_results(SHAPE)
    config = {**made.config, "note": "A note of the study."}
    return replace(made, config=config, facts=Facts(splits=SPLITS))


@pytest.fixture(scope="module")
def found(results: Results) -> StudyVerdict:
    return study_verdict(results.interventions, results.spectra, results.flags, MODE, results.level)


def text_of(content: bytes) -> str:
    """The words of a PDF whose letters are written as two bytes each."""
    words = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S):
        try:
            plain = zlib.decompress(stream)
        except zlib.error:
            continue
        for shown in re.findall(rb"\[(.*?)\]\s*TJ|\(((?:[^()\\]|\\.)*)\)\s*Tj", plain, re.S):
            pieces = re.findall(rb"\(((?:[^()\\]|\\.)*)\)", shown[0]) or [shown[1]]
            letters = re.sub(rb"\\(.)", rb"\1", b"".join(pieces))
            words.append(letters.decode("utf-16-be"))
    return " ".join(" ".join(words).split())


def test_the_page_is_one_of_a4_without_pixels(
    results: Results, found: StudyVerdict, tmp_path: Path
) -> None:
    path = tmp_path / "page.pdf"
    save(verdict_page(found, results), [path])
    content = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == 1
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([0-9.]+) ([0-9.]+)", content)
    assert [float(side) for side in box] == pytest.approx([595.28, 841.89], abs=0.01)
    assert b"/FontFile2" in content, "TrueType"
    assert b"/Type3" not in content
    assert b"/Subtype /Image" not in content
    text = text_of(content)
    for model in found.models:
        for sentence in sentences(model, found.bands):
            assert sentence in text
    assert "train: 400 samples from 20 images, 20 groups, 5 classes" in text
    assert "eval: 90 samples from 18 images, 18 groups, 5 classes" in text
    assert "A note of the study." in text
    assert "corrected in levels for each model apart" in text
    for name, version in versions(results.interventions).items():
        assert f"{name} {version}" in text
    shown = verdict_page(replace(found, models=found.models[1:]), results)
    assert not any("pixels" in text.get_text() for text in shown.axes[0].texts)


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ({}, "A band corresponds to different cycles per image in layers"),
        ({"unit": "cycles-per-image"}, "Bands are in cycles per image, and N/A in layers"),
    ],
)
def test_the_page_says_what_a_band_is_in_each_layer(
    results: Results, found: StudyVerdict, bands: dict[str, str], said: str
) -> None:
    config = results.config | {"bands": results.config["bands"] | bands}
    texts = dict(facts(found, replace(results, config=config)))
    assert said in texts["Caveats"]
    assert texts["Caveats"].count("cycles per image") == 1


def test_all_of_the_page_lies_within_its_edges(results: Results, found: StudyVerdict) -> None:
    figure = verdict_page(found, results)
    figure.canvas.draw()
    page = figure.bbox
    for part in [*figure.axes[0].texts, *figure.axes[0].patches]:
        box = part.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1
        assert page.y0 <= box.y0 <= box.y1 <= page.y1
    sizes = [float(text.get_fontsize()) for text in figure.axes[0].texts]
    assert min(sizes) >= 6


def test_what_does_not_fit_a_page_is_refused(results: Results) -> None:
    held = tuple(Shares(f"layer{at}", (0.5, 0.5), (0.4, 0.4), (0.6, 0.6)) for at in range(80))
    long = StudyVerdict((ModelVerdict("net", held, {}),), ("low", "high"), None, 0.95)
    with pytest.raises(BandprobeError, match=r"(?s)does not fit one page.*80 layers.*--model"):
        verdict_page(long, results)
    assert plt.get_fignums() == []
