"""Write a configuration for a folder of images and a model, with comments.

Layers are chosen from the network if none are given: the ends of its stages, or some of its blocks.
Nothing is downloaded, and no file is overwritten.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from bandprobe.base.files import write_text
from bandprobe.cli.shared import described
from bandprobe.errors import ConfigError, DatasetError
from bandprobe.planning.counts import count_samples
from bandprobe.study.parse import parse_study

EXAMPLES = """
bandprobe init --images data/flowers --model timm/resnet18
bandprobe init --images data/flowers --model timm/vit_base_patch16_224 --layers blocks.3 blocks.11
bandprobe init --images data/flowers --model timm/resnet50 --weights random --output mine.yaml
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe init`."""
    found = described(__doc__, "bandprobe init", EXAMPLES)
    found.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="FOLDER/CLASS/*.jpg, or FOLDER/train/CLASS/*.jpg and FOLDER/val/CLASS/*.jpg",
    )
    found.add_argument(
        "--model",
        required=True,
        metavar="ARCHITECTURE",
        help="timm/NAME, torchvision/NAME or python/package.module:function",
    )
    found.add_argument(
        "--layer", "--layers", nargs="+", metavar="LAYER", help="layers (default: chosen)"
    )
    found.add_argument(
        "--weights", help="file/PATH, pretrained/TAG or random (default: the published ones)"
    )
    found.add_argument("--dataset", help="name of the data set (default: the folder's)")
    found.add_argument(
        "--output", type=Path, default=Path("study.yaml"), help="file (default: study.yaml)"
    )
    return found


def execute(arguments: argparse.Namespace) -> None:
    """Write the configuration, once it is known to be a valid one."""
    output = arguments.output
    if output.exists():
        raise ConfigError(
            f"{output} exists, and is not overwritten", hint="--output takes another name"
        )
    if not arguments.images.is_dir():
        raise DatasetError(
            f"{arguments.images} is no directory", expected="one folder of images a class"
        )
    # What networks need takes seconds to import: not before a mistake in the rest was found.
    from bandprobe.planning import suggest

    spec = suggest.folder_spec(arguments.images)
    dataset = arguments.dataset or suggest.safe_name(arguments.images.resolve().name)
    counts = count_samples(dataset, {**spec, "eval_share": 0.5, "seed": 0})
    layers = suggest.chosen_layers(arguments.model, arguments.layer)
    weights = arguments.weights or suggest.default_weights(arguments.model)
    text = suggest.config_text(dataset, spec, counts, arguments.model, weights, layers, output)
    parse_study(yaml.safe_load(text))
    write_text(output, text)
    print(text, end="")
    print(f"\nWritten to {output}. Next: bandprobe plan --config {output}")
