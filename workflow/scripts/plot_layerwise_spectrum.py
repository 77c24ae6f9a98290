"""Draw how the spectrum changes across the layers of the chosen models."""

from bandprobe.cli.plot_spectrum import execute, parser
from bandprobe.workflow.script import run

if __name__ == "__main__":
    run(lambda: execute(parser().parse_args()))
