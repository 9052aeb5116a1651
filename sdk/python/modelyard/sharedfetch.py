"""A model's way into a shared server: its files first, which may take long and run nothing of it, then its loading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelyard.bootstrap import home_folder
from modelyard.hosted import ModelSpec
from modelyard.modelcache import obtain_model
from modelyard.modelfiles import USER_REQUIREMENTS
from modelyard.ownmodules import OwnModules
from modelyard.requirementcheck import check_requirements
from modelyard.scorer import Scorer


@dataclass(frozen=True)
class Fetched:
    """A model whose files are here and verified. `brings_modules`: it is loaded and scores only in place."""

    load: Callable[[], Scorer]
    brings_modules: bool


def fetch_shared(spec: ModelSpec, allowed: tuple[str, ...]) -> Fetched:
    """A model for the environment of this process, with the modules it brings kept out of the others' sight."""
    folder = obtain_model(spec.uri, spec.digest, home_folder())
    check_requirements(folder / USER_REQUIREMENTS)
    if not any(folder.rglob("*.py")):
        return Fetched(lambda: Scorer.load(folder, spec.task, allowed), False)

    def load() -> Scorer:
        own = OwnModules(folder)
        with own.in_place():
            return Scorer(Scorer.load(folder, spec.task, allowed).model, own.in_place)

    return Fetched(load, True)
