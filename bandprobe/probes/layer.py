"""All readouts of one layer: its maps summed up, each readout fitted and written in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bandprobe.base.arrays import MapArray
from bandprobe.base.devices import open_device
from bandprobe.errors import ConfigError
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.transform import grouped_sum, power
from bandprobe.linear.band_grams import BandSums
from bandprobe.linear.band_penalties import BandProducts
from bandprobe.linear.coordinates import Rows, StandardisedMaps, refit_subsets, standardise_slabs
from bandprobe.linear.map_sums import MapSums
from bandprobe.probes.by_band import fit_by_band
from bandprobe.probes.by_weights import fit_by_weights, is_cheaper
from bandprobe.probes.fit import (
    FittedReadout,
    Splits,
    energy_rows,
    fit_readout,
    fit_refits,
)
from bandprobe.probes.settings import FitBands
from bandprobe.probes.sums import read_sums, sum_channels
from bandprobe.probes.write import (
    ProbeWriter,
    common_variables,
    energy_variables,
    refit_variables,
)

BY_BAND = ("energy", "refit")


def fit_layer(
    splits: Splits,
    outputs: Mapping[str, Path],
    bands: FitBands | None,
    slabs: Sequence[Path] = (),
    *,
    code: str,
    device: str = "cpu",
) -> None:
    """Fit and store the readouts of a layer.

    Parameters
    ----------
    splits : Splits
    outputs : mapping of str to Path
        The store of each readout: `map`, `pattern`, `pooled`, `energy`, `refit`.
    bands : FitBands or None
        For `energy` and `refit`.
    slabs : sequence of Path
        Stores of the sums over slabs of channels, in their order, if jobs share the channels.
        Without any, all channels are read here.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.

    Raises
    ------
    ConfigError
        If a readout by band is wanted without bands.
    """
    on_device = open_device(device)
    by_band = [readout for readout in BY_BAND if readout in outputs]
    if by_band and bands is None:
        raise ConfigError(
            f"readouts {', '.join(by_band)} of layer {splits.layer} need bands",
            expected="bands: names, edges, kinds",
        )
    writer = ProbeWriter(splits, outputs, bands.names if bands else (), code)
    if bands is None and not {"map", "pattern"} & outputs.keys():
        if "pooled" in outputs:
            # Spatial means are all that is needed, and much smaller than what maps add up to.
            write_pooled(writer, splits, list(splits.spatial_means()))
        return
    if bands is None and not slabs and is_cheaper(splits):
        means = fit_by_weights(writer, splits, list(outputs), on_device)
        if means is not None:
            if "pooled" in outputs:
                write_pooled(writer, splits, means)
            return
    partition = None if bands is None else bands.bands.on_grid(*splits.grid)
    sums = layer_sums(splits, partition, slabs, on_device, pattern="pattern" in outputs)
    maps = StandardisedMaps.from_sums(sums)
    whole = fit_readout(splits, maps.source)
    readouts = {"map": with_band_penalties(splits, sums.by_band, maps, whole)}
    if sums.pattern is not None:
        patterns = StandardisedMaps.from_sums(sums.pattern)
        pattern = fit_readout(splits, patterns.source, whole.chosen)
        readouts["pattern"] = with_band_penalties(splits, sums.pattern.by_band, patterns, pattern)
    writer.write_linear(readouts, splits.train_slabs)
    if "pooled" in outputs:
        write_pooled(writer, splits, list(zip(*sums.spatial_means, strict=True)))
    if bands is None or sums.by_band is None:
        return
    if "energy" in outputs:
        write_energy(writer, splits, sums.by_band, maps.mean_map)
    if "refit" in outputs:
        write_refits(writer, splits, sums.by_band, bands.kinds, whole)


def layer_sums(
    splits: Splits,
    partition: BandPartition | None,
    slabs: Sequence[Path],
    device: str,
    *,
    pattern: bool,
) -> MapSums:
    """What the readouts of the maps are fitted from, as other jobs stored it or added up here."""
    if slabs:
        return read_sums(slabs, partition)
    maps = (splits.train, splits.evaluation, splits.layer, partition)
    by_band = splits.settings.by_band
    return sum_channels(*maps, device=device, pattern=pattern, pattern_by_band=by_band)


def with_band_penalties(
    splits: Splits, sums: BandSums | None, maps: StandardisedMaps, shared: FittedReadout
) -> tuple[StandardisedMaps, FittedReadout]:
    """A readout as it was fitted or, if that is wanted, with one penalty for each band."""
    if not splits.settings.by_band:
        return maps, shared
    if sums is None:
        raise ConfigError(
            f"penalties by band of layer {splits.layer} need sums by band",
            expected="bands: names, edges, kinds; and one slab",
        )
    train = maps.source.train if isinstance(maps.source, Rows) else None
    fit = fit_by_band(splits, BandProducts.of(sums.products), shared, train)
    if fit.by_band is None:
        return maps, fit
    return replace(maps, scaling=(sums.partition, fit.by_band.factors)), fit


def write_pooled(
    writer: ProbeWriter, splits: Splits, means: Sequence[tuple[MapArray, MapArray]]
) -> None:
    """Fit and write `pooled` from the spatial means of both splits by slabs of channels."""
    n_train, n_channels = splits.train.array(splits.layer).shape[:2]
    maps = standardise_slabs(means, direct=n_channels <= n_train)
    fit = fit_readout(splits, maps.source)
    writer.write_linear({"pooled": (maps, fit)}, lambda: [train for train, _ in means])


def write_energy(writer: ProbeWriter, splits: Splits, sums: BandSums, mean_map: MapArray) -> None:
    """Fit and write `energy` from the energies of the bands; those of the mean map go with it."""
    scale, rows = energy_rows(sums.energies)
    fit = fit_readout(splits, rows)
    partition = sums.partition
    of_mean = grouped_sum(power(mean_map), partition.half_index, len(partition.bands))
    variables = energy_variables(scale, fit, sums.energies, of_mean, partition.counts)
    writer.write_by_band("energy", fit, common_variables(fit) | variables)


def write_refits(
    writer: ProbeWriter,
    splits: Splits,
    sums: BandSums,
    kinds: Sequence[str],
    whole: FittedReadout,
) -> None:
    """Fit and write `refit`, the map readout fitted again for each set of bands that is kept."""
    bins = sums.partition.counts
    kept = refit_subsets(kinds, bins)
    n_channels = splits.train.array(splits.layer).shape[1]
    refits = fit_refits(splits, sums.products, kept, whole, n_channels * bins)
    variables = refit_variables(refits, kept, bins, splits.penalties)
    writer.write_by_band("refit", whole, variables, [refit.logits for refit in refits])
