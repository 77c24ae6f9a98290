"""Run one pass of a frozen backbone over the images and store its layers."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.data.manifest import read_split
from bandprobe.features.extract import WHOLE, Shard, Source, extract
from bandprobe.features.networks import PRECISIONS, load_network
from bandprobe.store.encoding import Storage
from bandprobe.store.provenance import provenance
from bandprobe.workflow.script import argument_parser, json_argument, run


def shard_argument(text: str) -> Shard:
    """A shard as NUMBER/COUNT."""
    number, count = map(int, text.split("/"))
    return Shard(number, count)


def main() -> None:
    """Extract one pass."""
    parser = argument_parser(__doc__)
    parser.add_argument("--model", required=True, type=json_argument, help="the model, as JSON")
    parser.add_argument("--layers", required=True, type=json_argument, help="layers, as JSON")
    parser.add_argument("--weights", type=Path, help="file of weights, where there is one")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--storage", required=True, type=json_argument, help="format, as JSON")
    parser.add_argument("--precision", choices=PRECISIONS, help="of the forward pass")
    parser.add_argument("--batch", type=int, default=32, help="images a forward pass")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--split", required=True, nargs="+", choices=["train", "eval"])
    parser.add_argument("--shard", type=shard_argument, default=WHOLE, help="NUMBER/COUNT, from 0")
    parser.add_argument("--output", required=True, nargs="+", type=Path, help="a store a split")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    loaded = load_network(arguments)
    facts = loaded.facts | {"preprocess": json.dumps(asdict(loaded.preprocess))}
    logging.info("preprocess (%s): %s", facts["preprocess_source"], facts["preprocess"])
    stage = {"model": arguments.model, "layers": arguments.layers, **arguments.storage}
    stage |= {"precision": arguments.precision} if arguments.precision else {}
    attrs = provenance(arguments.code, stage, **facts)
    for name, path in zip(arguments.split, arguments.output, strict=True):
        split = read_split(arguments.manifest, name)
        source = Source(arguments.root, split, loaded.preprocess)
        given = (Storage.from_spec(arguments.storage), arguments.batch, arguments.shard)
        extract(loaded.network, source, path, attrs, *given)


if __name__ == "__main__":
    run(main)
