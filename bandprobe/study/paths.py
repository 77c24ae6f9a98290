"""Every path of a study."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

SPLITS = ("train", "eval")
RESULTS = "results"
RESOURCES = "resources"


class Paths:
    """Every path of a study as a pattern; a wildcard never stands for a slash."""

    WHEEL = f"{RESOURCES}/wheels/{{asset}}.whl"
    WEIGHTS = f"{RESOURCES}/weights/{{asset}}.safetensors"
    PHOTOS = f"{RESOURCES}/photos"
    DATASET = f"{RESULTS}/{{dataset}}"
    IMAGES = f"{DATASET}/images"
    MANIFEST = f"{DATASET}/manifest.parquet"
    IMAGE_FILES = f"{DATASET}/image_files.parquet"
    FOLDS = f"{DATASET}/folds.parquet"
    FEATURES = f"{DATASET}/features/{{model}}/{{passname}}/{{split}}.zarr"
    SHARD = f"{DATASET}/features/{{model}}/{{passname}}/shards/{{shard}}/{{split}}.zarr"
    SPECTRA = f"{DATASET}/spectra/{{model}}/{{layer}}.zarr"
    SUMS = f"{DATASET}/sums/{{model}}/{{layer}}/{{slab}}.zarr"
    PROBE = f"{DATASET}/probes/{{model}}/{{layer}}/{{readout}}.zarr"
    LOGITS = f"{DATASET}/band_logits/{{model}}/{{layer}}/{{readout}}.zarr"
    MASKS = f"{DATASET}/controls/{{model}}/{{layer}}.zarr"
    REPLICATES = f"{DATASET}/replicates/{{model}}/{{layer}}.zarr"
    SHAPLEY = f"{DATASET}/shapley/{{model}}/{{layer}}/{{readout}}.zarr"
    HEAD = f"{DATASET}/heads/{{model}}.zarr"
    HEAD_LOGITS = f"{DATASET}/head_logits/{{model}}/{{passname}}.zarr"
    OUTCOMES = f"{DATASET}/outcomes/{{model}}/{{layer}}/{{readout}}/{{mode}}.zarr"
    TARGET = f"{DATASET}/targets/{{model}}/{{layer}}/{{readout}}/{{mode}}/{{band}}.json"
    SUMMARY = f"{DATASET}/summary/{{table}}.nc"
    TABLE = f"{DATASET}/summary/{{table}}.csv"
    FLAGS = f"{DATASET}/summary/flags.csv"
    FIGURE = f"{DATASET}/figures/{{figure}}.{{suffix}}"
    EXPORT = f"{DATASET}/export/{{file}}"
    CONFIG = f"{DATASET}/config.yaml"
    EXPLORER = f"{DATASET}/explorer.json"
    REPORT = f"{DATASET}/report.html"

    @staticmethod
    def digest(path: str) -> str:
        """Path of the digest that a job writes beside a store, file or folder."""
        return f"{path}.digest.json"

    @staticmethod
    def digests(paths: Iterable[str]) -> list[str]:
        """Paths of the digests beside several stores."""
        return [Paths.digest(path) for path in paths]


class _Open(dict[str, Any]):
    """Values of some wildcards; the others stay wildcards."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def fill(pattern: str, **values: str | Iterable[str]) -> list[str]:
    """A pattern for all combinations of the values of some wildcards; others stay in it.

    The last wildcard varies fastest, as with Snakemake's `expand`.

    Examples
    --------
    >>> fill("{dataset}/{layer}.zarr", layer=["layer1", "layer2"])
    ['{dataset}/layer1.zarr', '{dataset}/layer2.zarr']
    """
    choices = [[item] if isinstance(item, str) else list(item) for item in values.values()]
    return [
        pattern.format_map(_Open(zip(values, chosen, strict=True))) for chosen in product(*choices)
    ]
