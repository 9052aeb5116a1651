"""Whether the environment of this process has what a model's own requirements.txt asks for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from modelyard.failures import EnvironmentFailed


def check_requirements(file: Path) -> None:
    """EnvironmentFailed names every requirement that the models of one process cannot have each for itself."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    wanted = [line.split(" #", 1)[0].strip() for line in lines]
    missing = [line for line in wanted if line and not line.startswith("#") and not _is_met(line)]
    if missing:
        raise EnvironmentFailed(
            "a shared host has one environment for all its models, and it lacks what this model requires: "
            f"{', '.join(missing)}; serve it on a dedicated host (serving.kind 'dedicated'), or take the lines out of "
            "requirements.txt beside the training code when the versions of the platform do"
        )


def _is_met(line: str) -> bool:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return False
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.url is not None or requirement.extras:
        return False
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False
