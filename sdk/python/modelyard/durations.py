"""Durations such as '30m' and instants such as '2013-03-11T00:00:00Z'. Standard library only."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_UNIT_MS = {
    "ms": 1.0,
    "s": 1_000.0,
    "m": 60_000.0,
    "h": 3_600_000.0,
    "d": 86_400_000.0,
    "w": 604_800_000.0,
    "y": 31_557_600_000.0,
}
_NAMES = {
    "ms": "ms|msecs?|milliseconds?",
    "s": "s|secs?|seconds?",
    "m": "m|mins?|minutes?",
    "h": "h|hrs?|hours?",
    "d": "d|days?",
    "w": "w|weeks?",
    "y": "y|yrs?|years?",
}
_PATTERN = re.compile(
    r"^\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:" + "|".join(f"(?P<{unit}>{names})" for unit, names in _NAMES.items()) + r")\s*$",
    re.IGNORECASE,
)


def parse_duration(text: str) -> timedelta:
    """'500ms', '90s', '30m', '24h', '7d' and their long names; ValueError names the text."""
    match = _PATTERN.match(text)
    if match is None:
        raise ValueError(f"expected a duration such as '30m', '24h' or '7d', got {text!r}")
    unit = next(name for name in _UNIT_MS if match.group(name))
    return timedelta(milliseconds=float(match.group(1)) * _UNIT_MS[unit])


def parse_instant(text: str) -> datetime:
    """An ISO-8601 instant with its offset, as UTC; ValueError when the offset is missing."""
    try:
        value = datetime.fromisoformat(_for_python_310(text))
    except ValueError:
        raise ValueError(f"expected an ISO-8601 instant such as '2013-03-11T00:00:00Z', got {text!r}") from None
    if value.tzinfo is None:
        raise ValueError(f"expected an instant with an offset, such as a trailing 'Z', got {text!r}")
    return value.astimezone(timezone.utc)


def _for_python_310(text: str) -> str:
    """Python 3.10 reads neither 'Z' nor fractions of other than three or six digits."""
    text = re.sub(r"[zZ]$", "+00:00", text.strip())
    return re.sub(r"\.(\d{1,9})", lambda match: "." + match.group(1)[:6].ljust(6, "0"), text, count=1)


def instant_text(value: datetime) -> str:
    """ISO-8601 in UTC, milliseconds, or microseconds where they are needed."""
    value = value.astimezone(timezone.utc)
    spec = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
