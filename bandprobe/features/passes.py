"""One pass of a model over the images of a data set, stored split by split."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.data.manifest import read_split
from bandprobe.features.extract import WHOLE, Shard, Source, extract
from bandprobe.features.networks import load_network
from bandprobe.store.encoding import Storage
from bandprobe.store.provenance import provenance, stated


def extract_pass(
    outputs: Mapping[str, Path],
    model: ModelSpec,
    layers: Sequence[str],
    *,
    weights: Path | None,
    manifest: Path,
    root: Path,
    storage: Storage,
    precision: str | None = None,
    batch: int = 32,
    threads: int = 1,
    shard: Shard = WHOLE,
    code: str,
    device: str = "cpu",
) -> None:
    """Run a model over the images, and store what its layers return.

    Parameters
    ----------
    outputs : mapping of str to Path
        The store of each split, `train` and `eval`.
    model : ModelSpec
    layers : sequence of str
    weights : Path, optional
        File of the weights, where there is one.
    manifest : Path
    root : Path
        Folder that image names are relative to.
    storage : Storage
    precision : {"float32", "bfloat16"}, optional
        Of the forward pass; images themselves have none.
    batch : int
        Images per forward pass.
    threads : int
        Of the forward pass on a CPU.
    shard : Shard
        The part of each split that is extracted.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    loaded = load_network(
        model,
        layers,
        weights=weights,
        dtype=storage.dtype,
        precision=precision or "float32",
        threads=threads,
        device=device,
    )
    facts = loaded.facts | {"preprocess": json.dumps(stated(loaded.preprocess))}
    logging.info("preprocess (%s): %s", facts["preprocess_source"], facts["preprocess"])
    stage = {"model": stated(model), "layers": layers, **stated(storage)}
    stage |= {"precision": precision} if precision else {}
    attrs = provenance(code, stage, **facts)
    for name, path in outputs.items():
        source = Source(root, read_split(manifest, name), loaded.preprocess)
        extract(loaded.network, source, path, attrs, storage, batch, shard, loaded.checks)
