"""Look at everything that a study has left on disk: one line a stage, status 1 for any problem."""

import argparse

from bandprobe.study.parse import parse_study
from bandprobe.verify.study import require_intact, verify_study
from bandprobe.workflow.script import json_argument, run


def main() -> None:
    """Verify the study whose results lie below the working directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=json_argument, help="the study, as JSON")
    arguments = parser.parse_args()
    require_intact(verify_study(parse_study(arguments.config)))


if __name__ == "__main__":
    run(main)
