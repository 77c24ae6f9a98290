"""Draw how the spectrum changes across the layers of the chosen models.

Example: plot_layerwise_spectrum.py --model efficientnet_lite0 dinov2_vits14 --dataset photos
The same, as log amplitude against DC: add --figure delta-log-amplitude
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from bandprobe.base.files import write_text
from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.figures.drawing import save
from bandprobe.figures.spectra import (
    band_energy,
    delta_log_amplitude,
    radial_profiles,
    spectral_centroid,
)
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.summary.spectra import (
    band_table,
    diagonal_table,
    layer_spectrum,
    profile_table,
    spectra_dataset,
)

# Name of the file, and the table of what the figure shows.
FIGURES = {
    "energy": ("layerwise_spectrum", band_table),
    "profile": ("layerwise_profile", profile_table),
    "delta-log-amplitude": ("layerwise_delta_log_amplitude", diagonal_table),
    "centroid": ("layerwise_centroid", band_table),
}


def parser() -> argparse.ArgumentParser:
    """The options of `plot_layerwise_spectrum.py`."""
    options = command_parser(__doc__)
    options.add_argument("--model", nargs="+", help="models (default: all)")
    options.add_argument(
        "--figure",
        choices=FIGURES,
        default="energy",
        help="energy per band, power per ring, log amplitude on the diagonal, or spectral centroid",
    )
    options.add_argument(
        "--output", type=Path, nargs="+", help="files, by their suffix (default: PNG and SVG)"
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Make the spectra and draw them, with a table beside the picture."""
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
    settings = IntervalSettings(**asdict(study.statistics))
    spectra = {key: layer_spectrum(Path(path), settings) for key, path in stores.items()}
    name, table = FIGURES[arguments.figure]
    output = arguments.output or [
        Path(Paths.FIGURE.format(dataset=dataset, figure=name, suffix=suffix))
        for suffix in ("png", "svg")
    ]
    summary = spectra_dataset(spectra)
    save(draw(arguments.figure, summary, study), output)
    data = output[0].with_suffix(".csv")
    write_text(data, table(summary).to_csv(index=False))
    print("\n".join(map(str, [*output, data])))


def draw(name: str, spectra: xr.Dataset, study: Study) -> Figure:
    """The figure of that name."""
    if name == "profile":
        axis = "cycles_per_image" if study.bands.in_cycles else "frequency"
        return radial_profiles(spectra, study.bands.edges, axis)
    figures: dict[str, Callable[[xr.Dataset], Figure]] = {
        "energy": band_energy,
        "delta-log-amplitude": delta_log_amplitude,
        "centroid": spectral_centroid,
    }
    return figures[name](spectra)
