"""A job's last word where a container's runtime keeps it: one JSON line. Standard library only.

Without MODELYARD_TERMINATION_LOG nothing is said, and a job's end is in MODELYARD_OUTPUT alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelyard.failures import BadJob, IntegrityError, TryAgain
from modelyard.filedigests import folder_files
from modelyard.registry import upload_checked
from modelyard.stores import open_store

# A kubelet keeps this much of a container's message and cuts the rest off, which would leave no JSON.
LIMIT_BYTES = 4_096
_TYPE_CHARACTERS = 200
_MESSAGE_BYTES = 1_500
_RESULT = "result.json"


def told_result(result: Any) -> bytes | None:
    """The line for a result: itself, or where it lies, after uploading it, when it does not fit.

    None when nobody asks for one. TryAgain when the upload fails. ValueError for NaN, which JSON does not have.
    """
    if not os.environ.get("MODELYARD_TERMINATION_LOG"):
        return None
    line = _line({"result": result})
    return line if len(line) <= LIMIT_BYTES else _line({"resultAt": _uploaded(result)})


def tell(line: bytes | None) -> None:
    """Writes the line; TryAgain when it cannot be written."""
    if line is None:
        return
    try:
        # In a pod this is a mounted file, which cannot be replaced by another one.
        Path(os.environ["MODELYARD_TERMINATION_LOG"]).write_bytes(line)
    except OSError as problem:
        raise TryAgain(f"MODELYARD_TERMINATION_LOG: expected a file to write to, got: {problem}") from problem


def tell_failure(failure: Mapping[str, Any]) -> None:
    """Writes the line for a failure {type, message, traceback}, shortened to fit. Never raises: the exit code stays."""
    if not os.environ.get("MODELYARD_TERMINATION_LOG"):
        return
    try:
        tell(failure_line(failure))
    except TryAgain as problem:
        print(problem, file=sys.stderr, flush=True)


def failure_line(failure: Mapping[str, Any]) -> bytes:
    """At most LIMIT_BYTES: the message keeps its beginning, the traceback its end."""
    whole = _line({"failure": failure})
    if len(whole) <= LIMIT_BYTES:
        return whole
    kind, message, trace = str(failure["type"])[:_TYPE_CHARACTERS], str(failure["message"]), failure["traceback"]
    message = message[: _longest(message, lambda n: len(_line(message[:n])) <= _MESSAGE_BYTES)]
    short = {"type": kind, "message": message, "traceback": None}
    if trace is None:
        return _line({"failure": short})

    def with_tail(characters: int) -> bytes:
        return _line({"failure": {**short, "traceback": trace[len(trace) - characters :]}})

    return with_tail(_longest(trace, lambda n: len(with_tail(n)) <= LIMIT_BYTES))


def _longest(text: str, fits: Callable[[int], bool]) -> int:
    """The largest number of characters of `text` that fits."""
    return max(0, bisect_left(range(len(text) + 1), True, key=lambda n: not fits(n)) - 1)


def _line(value: Any) -> bytes:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair has no UTF-8; its escape is JSON again.
    return text.encode("utf-8", "backslashreplace")


def _uploaded(result: Any) -> dict[str, str]:
    folder = f"{_required('MODELYARD_RESULTS').rstrip('/')}/{_required('MODELYARD_POD')}"
    with tempfile.TemporaryDirectory(prefix="modelyard-result-") as temporary:
        (Path(temporary) / _RESULT).write_bytes(_line(result))
        files = folder_files(Path(temporary))
        try:
            upload_checked(open_store(folder), Path(temporary), files, whole=False)
        except (OSError, IntegrityError) as problem:
            raise TryAgain(f"the result could not be uploaded to {folder}: {problem}") from problem
    return {"uri": f"{folder}/{_RESULT}", "sha256": str(files[0]["sha256"])}


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise BadJob(f"{name}: expected a value, because the result does not fit into the pod's message; got nothing")
    return value
