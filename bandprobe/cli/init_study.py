"""Write a configuration for a folder of images and a model, with comments.

Without --layers, layers are chosen from the network: the ends of its stages, or some of its blocks.
Nothing is downloaded, and existing files are not overwritten.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from bandprobe.base.files import write_text
from bandprobe.cli.shared import described
from bandprobe.errors import ConfigError, DatasetError
from bandprobe.planning.counts import count_samples
from bandprobe.study.parse import parse_study
from bandprobe.workflow.params import from_json

EXAMPLES = """
bandprobe init --images data/flowers --model timm/resnet18
bandprobe init --images data/flowers --model timm/vit_base_patch16_224 --layers blocks.3 blocks.11
bandprobe init --images data/flowers --model timm/resnet50 --weights random --output mine.yaml
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe init`."""
    options = described(__doc__, "bandprobe init", EXAMPLES)
    options.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="FOLDER/CLASS/*.jpg, or FOLDER/train/CLASS/*.jpg and FOLDER/val/CLASS/*.jpg",
    )
    options.add_argument(
        "--model",
        required=True,
        metavar="ARCHITECTURE",
        help="timm/NAME, torchvision/NAME or python/package.module:function",
    )
    options.add_argument(
        "--layer", "--layers", nargs="+", metavar="LAYER", help="layers (default: chosen)"
    )
    options.add_argument(
        "--weights", help="file/PATH, pretrained/TAG or random (default: the published ones)"
    )
    options.add_argument(
        "--preprocess",
        type=from_json(dict[str, Any]),
        metavar="JSON",
        help="input of a network that brings none of its own, as python/ ones: size, crop_fraction,"
        " interpolation, mean, std",
    )
    options.add_argument("--dataset", help="name of the data set (default: the folder's)")
    options.add_argument(
        "--output", type=Path, default=Path("study.yaml"), help="file (default: study.yaml)"
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Write the configuration, after checking that it is valid."""
    output = arguments.output
    if output.exists():
        raise ConfigError(
            f"{output} exists and is not overwritten", hint="choose another name with --output"
        )
    if not arguments.images.is_dir():
        raise DatasetError(
            f"{arguments.images} is not a directory", expected="one folder of images per class"
        )
    # What networks need takes seconds to import: not before the other options are checked.
    from bandprobe.planning import suggest

    spec = suggest.folder_spec(arguments.images)
    dataset = arguments.dataset or suggest.safe_name(arguments.images.resolve().name)
    counts = count_samples(dataset, {**spec, "eval_share": 0.5, "seed": 0})
    own = arguments.preprocess
    layers = suggest.chosen_layers(arguments.model, arguments.layer, own)
    weights = arguments.weights or suggest.default_weights(arguments.model)
    missing = {} if own else suggest.missing_preprocess(arguments.model)
    given = (arguments.model, weights, layers, output, own, missing)
    text = suggest.config_text(dataset, spec, counts, *given)
    parse_study(yaml.safe_load(text))
    write_text(output, text)
    print(text, end="")
    print(f"\nWritten to {output}. Next: bandprobe plan --config {output}")
