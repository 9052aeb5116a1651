"""Takes the MLflow model folder that an image left, in the formats that are loaded without a pickle."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelyard.failures import IntegrityError, NotAModel
from modelyard.modelfiles import format_of, read_mlmodel
from modelyard.saving import Description

_MAX_FILES = 1_000
_ADVICE = "; docs/job-contract.md says what an image leaves"


def take_model(source: Path, target: Path, about: Description) -> str:
    """Copies the model to `target` (which must not exist), describes it as every stored model, returns its format.

    NotAModel for what is no MLflow model folder, or one whose signature does not have the features, in their order.
    """
    if not source.is_dir():
        raise NotAModel(
            f"expected the image to write an MLflow model folder to MODELYARD_OUTPUT/model, got none{_ADVICE}"
        )
    _copy(source, target)
    meta = _read_mlmodel(target)
    kind = format_of(target, meta)
    _check_signature(meta, list(about.types))
    _describe(target, meta, about)
    return kind


def _copy(source: Path, target: Path) -> None:
    """Regular files and folders only: a link would have the harness publish a file of its own container."""
    files = 0
    target.mkdir()
    for path in sorted(source.rglob("*")):
        mode, inside = path.lstat().st_mode, path.relative_to(source)
        if stat.S_ISDIR(mode):
            (target / inside).mkdir()
            continue
        files += 1
        if not stat.S_ISREG(mode) or files > _MAX_FILES:
            raise NotAModel(
                f"expected folders and at most {_MAX_FILES} regular files in MODELYARD_OUTPUT/model, "
                f"got {inside}{_ADVICE}"
            )
        shutil.copyfile(path, target / inside)


def _read_mlmodel(folder: Path) -> dict[str, Any]:
    import yaml

    try:
        return read_mlmodel(folder)
    except IntegrityError:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
        raise NotAModel(f"expected a file MLmodel in MODELYARD_OUTPUT/model, got {found}{_ADVICE}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise NotAModel(f"expected YAML in MODELYARD_OUTPUT/model/MLmodel, got: {problem}{_ADVICE}") from problem


def _check_signature(meta: dict[str, Any], features: Sequence[str]) -> None:
    try:
        columns = [str(column["name"]) for column in json.loads((meta.get("signature") or {})["inputs"])]
    except (KeyError, TypeError, ValueError):
        raise NotAModel(f"expected a signature in MLmodel whose inputs name the features, got none{_ADVICE}") from None
    if columns != list(features):
        raise NotAModel(
            f"expected a signature with the features {', '.join(features)}, in this order, got {', '.join(columns)}"
        )


def _describe(target: Path, meta: dict[str, Any], about: Description) -> None:
    import yaml

    given = meta.get("metadata")
    metadata = {**(given if isinstance(given, dict) else {}), **about.metadata()}
    text = yaml.safe_dump({**meta, "model_id": about.model_id, "metadata": metadata}, sort_keys=True)
    (target / "MLmodel").write_text(text, encoding="utf-8")
