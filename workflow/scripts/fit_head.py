"""What scores the end of a network: its own classifier, or a probe on its final embedding."""

from pathlib import Path

import numpy as np
import torch

from bandprobe.backbones.backbone import load_model
from bandprobe.base.devices import DEVICES, open_device
from bandprobe.data.manifest import imagenet_indices, read_folds
from bandprobe.head.classifier import choose_classifier
from bandprobe.head.fit import Images, fit_probe, own_head, probe_head
from bandprobe.head.store import write_head
from bandprobe.head.variants import own_outputs
from bandprobe.store.provenance import provenance
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Fit and store the head of a model."""
    parser = argument_parser(__doc__)
    parser.add_argument("--model", required=True, type=json_argument, help="the model, as JSON")
    parser.add_argument("--weights", type=Path, help="safetensors file, unless random")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--head", required=True, type=json_argument, help="settings, as JSON")
    parser.add_argument("--penalties", required=True, type=json_argument)
    parser.add_argument("--batch", type=int, default=16, help="images a forward pass")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backbone = load_model(arguments.model, arguments.weights, open_device(arguments.device))
    preprocess = backbone.preprocess(arguments.model["preprocess"])
    images = Images(arguments.root, arguments.manifest, preprocess, backbone, arguments.batch)
    wanted = arguments.head
    split, _ = images.choose("eval", wanted["samples"], wanted["seed"])
    indices = imagenet_indices(arguments.manifest)
    n_outputs = images.outputs(split.take(np.arange(1)), own_outputs).shape[1]
    trained = arguments.model["weights"] != "random"
    stage = {"model": arguments.model, "head": wanted}
    if choose_classifier(wanted["classifier"], indices, n_outputs, trained) == "own":
        head, fit = own_head(images, split, np.asarray(indices)), None
        stage["classifier"] = "own"
    else:
        fit = fit_probe(images, wanted, read_folds(arguments.folds), arguments.penalties)
        head = probe_head(images, split, fit)
        stage |= {"classifier": "probe", "penalty": fit.penalty}
    attrs = provenance(arguments.code, stage, weights_sha256=backbone.weights_sha256)
    write_head(arguments.output, head, fit, attrs)


if __name__ == "__main__":
    run(main)
