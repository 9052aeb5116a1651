"""What a job publishes in MODELYARD_OUTPUT, whole or not at all. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from modelyard.failures import UserCodeFailed, classify
from modelyard.termination import tell_failure

_MESSAGE_CHARACTERS = 2_000
_TRACEBACK_CHARACTERS = 16_000


def publish_json(directory: Path, name: str, value: Any) -> None:
    """Writes `value` as `directory/name` by temporary file, fsync and rename, so that a reader never sees half of it.

    NaN is refused (ValueError): the readers' JSON has no such token.
    """
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=1)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        # Half a surrogate pair, as in the name of a file that is not UTF-8, becomes its escape.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(directory / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(directory)


def publish_failure(directory: Path | None, error: BaseException) -> int:
    """Writes failure.json (when there is a directory) and the last word, prints to stderr, returns the exit code."""
    kind, message, code = classify(error)
    trace = _traceback_of(error, code)
    print(f"{kind}: {message}" if trace is None else trace, file=sys.stderr, flush=True)
    failure = {"type": kind, "message": message[:_MESSAGE_CHARACTERS], "traceback": trace}
    if directory is not None:
        try:
            publish_json(directory, "failure.json", failure)
        except OSError as problem:
            print(f"failure.json could not be written: {problem}", file=sys.stderr, flush=True)
    tell_failure(failure)
    return code


def _traceback_of(error: BaseException, code: int) -> str | None:
    shown = error.__cause__ if isinstance(error, UserCodeFailed) and error.__cause__ is not None else error
    if shown is error and code != 1:
        return None
    lines = traceback.format_exception(type(shown), shown, shown.__traceback__)
    return "".join(lines)[-_TRACEBACK_CHARACTERS:]


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
