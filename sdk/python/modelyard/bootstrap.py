"""Everything before numpy is imported: document, code, environment. Standard library only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelyard import interruption
from modelyard.archive import obtain_code
from modelyard.documents import Code, EvaluateDocument, ShadowDocument, TrainDocument
from modelyard.environment import PACKAGE_PARENT, has_requirements, obtain_environment
from modelyard.failures import BadJob
from modelyard.output import publish_json
from modelyard.parsing import parse_evaluate, parse_image_train, parse_shadow, parse_train
from modelyard.termination import tell, told_result
from modelyard.variables import Variables

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_IN_ENVIRONMENT = "MODELYARD_ENVIRONMENT_READY"


Document = TrainDocument | EvaluateDocument | ShadowDocument
_PARSERS: Mapping[str, Callable[[Any], Document]] = {
    "train": parse_train,
    "prepare": parse_image_train,
    "publish": parse_image_train,
    "evaluate": parse_evaluate,
    "shadow": parse_shadow,
}


@dataclass(frozen=True)
class Job:
    """A job that may start: its document, where its code lies, and where its results go."""

    document: Document
    code: Path | None
    output: Path

    def publish(self, result: Any) -> None:
        """Writes result.json and the last word. SIGTERM no longer changes how the job ends once it is being written."""
        last_word = told_result(result)
        interruption.stop_listening()
        publish_json(self.output, "result.json", result)
        tell(last_word)


def set_defaults() -> None:
    """Thread counts and caches, which the numeric libraries read once, at import."""
    for name in _THREADS:
        # Several jobs share a machine: threads that fight over its cores made trainings many times slower.
        os.environ.setdefault(name, "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MPLCONFIGDIR", str(home_folder() / "matplotlib"))


def home_folder() -> Path:
    """MODELYARD_HOME, or a folder in the user's cache."""
    given = os.environ.get("MODELYARD_HOME")
    return Path(given).absolute() if given else Path.home() / ".cache" / "modelyard"


def output_folder() -> Path:
    """MODELYARD_OUTPUT; BadJob when it is not set."""
    given = os.environ.get("MODELYARD_OUTPUT")
    if not given:
        raise BadJob("MODELYARD_OUTPUT: expected a directory for what the job publishes, got nothing")
    return Path(given).absolute()


def start_job(step: str) -> Job:
    """Reads the document, obtains the code, and goes on in the code's own environment when it has one."""
    output, home = output_folder(), home_folder()
    document = _read_document(step)
    folder = obtain_code(document.code, home) if isinstance(document.code, Code) else None
    enter_environment(None if folder is None else folder / "requirements.txt", home, step)
    return Job(document, folder, output)


def enter_environment(requirements: Path | None, home: Path, step: str) -> None:
    """Replaces this process by the same step in the environment for `requirements`; returns when already in it."""
    if os.environ.get(_IN_ENVIRONMENT):
        return
    base = os.environ.get("MODELYARD_PYTHON_BASE") or sys.executable
    if requirements is not None and has_requirements(requirements):
        interpreter = obtain_environment(requirements, home, base)
    elif Path(base).absolute() != Path(sys.executable).absolute():
        interpreter = base
    else:
        return
    sys.stdout.flush()
    os.execve(  # noqa: S606
        interpreter, [interpreter, "-m", "modelyard", step], _environment(os.environ)
    )


def _environment(current: Mapping[str, str]) -> dict[str, str]:
    path = [str(PACKAGE_PARENT), *filter(None, [current.get("PYTHONPATH")])]
    return {**current, _IN_ENVIRONMENT: "1", "PYTHONPATH": os.pathsep.join(path)}


def _read_document(step: str) -> Document:
    name = os.environ.get("MODELYARD_INPUT")
    if not name:
        raise BadJob("MODELYARD_INPUT: expected the path of the job document, got nothing")
    try:
        value = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadJob(f"MODELYARD_INPUT: expected a JSON document at {name}, got: {problem}") from problem
    return _with_allowed_types(_PARSERS[step](value))


def _with_allowed_types(document: Document) -> Document:
    """What the worker's configuration allows, besides what the document does."""
    if isinstance(document, ShadowDocument):
        return document
    variables = Variables(os.environ, "job")
    allowed = variables.names("MODELYARD_ALLOWED_TYPES")
    variables.check()
    return replace(document, allowed_types=(*document.allowed_types, *allowed))
