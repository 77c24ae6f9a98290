"""Write the configuration of a study as it was used, defaults filled in."""

from pathlib import Path
from typing import Any

import yaml

from bandprobe.base.files import write_text
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the resolved configuration."""
    parser = argument_parser(__doc__)
    parser.add_argument("--config", required=True, type=from_json(dict[str, Any]))
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    write_text(arguments.output, yaml.safe_dump(arguments.config, sort_keys=False))


if __name__ == "__main__":
    run(main)
