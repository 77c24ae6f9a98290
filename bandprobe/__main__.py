"""`python -m bandprobe` is the command `bandprobe`."""

import sys

from bandprobe.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
