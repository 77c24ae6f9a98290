"""Energy per radial band and the radial profile of one layer's evaluation maps."""

from pathlib import Path

import numpy as np

from bandprobe.bands import Bands
from bandprobe.features import read_coordinates, sample_blocks
from bandprobe.masks import MeanPower, write_masks
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.spectra import band_energy, dc_energy, radial_bins, radial_profile
from bandprobe.store import Store, Variable, write_store


def main() -> None:
    """Write the spectra of one layer."""
    parser = argument_parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="store of the pass")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--controls", type=json_argument, help="draws and seed of random masks")
    parser.add_argument(
        "--masks", type=Path, nargs="*", default=[], help="where random masks go, if anywhere"
    )
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    store = Store(arguments.features)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    _, _, height, width = store.array(arguments.layer).shape
    partition = bands.on_grid(height, width)
    energy, constant, profile = [], [], []
    mean_power = MeanPower(height, width)
    for _, maps in sample_blocks(store, arguments.layer):
        energy.append(band_energy(maps, partition).sum(1))
        constant.append(dc_energy(maps).sum(1))
        profile.append(radial_profile(maps))
        mean_power.add(maps)
    for path in arguments.masks:
        write_masks(
            path,
            partition,
            mean_power.full_plane(),
            **arguments.controls,
            attrs=provenance(
                arguments.code,
                {"layer": arguments.layer, "bands": arguments.bands, **arguments.controls},
                weights_sha256=store.attrs["weights_sha256"],
            ),
        )
    total = np.concatenate(energy)
    rest = total.copy()
    rest[:, partition.dc_band] = np.maximum(
        rest[:, partition.dc_band] - np.concatenate(constant), 0.0
    )
    by_sample = np.concatenate(profile)
    frequency, _ = radial_bins(height, width)
    unit = {"units": "squared feature units"}
    power = unit | {"long_name": "mean power a bin, over channels"}
    write_store(
        arguments.output,
        {
            "energy": Variable(
                ("sample", "band"), total, unit | {"long_name": "energy over the full plane"}
            ),
            "energy_without_dc": Variable(
                ("sample", "band"), rest, unit | {"long_name": "energy without zero frequency"}
            ),
            "bins": Variable(
                ("band",), partition.counts, {"units": "1", "long_name": "full-plane bins"}
            ),
            "profile": Variable(("radius",), by_sample.mean(0), power),
            "profile_by_sample": Variable(("sample", "radius"), by_sample, power),
        },
        {
            "band": Variable(("band",), np.array(bands.names)),
            "frequency": Variable(
                ("radius",), frequency, {"units": "Nyquist", "long_name": "radial frequency"}
            ),
            "cycles_per_image": Variable(
                ("radius",),
                frequency * min(height, width) / 2,
                {"units": "cycles per image", "long_name": "along the shorter side of the map"},
            ),
            **read_coordinates(store),
        },
        provenance(
            arguments.code,
            {"layer": arguments.layer, "bands": arguments.bands, "grid": [height, width]},
            weights_sha256=store.attrs["weights_sha256"],
        ),
    )


if __name__ == "__main__":
    run(main)
