"""Imports the user's functions and calls them; their exceptions become UserCodeFailed."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelyard.failures import BadJob, UserCodeFailed


def import_entry(folder: Path, entry: str) -> Callable[..., Any]:
    """The function `entry` ('file.py:function' below `folder`); its neighbours in the folder can be imported too."""
    file, _, name = entry.rpartition(":")
    path = folder / file
    if not path.is_file():
        raise BadJob(f"code.entry {entry!r}: expected a file {file} in the code archive, got none")
    module_name = file.removesuffix(".py").replace("/", ".")
    if module_name in sys.modules:
        raise BadJob(f"code.entry {entry!r}: {module_name!r} is the name of an installed module; rename the file")
    for place in dict.fromkeys((str(path.parent), str(folder))):
        if place not in sys.path:
            sys.path.insert(0, place)
    # The folder is shared by jobs and never changed, so no compiled files go into it.
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    call_user(f"importing {file}", spec.loader.exec_module, module)
    function = getattr(module, name, None)
    if not callable(function):
        raise BadJob(f"code.entry {entry!r}: expected a function {name} in {file}, got none")
    found: Callable[..., Any] = function
    return found


def call_user(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls the user's code; what it raises becomes UserCodeFailed with it as cause, Interrupted goes through."""
    try:
        with warnings.catch_warnings():
            return function(*arguments)
    except (Exception, SystemExit) as error:
        raise UserCodeFailed(f"{type(error).__name__} in {what}: {error}") from error
