"""Draw how the spectrum changes across the layers of the chosen models.

Example: plot_layerwise_spectrum.py --model efficientnet_lite0 dinov2_vits14 --dataset photos
The same, as log amplitude against DC: add --figure delta-log-amplitude
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from bandprobe.commands import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.drawing import save
from bandprobe.figures_spectra import (
    band_energy,
    delta_log_amplitude,
    radial_profiles,
    spectral_centroid,
)
from bandprobe.scripting import run
from bandprobe.spectra_summary import layer_spectrum, spectra_dataset
from bandprobe.study import Paths, Study

FIGURES = {
    "energy": "layerwise_spectrum",
    "profile": "layerwise_profile",
    "delta-log-amplitude": "layerwise_delta_log_amplitude",
    "centroid": "layerwise_centroid",
}


def main() -> None:
    """Make the spectra and draw them."""
    parser = command_parser(__doc__)
    parser.add_argument("--model", nargs="+", help="models (default: all)")
    parser.add_argument(
        "--figure",
        choices=FIGURES,
        default="energy",
        help="energy a band, power a ring, log amplitude on the diagonal, or spectral centroid",
    )
    parser.add_argument(
        "--output", type=Path, nargs="+", help="files, by their suffix (default: PNG and SVG)"
    )
    arguments = parser.parse_args()
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    models = choose_many(study, "model", arguments.model, study.models)
    stores = {
        (model, layer): Paths.SPECTRA.format(dataset=dataset, model=model, layer=layer)
        for model in models
        for layer in study.models[model].layers
    }
    goals = [Paths.digest(path) for path in stores.values()]
    run_workflow(goals, arguments.config, arguments.cores)
    settings = asdict(study.statistics)
    spectra = {key: layer_spectrum(Path(path), **settings) for key, path in stores.items()}
    output = arguments.output or [
        Path(Paths.FIGURE.format(dataset=dataset, figure=FIGURES[arguments.figure], suffix=suffix))
        for suffix in ("png", "svg")
    ]
    save(draw(arguments.figure, spectra_dataset(spectra), study), output)
    print("\n".join(map(str, output)))


def draw(name: str, spectra: xr.Dataset, study: Study) -> Figure:
    """The figure of that name."""
    if name == "profile":
        return radial_profiles(spectra, study.bands.edges)
    figures: dict[str, Callable[[xr.Dataset], Figure]] = {
        "energy": band_energy,
        "delta-log-amplitude": delta_log_amplitude,
        "centroid": spectral_centroid,
    }
    return figures[name](spectra)


if __name__ == "__main__":
    run(main)
