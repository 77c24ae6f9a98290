"""Spectra of one layer's evaluation maps, as they are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.features.blocks import read_coordinates, sample_blocks
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.plane import (
    PlaneSums,
    by_orientation,
    mean_log_power,
    orientations,
    plane_frequency,
    plane_sums,
    second_harmonic,
    sector_shares,
)
from bandprobe.fourier.spectra import (
    MapSpectra,
    Window,
    bins_without_dc,
    cycles_per_image,
    density,
    diagonal_frequency,
    join_spectra,
    radial_bins,
    rounding_energy,
    spectra_and_power,
)
from bandprobe.store.provenance import inherited, provenance, stated
from bandprobe.store.zarr_store import Store, Variable, write_store

UNIT = {"units": "squared feature units"}
NYQUIST = {"units": "Nyquist"}
CYCLES = {"units": "cycles per image"}
PIXELS = {"units": "cycles per pixel of the map"}
DEGREES = {"units": "degrees", "long_name": "direction in which a wave changes, as seen in the map"}
SOURCE = ("source_height", "source_width")


def write_spectra(
    output: Path, features: Path, layer: str, bands: Bands, window: Window = "none", *, code: str
) -> None:
    """Compute the spectra of one layer's maps, and store them.

    Parameters
    ----------
    output : Path
        The store of the spectra.
    features : Path
        The store of the pass.
    layer : str
    bands : Bands
    window : {"none", "hann"}
        As of `bandprobe.fourier.spectra.map_spectra`.
    code : str
        Digest of the code, for the provenance.
    """
    store = Store(features)
    n_channels, height, width = store.array(layer).shape[1:]
    partition = bands.on_grid(height, width)
    mantissa = int(np.finfo(store.array(layer).dtype).nmant)
    weights = np.concatenate([sector_shares(height, width), second_harmonic(height, width)])
    spectra, rounding, oriented, planes = [], [], [], []
    for _, maps in sample_blocks(store, layer):
        of_maps, power = spectra_and_power(maps, partition, window)
        spectra.append(of_maps)
        rounding.append(rounding_energy(maps, partition, mantissa))
        oriented.append(by_orientation(power, weights))
        planes.append(plane_sums(power, width, n_channels))
    joined = join_spectra(spectra)
    stage = {
        "layer": layer,
        "bands": stated(bands),
        "window": window,
        "grid": [height, width],
    }
    write_store(
        output,
        band_variables(joined, partition)
        | rounding_variable(np.concatenate(rounding))
        | source_variable(store, partition)
        | cut_variable(partition)
        | curve_variables(joined, height, width)
        | plane_variables(sum(planes[1:], planes[0]), np.concatenate(oriented), height, width),
        coordinates(bands, height, width) | read_coordinates(store),
        provenance(code, stage, **inherited(store.attrs), window=window),
    )


def band_variables(spectra: MapSpectra, partition: BandPartition) -> dict[str, Variable]:
    """Sums and densities of the bands, with and without the zero frequency."""
    variables: dict[str, Variable] = {}
    for suffix, text, energy, bins in (
        ("", "", spectra.energy, partition.counts),
        ("_without_dc", " without DC", spectra.energy_without_dc, bins_without_dc(partition)),
    ):
        variables |= {
            f"energy{suffix}": Variable(
                ("sample", "band"), energy, UNIT | {"long_name": f"energy{text}, over channels"}
            ),
            f"density{suffix}": Variable(
                ("sample", "band"),
                density(energy, bins),
                UNIT | {"long_name": f"energy{text} per bin, over channels"},
            ),
            f"bins{suffix}": Variable(
                ("band",), bins, {"units": "1", "long_name": f"full-plane bins{text}"}
            ),
        }
    return variables


def rounding_variable(energy: FloatArray) -> dict[str, Variable]:
    """What the number format of the stored maps cannot tell from nothing."""
    text = {"long_name": "energy expected of the rounding of stored values, over channels"}
    return {"rounding_energy": Variable(("sample", "band"), energy, UNIT | text)}


def source_variable(store: Store, partition: BandPartition) -> dict[str, Variable]:
    """What the images could not hold before they were resized; of the median image."""
    known = set(SOURCE) <= set(store.names())
    rows, columns = (float(np.median(store.read(n))) if known else np.nan for n in SOURCE)
    text = "share of the bins above the Nyquist frequency of the images before they were resized"
    attrs = {"units": "1", "long_name": text, "source_height": rows, "source_width": columns}
    return {"beyond_source": Variable(("band",), partition.beyond(rows, columns), attrs)}


def cut_variable(partition: BandPartition) -> dict[str, Variable]:
    """Bands in cycles per image of which the grid holds a part only; none in units of Nyquist."""
    if not partition.bands.in_cycles:
        return {}
    text = {"long_name": "the layer's Nyquist frequency lies in the band"}
    return {"cut_by_nyquist": Variable(("band",), partition.cut, text)}


def curve_variables(spectra: MapSpectra, height: int, width: int) -> dict[str, Variable]:
    """The radial profile, the centroids and the half diagonal."""
    ring = UNIT | {"long_name": "mean power per bin, over channels"}
    delta = {"units": "nats", "long_name": "log amplitude on the half diagonal, relative to DC"}
    if height != width:
        delta["note"] = f"N/A: {height} x {width} is not square, its diagonal has no exact bins"
    variables = {
        "profile": Variable(("radius",), spectra.profile.mean(0), ring),
        "profile_by_sample": Variable(("sample", "radius"), spectra.profile, ring),
        "delta_log_amplitude": Variable(("sample", "diagonal"), spectra.delta_log_amplitude, delta),
    }
    for suffix, text, values in (
        ("", "", spectra.centroid),
        ("_without_dc", " without DC", spectra.centroid_without_dc),
    ):
        name = {"long_name": f"energy-weighted mean radial frequency{text}"}
        variables[f"centroid{suffix}"] = Variable(("sample",), values, NYQUIST | name)
        variables[f"centroid_cycles_per_image{suffix}"] = Variable(
            ("sample",), cycles_per_image(values, height, width), CYCLES | name
        )
    return variables


def plane_variables(
    sums: PlaneSums, oriented: FloatArray, height: int, width: int
) -> dict[str, Variable]:
    """The picture of the Fourier plane, and the energy of each image by orientation.

    Parameters
    ----------
    sums : PlaneSums
        Of all images.
    oriented : array of shape (n_samples, n_orientations + 2)
        Energy in each sector, then times the cosine and the sine of twice the orientation.
    height, width : int
    """
    shares = sector_shares(height, width)
    log = {"units": "log10 of squared feature units"}
    log["long_name"] = (
        "mean log power per bin, over channels before the logarithm; DC in the middle"
    )
    energy = UNIT | {"long_name": "energy without DC by orientation, over channels"}
    doubled = UNIT | {"long_name": "energy times the cosine and sine of twice the orientation"}
    bins = {"units": "1", "long_name": "full-plane bins of each orientation, shared ones in parts"}
    return {
        "log_power": Variable(("frequency_y", "frequency_x"), mean_log_power(sums, width), log),
        "orientation_energy": Variable(("sample", "orientation"), oriented[:, :-2], energy),
        "orientation_harmonic": Variable(("sample", "part"), oriented[:, -2:], doubled),
        "orientation_bins": Variable(("orientation",), shares.sum((1, 2)), bins),
    }


def coordinates(bands: Bands, height: int, width: int) -> dict[str, Variable]:
    """Names of the bands and the frequencies of rings and half diagonal."""
    frequency, _ = radial_bins(height, width)
    return {
        "band": Variable(("band",), np.array(bands.names)),
        "frequency": Variable(("radius",), frequency, NYQUIST | {"long_name": "radial frequency"}),
        "cycles_per_image": Variable(
            ("radius",),
            cycles_per_image(frequency, height, width),
            CYCLES | {"long_name": "along the shorter side of the map"},
        ),
        "diagonal_frequency": Variable(
            ("diagonal",),
            diagonal_frequency(height, width),
            NYQUIST | {"long_name": "frequency on each axis, along the diagonal"},
        ),
        "orientation": Variable(("orientation",), orientations(), DEGREES),
        **axes_of_plane(height, width),
    }


def axes_of_plane(height: int, width: int) -> dict[str, Variable]:
    """Both axes of a plane with DC in the middle, in both units."""
    axes: dict[str, Variable] = {}
    for axis, side, text in (("y", height, "down a column"), ("x", width, "along a row")):
        frequency, name = plane_frequency(side), {"long_name": f"frequency {text}"}
        dims = (f"frequency_{axis}",)
        axes[dims[0]] = Variable(dims, 2 * frequency, NYQUIST | name)
        axes[f"cycles_per_pixel_{axis}"] = Variable(dims, frequency, PIXELS | name)
    return axes
