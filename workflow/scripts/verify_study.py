"""Look at everything that a study left on disk: one line per stage, status 1 for any problem."""

import argparse
from typing import Any

from bandprobe.study.parse import parse_study
from bandprobe.verify.study import require_intact, verify_study
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import run


def main() -> None:
    """Verify the study whose results lie below the working directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=from_json(dict[str, Any]), help="as JSON")
    arguments = parser.parse_args()
    require_intact(verify_study(parse_study(arguments.config)))


if __name__ == "__main__":
    run(main)
