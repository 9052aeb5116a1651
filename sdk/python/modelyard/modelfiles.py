"""The layout of a stored model, and loading it. Loads nothing of MLflow for a scikit-learn model."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelyard.failures import IntegrityError, NotAModel, TypeNotAllowed
from modelyard.scoring import LoadedModel
from modelyard.trust import check_types
from modelyard.usercode import call_user

SKOPS_FILE = "model.skops"
USER_CODE = "code"
USER_REQUIREMENTS = "modelyard-requirements.txt"

SKOPS, ONNX, PYFUNC = "sklearn-skops", "onnx", "pyfunc"
_ONNX_LOADER = "mlflow.onnx"
_CODE_LOADER = "mlflow.pyfunc.loaders.code_model"
_SIGNATURE_TYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "datetime": "timestamp",
}


def load_model(folder: Path, task: str, allowed: Sequence[str]) -> LoadedModel:
    """Loads a model whose digest was checked. TypeNotAllowed before anything outside the allow-list is built."""
    meta = read_mlmodel(folder)
    own = (meta.get("metadata") or {}).get("modelyard") or {}
    task = task or str(own.get("task", "custom"))
    types = {item["name"]: item["type"] for item in own["columns"]} if "columns" in own else _signature_types(meta)
    kind = format_of(folder, meta)
    if kind == SKOPS:
        _add_user_code(folder / USER_CODE)
        predictor = load_skops(folder / SKOPS_FILE, allowed, "the stored model")
    elif kind == ONNX:
        from modelyard.onnxmodel import OnnxPredictor

        predictor = OnnxPredictor(_onnx_file(folder, meta), list(types), task)
    else:
        import mlflow.pyfunc

        predictor = call_user("loading the model", mlflow.pyfunc.load_model, str(folder))
    return LoadedModel(predictor, task, types, _classes(predictor, own), answers_probabilities=kind != SKOPS)


def load_skops(file: Path, allowed: Sequence[str], name: str) -> Any:
    """Rebuilds an object from a skops file whose every type is allowed."""
    import skops.io

    data = file.read_bytes()
    found = list(skops.io.get_untrusted_types(data=data))
    check_types(found, allowed, name)
    return skops.io.loads(data, trusted=found)


def read_mlmodel(folder: Path) -> dict[str, Any]:
    """The content of MLmodel; IntegrityError when it is not there."""
    import yaml

    try:
        value = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise IntegrityError(f"expected a file MLmodel in the stored model {folder}, got none") from None
    return value if isinstance(value, dict) else {}


def format_of(folder: Path, meta: dict[str, Any]) -> str:
    """SKOPS, ONNX or PYFUNC (models-from-code). TypeNotAllowed for every other: nothing of the model was loaded."""
    if (folder / SKOPS_FILE).is_file():
        return SKOPS
    flavors = meta.get("flavors") or {}
    function = flavors.get("python_function") or {}
    config = function.get("config") or {}
    loader = function.get("loader_module")
    if loader == _ONNX_LOADER and _onnx_file(folder, meta).is_file():
        return ONNX
    if loader != _CODE_LOADER or function.get("python_model") or "python_model" in config:
        raise TypeNotAllowed(
            "expected a stored model in the format skops, ONNX or models-from-code, got "
            f"{', '.join(sorted(flavors)) or 'an unknown format'}; pickles are never loaded; "
            "return a scikit-learn model or a CodeModel from train"
        )
    return PYFUNC


def _onnx_file(folder: Path, meta: dict[str, Any]) -> Path:
    name = str(((meta.get("flavors") or {}).get("onnx") or {}).get("data", "model.onnx"))
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise TypeNotAllowed(f"flavors.onnx.data: expected a path inside the model, got {name!r}")
    return folder / name


def _add_user_code(folder: Path) -> None:
    if folder.is_dir() and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _classes(predictor: Any, own: dict[str, Any]) -> tuple[Any, ...]:
    found = getattr(predictor, "classes_", None)
    if found is None:
        return tuple(own.get("classes") or ())
    labels = list(found)
    if any(getattr(label, "shape", ()) for label in labels):
        raise NotAModel("expected a model with one output, got several outputs of classes")
    return tuple(labels)


def _signature_types(meta: dict[str, Any]) -> dict[str, str]:
    inputs = (meta.get("signature") or {}).get("inputs")
    columns = json.loads(inputs) if isinstance(inputs, str) else []
    return {c["name"]: _SIGNATURE_TYPES.get(str(c.get("type")), "object") for c in columns if "name" in c}
