"""Keeps apart the modules that models bring along.

Models in one process may each bring a module of one name, as two versions of a tag do. `sys.modules` holds one of them
at a time: the one of the model that is being loaded or that scores.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_IN_PLACE = threading.RLock()


class OwnModules:
    """The modules below a model's folder, out of everybody's sight except inside `in_place`."""

    def __init__(self, folder: Path) -> None:
        self._root = str(folder.resolve())
        self._modules: dict[str, ModuleType] = {}

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Models that bring modules take turns at this, one thread at a time.

        A thread that comes early blocks. The shared server has models wait for their turn before they take a thread;
        here it is kept even when the request that had the turn was given up and its thread still runs.
        """
        with _IN_PLACE:
            path, known = list(sys.path), set(sys.modules)
            if self._modules:
                # For what the model imports only when it scores.
                sys.path[:0] = [str(self._code_folder())]
                sys.modules.update(self._modules)
            try:
                yield
            finally:
                self._take_out(set(sys.modules) - known)
                sys.path[:] = path

    def _code_folder(self) -> Path:
        return Path(self._root) / "code"

    def _take_out(self, new: set[str]) -> None:
        for name in new:
            module = sys.modules[name]
            if name in self._modules or _lies_in(module, self._root):
                self._modules[name] = module
                del sys.modules[name]


def _lies_in(module: ModuleType, root: str) -> bool:
    places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
    return any(isinstance(place, str) and Path(place).resolve().is_relative_to(root) for place in places)
