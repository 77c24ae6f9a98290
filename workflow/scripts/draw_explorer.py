"""Draw images beside the maps of layers, before and after a band was changed, for the report."""

import json
from pathlib import Path

from bandprobe.base.files import write_text
from bandprobe.data.manifest import class_names
from bandprobe.explorer.cells import LayerStores, layer_stores
from bandprobe.explorer.pictures import Images, draw_pictures
from bandprobe.explorer.settings import LayerPlace, PictureSettings
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Draw the pictures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--results", required=True, type=Path, help="folder of the data set")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--settings", required=True, type=from_json(PictureSettings))
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    settings = arguments.settings

    def stores(place: LayerPlace, readout: str) -> LayerStores:
        return layer_stores(arguments.results, place, readout, settings.mode)

    images = Images.of(arguments.manifest, arguments.root)
    found = draw_pictures(settings, stores, images, class_names(arguments.manifest))
    write_text(arguments.output, json.dumps(found, separators=(",", ":"), allow_nan=False))


if __name__ == "__main__":
    run(main)
