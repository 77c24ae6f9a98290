"""Write the configuration of a study as it was used, defaults filled in."""

from pathlib import Path

import yaml

from bandprobe.base.files import write_text
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the resolved configuration."""
    parser = argument_parser(__doc__)
    parser.add_argument("--config", required=True, type=json_argument)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    write_text(arguments.output, yaml.safe_dump(arguments.config, sort_keys=False))


if __name__ == "__main__":
    run(main)
