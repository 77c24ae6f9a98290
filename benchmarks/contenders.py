"""Ways to get layers of a network over many images onto the disk, each as its users would go it.

Every one gets the same network in evaluation mode, the same images in the same batches and the
same memory format, and stores what it gives as it comes out. Others than bandprobe load images in
one worker process of torch's DataLoader; bandprobe in a thread of its own. Both call the same
function for a crop, so inputs are equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm.models
import torch
import torchlens
from nnsight import NNsight
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset
from torchvision.models.feature_extraction import create_feature_extractor

from bandprobe.backbones.backbone import Backbone, as_map, read_layers
from bandprobe.data.inputs import load_input
from bandprobe.features.extract import Source, extract
from bandprobe.features.networks import torch_network
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import Store

# Layer, or "<layer>.prefix" for its prefix tokens, to float32 values.
Maps = dict[str, NDArray[np.float32]]
# Extracts into a folder that is there and empty.
Run = Callable[[Path], None]


@dataclass(frozen=True)
class Work:
    """What is asked of everyone: layers of a network on images, in batches of a size."""

    backbone: Backbone
    layers: Sequence[str]
    source: Source
    batch: int

    def __len__(self) -> int:
        return len(self.source.split.sample)

    def images(self) -> Iterator[torch.Tensor]:
        """Batches as a user loads them."""
        for batch in DataLoader(Crops(self.source), batch_size=self.batch, num_workers=1):
            yield batch.to(memory_format=torch.channels_last)


class Crops(Dataset[NDArray[np.float32]]):
    """Network inputs one by one, for torch's loader."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source.split.image)

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        split = self.source.split
        file = self.source.root / split.image[row]
        return load_input(file, split.crop[row], self.source.preprocess)


@dataclass(frozen=True)
class Contender:
    """One way: how it stores, what gets it ready, and what reads back all that it stored."""

    storage: str
    prepare: Callable[[Work], Run]
    read: Callable[[Path, Work], Maps] | None = None


def prepare_bare(work: Work) -> Run:
    """Forward passes as far as the last layer, on inputs in memory; nothing is kept."""
    batches = list(work.images())
    last = [work.layers[-1]]

    def run(_folder: Path) -> None:
        for batch in batches:
            read_layers(work.backbone, last, batch, lambda *_: None)

    return run


def prepare_bandprobe(work: Work) -> Run:
    """What the script of the rule `extract_features` calls for a split."""
    network = torch_network(work.backbone, work.layers, "float16")

    def run(folder: Path) -> None:
        extract(network, work.source, folder / "features.zarr", {}, Storage(), work.batch)

    return run


def read_bandprobe(folder: Path, _work: Work) -> Maps:
    """All layers of the store."""
    store = Store(folder / "features.zarr")
    arrays = {name: store.read(name) for name in store.names()}
    return {name: values.astype(np.float32) for name, values in arrays.items() if values.ndim > 1}


def prepare_torchvision(work: Work) -> Run:
    """A graph that gives the layers; timm says which of its parts cannot be traced."""
    named: Any = timm.models  # without types of its own
    kept_whole = {
        "leaf_modules": named.get_notrace_modules(),
        "autowrap_functions": named.get_notrace_functions(),
    }
    extractor = create_feature_extractor(
        work.backbone.network, list(work.layers), tracer_kwargs=kept_whole
    )

    @torch.inference_mode()
    def run(folder: Path) -> None:
        for number, images in enumerate(work.images()):
            torch.save(extractor(images), folder / f"{number:05d}.pt")

    return run


def read_batches(folder: Path, work: Work) -> Maps:
    """All batches, one after the other."""
    batches = [torch.load(file, weights_only=True) for file in sorted(folder.glob("*.pt"))]
    return as_maps(work, {layer: torch.cat([b[layer] for b in batches]) for layer in batches[0]})


def prepare_timm(work: Work) -> Run:
    """What timm's networks have for it; files have their full size at once and are filled."""
    network: Any = work.backbone.network
    blocks = [int(layer.removeprefix("blocks.")) for layer in work.layers]
    options: dict[str, Any] = {"indices": blocks, "return_prefix_tokens": True}
    if not hasattr(network, "patch_embed"):
        # There the stem is number 0, and without this only the ends of stages are counted.
        options = {"indices": [block + 1 for block in blocks], "extra_blocks": True}
    options |= {"norm": False, "output_fmt": "NCHW", "stop_early": True, "intermediates_only": True}

    @torch.inference_mode()
    def run(folder: Path) -> None:
        files: dict[str, NDArray[np.float32]] = {}
        done = 0
        for images in work.images():
            for layer, found in zip(
                work.layers, network.forward_intermediates(images, **options), strict=True
            ):
                maps, prefix = found if isinstance(found, tuple) else (found, None)
                put(files, folder, layer, maps, done, len(work))
                if prefix is not None:
                    put(files, folder, f"{layer}.prefix", prefix, done, len(work))
            done += len(images)
        for file in files.values():
            file.flush()  # type: ignore[attr-defined]

    return run


def put(
    files: dict[str, NDArray[np.float32]],
    folder: Path,
    name: str,
    values: torch.Tensor,
    start: int,
    n_samples: int,
) -> None:
    """Write a batch into the layer's file, which is made by the first."""
    if name not in files:
        shape = (n_samples, *values.shape[1:])
        files[name] = np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=shape
        )
    files[name][start : start + len(values)] = values.contiguous().numpy()


def read_timm(folder: Path, _work: Work) -> Maps:
    """All files, by their names."""
    return {file.stem: np.lib.format.open_memmap(file, "r") for file in folder.glob("*.npy")}


def prepare_torchlens(work: Work) -> Run:
    """Its extraction from data sets, with its own files and checksums.

    Left out is its digest of the weights: others have made theirs when they loaded the model.
    """

    def run(folder: Path) -> None:
        torchlens.extract_dataset(
            work.backbone.network,
            (image for batch in work.images() for image in batch),
            layers=list(work.layers),
            batch_size=work.batch,
            output_dir=folder / "torchlens",
            progress=False,
            model_identity="none",
            collate=channels_last,
        )

    return run


def prepare_nnsight(work: Work) -> Run:
    """A trace of each batch, which ends at the last layer."""
    model: Any = NNsight(work.backbone.network)

    @torch.inference_mode()
    def run(folder: Path) -> None:
        for number, images in enumerate(work.images()):
            found: dict[str, torch.Tensor] = {}
            with model.trace(images) as tracer:
                for layer in work.layers:
                    found[layer] = model.get(layer).output.save()
                tracer.stop()
            torch.save(found, folder / f"{number:05d}.pt")

    return run


def channels_last(images: Sequence[torch.Tensor]) -> torch.Tensor:
    """A batch out of single images."""
    return torch.stack(list(images)).to(memory_format=torch.channels_last)


def read_torchlens(folder: Path, work: Work) -> Maps:
    """By its own reader."""
    return as_maps(work, torchlens.load_extraction(folder / "torchlens").activations)


def as_maps(work: Work, outputs: Mapping[str, torch.Tensor]) -> Maps:
    """Maps and prefix tokens out of what modules returned."""
    found: Maps = {}
    for layer, output in outputs.items():
        maps, prefix = as_map(work.backbone.network, layer, output)
        found[layer] = maps.numpy()
        if prefix is not None:
            found[f"{layer}.prefix"] = prefix.numpy()
    return found


BARE = "bare forward"
OURS = "bandprobe"
CONTENDERS = {
    OURS: Contender("float16 Zarr with checksums", prepare_bandprobe, read_bandprobe),
    BARE: Contender("nothing", prepare_bare),
    "torchvision": Contender("torch.save of each batch", prepare_torchvision, read_batches),
    "timm": Contender("a .npy file a layer", prepare_timm, read_timm),
    "nnsight": Contender("torch.save of each batch", prepare_nnsight, read_batches),
    "torchlens": Contender("its safetensors shards", prepare_torchlens, read_torchlens),
}
