"""Every path of a study."""

from __future__ import annotations

SPLITS = ("train", "eval")


class Paths:
    """Every path of a study as a pattern; a wildcard never holds a slash."""

    WHEEL = "resources/wheels/{asset}.whl"
    WEIGHTS = "resources/weights/{asset}.safetensors"
    PHOTOS = "resources/photos"
    IMAGES = "results/{dataset}/images"
    MANIFEST = "results/{dataset}/manifest.parquet"
    FOLDS = "results/{dataset}/folds.parquet"
    FEATURES = "results/{dataset}/features/{model}/{passname}/{split}.zarr"
    SHARD = "results/{dataset}/features/{model}/{passname}/shards/{shard}/{split}.zarr"
    SPECTRA = "results/{dataset}/spectra/{model}/{layer}.zarr"
    SUMS = "results/{dataset}/sums/{model}/{layer}/{slab}.zarr"
    PROBE = "results/{dataset}/probes/{model}/{layer}/{readout}.zarr"
    LOGITS = "results/{dataset}/band_logits/{model}/{layer}/{readout}.zarr"
    MASKS = "results/{dataset}/controls/{model}/{layer}.zarr"
    SHAPLEY = "results/{dataset}/shapley/{model}/{layer}/{readout}.zarr"
    HEAD = "results/{dataset}/heads/{model}.zarr"
    HEAD_LOGITS = "results/{dataset}/head_logits/{model}/{passname}.zarr"
    OUTCOMES = "results/{dataset}/outcomes/{model}/{layer}/{readout}/{mode}.zarr"
    TARGET = "results/{dataset}/targets/{model}/{layer}/{readout}/{mode}/{band}.json"
    SUMMARY = "results/{dataset}/summary/{table}.nc"
    TABLE = "results/{dataset}/summary/{table}.csv"
    FLAGS = "results/{dataset}/summary/flags.csv"
    FIGURE = "results/{dataset}/figures/{figure}.{suffix}"
    CONFIG = "results/{dataset}/config.yaml"
    REPORT = "results/{dataset}/report.html"

    @staticmethod
    def digest(path: str) -> str:
        """Path of the digest that a job writes beside a store, file or folder."""
        return f"{path}.digest.json"
