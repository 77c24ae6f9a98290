"""What scores the end of a network: its own classifier, or a probe on its final embedding."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bandprobe.backbones.backbone import Backbone
from bandprobe.base.devices import DEVICES, open_device
from bandprobe.base.progress import tracked
from bandprobe.data.images import Preprocess
from bandprobe.data.manifest import Split, class_names, imagenet_indices, read_folds, read_split
from bandprobe.data.subsets import choose_samples
from bandprobe.features.extract import Source
from bandprobe.head.classifier import choose_classifier, fit_embedding_probe
from bandprobe.head.store import Head, ProbeFit, write_head
from bandprobe.head.variants import Reader, final_embedding, load_model, own_outputs, plain_outputs
from bandprobe.workflow.script import argument_parser, json_argument, provenance, run


@dataclass(frozen=True)
class Images:
    """The images of a data set, and what the end of a network makes of them."""

    root: Path
    manifest: Path
    preprocess: Preprocess
    backbone: Backbone
    batch: int

    def choose(self, split: str, count: int, seed: int) -> tuple[Split, NDArray[np.int64]]:
        """Some images of a split, and their positions in it."""
        found = read_split(self.manifest, split)
        rows = choose_samples(found.label, found.group, count, seed)
        return found.take(rows), rows

    def outputs(self, split: Split, read: Reader) -> NDArray[np.float32]:
        """What `read` finds for each image."""
        source = Source(self.root, split, self.preprocess)
        batches = tracked(source.batches(self.batch), len(split.sample), "images", "passes", len)
        return np.concatenate([plain_outputs(self.backbone, batch, read) for batch in batches])


def own_head(images: Images, split: Split, indices: NDArray[np.int64]) -> Head:
    """The network's own classifier; labels become ImageNet indices."""
    logits = images.outputs(split, own_outputs).astype(np.float64)
    return Head(split.sample, indices[split.label], split.group, logits, None)


def probe_head(images: Images, split: Split, fit: ProbeFit) -> Head:
    """A probe on the network's final embedding."""
    logits = fit.probe.logits(images.outputs(split, final_embedding))
    return Head(split.sample, split.label, split.group, logits, fit.probe)


def fit_probe(
    images: Images, wanted: dict[str, Any], folds: NDArray[np.int64], penalties: list[float]
) -> ProbeFit:
    """Fit the probe on the chosen training images."""
    train, rows = images.choose("train", wanted["train_samples"], wanted["seed"])
    strengths = np.asarray(penalties, np.float64)
    embeddings = images.outputs(train, final_embedding)
    n_classes = len(class_names(images.manifest))
    probe, losses, chosen = fit_embedding_probe(
        embeddings, train.label, folds[rows], n_classes, strengths
    )
    return ProbeFit(probe, losses, strengths, float(strengths[chosen]), train.sample)


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
