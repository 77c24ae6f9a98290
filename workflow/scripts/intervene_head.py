"""Outcomes of one layer's head readouts and modes, from the logits of its changed maps."""

import json
from pathlib import Path

from bandprobe.head.store import read_head, read_head_logits
from bandprobe.interventions.outcome_store import Axes, write_outcomes
from bandprobe.scoring.head_flags import head_flags
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the outcomes."""
    parser = argument_parser(__doc__)
    parser.add_argument("--head", required=True, type=Path, help="the fitted head of the model")
    parser.add_argument("--logits", required=True, type=Path, help="of the pass of the layer")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--modes", required=True, type=json_argument, help="modes, as JSON")
    parser.add_argument("--prefix", required=True, nargs="+", choices=["keep", "ablate"])
    parser.add_argument(
        "--output", required=True, type=Path, nargs="+", help="a store a prefix and mode"
    )
    arguments = parser.parse_args()
    head, store = read_head(arguments.head), Store(arguments.logits)
    layer = read_head_logits(store, arguments.layer)
    outputs = iter(arguments.output)
    for number, prefix in enumerate(arguments.prefix):
        row = layer.row(number)
        flags = head_flags(prefix == "ablate", layer.has_prefix, layer.route)
        samples = (head.sample, head.label, head.group)
        axes = Axes(tuple(arguments.bands["names"]), layer.bins, layer.sees[row], *samples)
        for spec, changed in zip(arguments.modes, layer.changed[row], strict=True):
            stage = {**spec, "prefix": prefix, "prefix_route": layer.route}
            weights = store.attrs["weights_sha256"]
            attrs = provenance(arguments.code, stage, weights_sha256=weights)
            attrs["flags"] = json.dumps(flags)
            write_outcomes(next(outputs), axes, layer.clean[row], changed[:, None], attrs)


if __name__ == "__main__":
    run(main)
