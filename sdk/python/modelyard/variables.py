"""Reads settings from the environment. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping

from modelyard.failures import BadJob


class Variables:
    """Collects what is wrong while it reads, so that `check` names all of it at once."""

    def __init__(self, environment: Mapping[str, str], whose: str = "server") -> None:
        self._environment = environment
        self._whose = whose
        self._problems: list[str] = []

    def optional(self, name: str, default: str = "") -> str:
        return self._environment.get(name) or default

    def text(self, name: str) -> str:
        value = self.optional(name)
        if not value:
            self._problems.append(f"{name}: expected a value, got nothing")
        return value

    def port(self, name: str) -> int:
        value = self.text(name)
        if value and not (value.isdigit() and int(value) < 65_536):
            self._problems.append(f"{name}: expected a port number, got {value!r}")
            return 0
        return int(value or 0)

    def count(self, name: str, default: int) -> int:
        """A whole number from 1 on."""
        value = self.optional(name, str(default))
        if not value.isdigit() or int(value) < 1:
            self._problems.append(f"{name}: expected a whole number from 1 on, got {value!r}")
            return default
        return int(value)

    def names(self, name: str) -> tuple[str, ...]:
        try:
            value = json.loads(self.optional(name, "[]"))
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ValueError(f"{value!r}")
            return tuple(value)
        except ValueError as problem:
            self._problems.append(f"{name}: expected a JSON list of texts, got {problem}")
            return ()

    def check(self) -> None:
        """BadJob names every variable that is missing or wrong."""
        if self._problems:
            raise BadJob(f"the {self._whose}'s environment does not hold together: " + "; ".join(self._problems))
