"""One map of one image, its bands, and the map after each intervention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.errors import StoreError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene, project, white_noise
from bandprobe.fourier.modes import COEFFICIENTS, Mode
from bandprobe.interventions.compare_routes import BothRoutes
from bandprobe.linear import compose
from bandprobe.probes.read import Readout
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class ChangedMap:
    """One channel of a map before and after interventions.

    Attributes
    ----------
    sample, label, channel : int
        Row in the manifest, class, and number of the channel.
    untouched : array of shape (height, width)
    bands : array of shape (n_bands, height, width)
        They add up to `untouched`.
    changed : mapping of str to arrays of shape (n_bands, height, width)
        By mode: the map after the mode was applied to each band. For a random mode, the first draw
        that the workflow scores.
    names : tuple of str
        Of the bands.
    bins : array of shape (n_bands,)
        Full-plane bins of each band.
    logits : array of shape (n_classes,), optional
        Of a readout, from all channels of the untouched map.
    changed_logits : mapping of str to arrays of shape (n_bands, n_classes)
        The same of the changed maps, by mode.
    """

    sample: int
    label: int
    channel: int
    untouched: MapArray
    bands: MapArray
    changed: Mapping[str, MapArray]
    names: tuple[str, ...]
    bins: NDArray[np.int64]
    logits: FloatArray | None = None
    changed_logits: Mapping[str, FloatArray] = field(default_factory=dict)

    def of_bands(self, names: Sequence[str]) -> ChangedMap:
        """The same with only some of the bands."""
        positions = [self.names.index(name) for name in names]
        return replace(
            self,
            bands=self.bands[positions],
            changed={mode: maps[positions] for mode, maps in self.changed.items()},
            changed_logits={mode: rows[positions] for mode, rows in self.changed_logits.items()},
            names=tuple(names),
            bins=self.bins[positions],
        )


def changed_map(
    features: Store,
    layer: str,
    sample: int,
    channel: int | None,
    bands: Bands,
    modes: Sequence[Mode],
    mean_map: MapArray | None,
    readout: Readout | None = None,
) -> ChangedMap:
    """Bands and interventions of one channel of one evaluation image's map.

    Parameters
    ----------
    features : Store
        Of the evaluation images.
    layer : str
    sample : int
        Row in the manifest, as in the coordinate `sample`.
    channel : int, optional
        By default the one with the most energy outside DC.
    bands : Bands
    modes : sequence of Mode
    mean_map : array of shape (n_channels, height, width), optional
        Training mean of the raw maps; needed by ``fill: mean``.
    readout : Readout, optional
        Scores all channels of the untouched map and of each changed one.

    Raises
    ------
    StoreError
        If the sample or the channel does not exist; the message says which do.
    """
    array = features.array(layer)
    samples, labels = features.read("sample"), features.read("label")
    row = _row(samples, sample)
    whole = np.asarray(array[row], np.float32)
    chosen = int(whole.var(axis=(1, 2)).argmax()) if channel is None else channel
    if not 0 <= chosen < len(whole):
        raise StoreError(f"{layer} has no channel {chosen}", expected=f"0 to {len(whole) - 1}")
    partition = bands.on_grid(*whole.shape[1:])
    # Without a readout, nothing is needed of the other channels.
    used = slice(None) if readout else slice(chosen, chosen + 1)
    at = chosen if readout else 0
    maps, mean = whole[None, used], None if mean_map is None else mean_map[used]
    routes = BothRoutes(readout, partition) if readout else None
    changed, changed_logits = {}, {}
    for mode in modes:
        noise = other = None
        if mode.kind in COEFFICIENTS:
            # Drawn for all channels, as in the workflow, so that this channel gets the same values.
            noise = white_noise(mode.seed, 0, [sample], whole.shape)[:, used]
        if mode.kind == "resample":
            partner = int(compose.partners(labels, mode.seed, 0)[row])
            other = np.asarray(array[partner, used], np.float32)[None]
        results = np.concatenate(
            [
                intervene(mode, maps, partition, band, mean_map=mean, noise=noise, other=other)
                for band in range(len(bands))
            ]
        )
        changed[mode.name] = results[:, at]
        if routes:
            changed_logits[mode.name] = routes.by_definition(results)
    parts = np.concatenate([project(maps[:, at], partition, b) for b in range(len(bands))])
    return ChangedMap(
        sample,
        int(labels[row]),
        chosen,
        maps[0, at],
        parts,
        changed,
        bands.names,
        partition.counts,
        routes.by_definition(maps)[0] if routes else None,
        changed_logits,
    )


def _row(samples: NDArray[np.int64], sample: int) -> int:
    rows = np.flatnonzero(samples == sample)
    if not len(rows):
        raise StoreError(
            f"sample {sample} is not an evaluation image",
            expected=f"one of the {len(samples)} rows of the manifest from {samples.min()} to "
            f"{samples.max()}",
            hint="manifest.parquet lists the samples with their files and classes",
        )
    return int(rows[0])
