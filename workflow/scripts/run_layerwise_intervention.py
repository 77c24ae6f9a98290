"""Run one intervention on one band of one layer, and print what the readout loses."""

from bandprobe.cli.run_intervention import execute, parser
from bandprobe.workflow.script import run

if __name__ == "__main__":
    run(lambda: execute(parser().parse_args()))
