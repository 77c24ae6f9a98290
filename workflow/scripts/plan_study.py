"""Say what a study costs before it runs; the same as `bandprobe plan`."""

from bandprobe.cli.plan_study import execute, parser
from bandprobe.workflow.script import run

if __name__ == "__main__":
    run(lambda: execute(parser().parse_args()))
