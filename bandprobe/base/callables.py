"""A user's function by its name; nothing else imports code of theirs."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from bandprobe.errors import ModelError, unknown_name


def import_callable(name: str, key: str) -> Any:
    """A callable by `package.module:function`; the working directory is searched last.

    Parameters
    ----------
    name : str
    key : str
        What the configuration says, for messages.

    Raises
    ------
    ModelError
        If the module cannot be imported or has no such callable.
    """
    module_name, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a user's module raises
        raise ModelError(
            f"cannot import {module_name} ({key})",
            expected="a module in the working directory or installed",
            found=f"{type(error).__name__}: {error}",
        ) from error
    found = getattr(module, attribute, None)
    if not callable(found):
        valid = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise ModelError(unknown_name(f"callable of {module_name}", attribute, valid))
    return found
