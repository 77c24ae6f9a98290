"""What the page says about its images: which there are and how they were chosen, or why none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bandprobe.explorer.settings import may_show
from bandprobe.report.context import Results

OFF = "Images are turned off: report.images is false in the configuration."
NOT_ASKED = (
    "This page does not show the images of the data set, which would become part of the file. "
    "If they may be shown, add to the configuration: report: {images: true}"
)
NO_MAPS = (
    "There are no images to show: they need a mode of kind remove, and the readout map or pattern."
)


def explorer_note(results: Results, explorer: Mapping[str, Any] | None) -> str:
    """A few sentences on the images of a page."""
    if explorer is None:
        asked = results.config.get("report", {}).get("images")
        spec = results.config.get("datasets", {}).get(results.dataset, {})
        if asked is False:
            return OFF
        return NO_MAPS if may_show(spec, asked) else NOT_ASKED
    readouts = " and ".join(explorer["readouts"])
    cells = {name.rpartition("/")[0] for name in explorer["cells"]}
    text = (
        f"Choose a cell to see images, with a map of the layer before and after the band was "
        f"changed. They are there for the mode {explorer['mode']} and the readouts {readouts}."
    )
    if explorer["left_out"]:
        total = len(cells) + len(explorer["left_out"])
        text += (
            f" The last layers come first: {len(cells)} of {total} layers and readouts fit into "
            f"{explorer['megabytes']:g} MB (report.images_megabytes)."
        )
    return text
