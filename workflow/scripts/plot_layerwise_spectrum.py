"""Draw how the energy of each band is distributed across the layers of the chosen models.

Example: plot_layerwise_spectrum.py --model efficientnet_lite0 dinov2_vits14 --dataset photos
"""

from dataclasses import asdict
from pathlib import Path

from bandprobe.commands import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.figures import band_energy, save
from bandprobe.scripting import run
from bandprobe.study import Paths
from bandprobe.summary import layer_spectrum, spectra_dataset


def main() -> None:
    """Make the spectra and draw them."""
    parser = command_parser(__doc__)
    parser.add_argument("--model", nargs="+", help="models (default: all)")
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
        Path(Paths.FIGURE.format(dataset=dataset, figure="layerwise_spectrum", suffix=suffix))
        for suffix in ("png", "svg")
    ]
    save(band_energy(spectra_dataset(spectra)), output)
    print("\n".join(map(str, output)))


if __name__ == "__main__":
    run(main)
