"""Run interventions on all layers of the chosen models, and print them layer by band."""

from bandprobe.cli.batch_layers import execute, parser
from bandprobe.workflow.script import run

if __name__ == "__main__":
    run(lambda: execute(parser().parse_args()))
