"""SIGTERM for a job: raised once where the job is, remembered in case user code swallowed it. Standard library only."""

from __future__ import annotations

import signal
from types import FrameType

from modelyard.failures import Interrupted

_requested = False


def listen() -> None:
    """From now on SIGTERM raises Interrupted in the main thread."""
    signal.signal(signal.SIGTERM, _on_signal)


def requested() -> bool:
    return _requested


def stop_listening() -> None:
    """A job past its last check publishes whole; SIGTERM no longer changes how it ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _requested:
        raise Interrupted()


def ignore() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _on_signal(_signal: int, _frame: FrameType | None) -> None:
    global _requested  # noqa: PLW0603 - a signal handler has nowhere else to leave word
    _requested = True
    raise Interrupted()
