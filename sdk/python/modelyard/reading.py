"""Reads JSON into typed values and collects every problem instead of stopping at the first. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from modelyard.durations import parse_duration, parse_instant
from modelyard.failures import BadJob

T = TypeVar("T")
_MISSING: Any = object()


class Reader:
    """One JSON object at `path`; problems of it and of its children go to the shared list."""

    def __init__(self, value: Any, path: str, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        self.value: Mapping[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.problem("", "an object", value)

    def problem(self, key: str, expected: str, got: Any) -> None:
        where = f"{self.path}.{key}" if key and self.path else key or self.path or "the document"
        came = "nothing" if got is _MISSING else f"{type(got).__name__} {str(got)[:80]!r}"
        self.problems.append(f"{where}: expected {expected}, got {came}")

    def _get(self, key: str, expected: str, check: Callable[[Any], bool], default: Any) -> Any:
        value = self.value.get(key, _MISSING)
        if value is _MISSING or (value is None and default is not _MISSING):
            if default is _MISSING:
                self.problem(key, expected, _MISSING)
            return None if default is _MISSING else default
        if not check(value):
            self.problem(key, expected, value)
            return None if default is _MISSING else default
        return value

    def text(self, key: str, default: Any = _MISSING) -> str:
        return str(self._get(key, "a text", lambda v: isinstance(v, str) and v != "", default) or "")

    def optional_text(self, key: str) -> str | None:
        value: str | None = self._get(key, "a text or null", lambda v: isinstance(v, str) and v != "", None)
        return value

    def choice(self, key: str, options: tuple[str, ...]) -> str:
        expected = "one of " + ", ".join(options)
        return str(self._get(key, expected, lambda v: v in options, _MISSING) or options[0])

    def integer(self, key: str, default: Any = _MISSING, minimum: int = 0) -> int:
        def whole(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and value >= minimum

        return int(self._get(key, f"a whole number from {minimum}", whole, default) or 0)

    def number(self, key: str, low: float, high: float) -> float:
        def within(value: Any) -> bool:
            return isinstance(value, (int, float)) and not isinstance(value, bool) and low < value < high

        return float(self._get(key, f"a number between {low} and {high}", within, _MISSING) or low)

    def texts(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        def fits(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(item, str) and item for item in value)

        return tuple(self._get(key, "a list of texts", fits, default) or ())

    def mapping(self, key: str) -> dict[str, Any]:
        return dict(self._get(key, "an object", lambda v: isinstance(v, dict), {}) or {})

    def duration(self, key: str, default: Any = _MISSING) -> timedelta | None:
        text = self._get(key, "a duration such as '7d'", lambda v: isinstance(v, str), default)
        return self._parsed(key, text, parse_duration)

    def instant(self, key: str) -> datetime | None:
        text = self._get(key, "an ISO-8601 instant", lambda v: isinstance(v, str), _MISSING)
        return self._parsed(key, text, parse_instant)

    def _parsed(self, key: str, text: Any, parse: Callable[[str], T]) -> T | None:
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as problem:
            self.problems.append(f"{self.path + '.' if self.path else ''}{key}: {problem}")
            return None

    def child(self, key: str) -> Reader:
        value = self.value.get(key, _MISSING)
        if value is _MISSING:
            self.problem(key, "an object", _MISSING)
            return Reader({}, self._below(key), [])
        return Reader(value, self._below(key), self.problems)

    def optional_child(self, key: str) -> Reader | None:
        return None if self.value.get(key) is None else self.child(key)

    def children(self, key: str) -> list[Reader]:
        items = self._get(key, "a list of objects", lambda v: isinstance(v, list), [])
        return [Reader(item, f"{self._below(key)}[{n}]", self.problems) for n, item in enumerate(items)]

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def parse_document(value: Any, parse: Callable[[Reader], T]) -> T:
    """Runs `parse`; raises BadJob that names every problem when there is one."""
    problems: list[str] = []
    document = parse(Reader(value, "", problems))
    if problems:
        raise BadJob("the job document does not hold together:\n" + "\n".join(f"- {line}" for line in problems))
    return document
