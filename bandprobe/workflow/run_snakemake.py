"""Run Snakemake with bandprobe's status line among its loggers: `--logger bandprobe`.

Snakemake finds plugins by the names of installed packages; this one is registered by hand, so that
nothing but `bandprobe` has to be installed.
"""

from __future__ import annotations

import io
import sys
import types
from contextlib import redirect_stderr

from snakemake import cli
from snakemake.exceptions import print_exception
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from bandprobe.workflow.status_line import StatusHandler

NAME = "bandprobe"
# Said of the profile that every run has.
UNSAID = "for setting default command line arguments."


def register() -> None:
    """Make the status line known to Snakemake under the name `NAME`."""
    plugin = types.ModuleType(f"snakemake_logger_plugin_{NAME}")
    plugin.LogHandler = StatusHandler  # type: ignore[attr-defined]
    LoggerPluginRegistry().register_plugin(plugin.__name__, plugin)


def main() -> int:
    """What `snakemake` does with the command line; return the exit status."""
    register()
    said = io.StringIO()
    try:
        try:
            with redirect_stderr(said):
                parser, arguments = cli.parse_args(sys.argv[1:])
        finally:
            lines = said.getvalue().splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not line.strip().endswith(UNSAID))
        return 0 if cli.args_to_api(arguments, parser) else 1
    except Exception as error:  # as Snakemake's own main does
        print_exception(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
