"""The command line: one module per command, each with a `parser` and an `execute`."""
