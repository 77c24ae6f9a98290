"""Images on the page of a real tiny study: only when asked for, by one job, from what is stored."""

from __future__ import annotations

import json
import re

import numpy as np

from bandprobe.explorer.choose import chosen_images
from bandprobe.report.explorer import NOT_ASKED
from bandprobe.store.zarr_store import Store
from tests.workflow.conftest import TinyStudy


def test_images_of_ones_own_are_shown_when_asked_for(study: TinyStudy) -> None:
    folder = study.folder / "results" / "tiny"
    before = (folder / "report.html").read_text(encoding="utf-8")
    assert "report: {images: true}" in before
    assert NOT_ASKED.partition(".")[0] in before
    assert 'id="explorer"' not in before
    study.config["report"] = {"images": True}
    done = study.run()
    assert done.code == 0, done.output
    assert done.jobs == {"draw_explorer": 1, "write_config": 1, "write_report": 1}
    page = (folder / "report.html").read_text(encoding="utf-8")
    (text,) = re.findall(
        r'<script type="application/json" id="explorer">(.*?)</script>', page, re.S
    )
    found = json.loads(text)
    assert found == json.loads((folder / "explorer.json").read_text(encoding="utf-8"))
    assert (found["mode"], found["readouts"]) == ("remove", ["pattern", "map"])
    groups = {tuple(name.split("/")[:3]) for name in found["cells"]}
    layers = {("pixels", "input"), ("resnet18", "layer1"), ("resnet18", "layer3")}
    assert groups == {(*layer, readout) for layer in layers for readout in found["readouts"]}
    for name, cell in found["cells"].items():
        model, layer, readout, band = name.split("/")
        stored = Store(folder / "outcomes" / model / layer / readout / "remove.zarr")
        at = stored.labels("band").index(band)
        clean, changed = stored.read("clean_margin"), stored.read("margin")[at, 0]
        samples, labels = stored.read("sample"), stored.read("label")
        chosen = chosen_images(clean, changed, 0)
        assert [image["rule"] for image in cell["images"]] == list(chosen)
        for image, row in zip(cell["images"], chosen.values(), strict=True):
            assert (image["sample"], image["label"]) == (samples[row], labels[row])
            assert np.float32(image["before"][1]) == clean[row]
            assert np.float32(image["after"][1]) == changed[row]
            # A margin of zero is a tie.
            if changed[row]:
                assert (image["after"][0] == image["label"]) == (changed[row] > 0)
    study.config["report"] = {"images": True, "images_megabytes": 0.001}
    assert "report.images_megabytes" in study.fails()
