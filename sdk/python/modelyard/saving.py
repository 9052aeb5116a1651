"""Saves a fitted model as an MLflow model folder: skops for scikit-learn and its kin, models-from-code for the rest."""

from __future__ import annotations

import logging
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from modelyard.api import CodeModel
from modelyard.columns import Types
from modelyard.environment import has_requirements
from modelyard.failures import NotAModel
from modelyard.modelfiles import PYFUNC, SKOPS, SKOPS_FILE, USER_CODE, USER_REQUIREMENTS
from modelyard.scoring import plain
from modelyard.trust import check_types, is_built_in


@dataclass(frozen=True)
class Description:
    """What is stored with a model beside its files."""

    model_id: str
    task: str
    types: Types
    classes: tuple[Any, ...]
    example: pd.DataFrame

    def metadata(self) -> dict[str, Any]:
        columns = [{"name": name, "type": kind} for name, kind in self.types.items()]
        classes = [plain(label) for label in self.classes]
        return {"modelyard": {"schema": 1, "task": self.task, "columns": columns, "classes": classes}}


def check_model(model: Any, task: str) -> None:
    """NotAModel, with what to return instead, for what cannot score rows."""
    if model is None:
        raise NotAModel("expected train to return a fitted model, got None; end it with `return model`")
    if isinstance(model, CodeModel):
        return
    if _is_python_model(model):
        raise NotAModel(
            "expected a model that is stored without pickle, got an mlflow PythonModel object; put the class into a "
            "file of the code directory that ends with mlflow.models.set_model(...) and return "
            "modelyard.CodeModel('that_file.py', artifacts={...})"
        )
    if not callable(getattr(model, "predict", None)):
        raise NotAModel(f"expected train to return a model with `predict`, got {type(model).__name__}")
    if task.endswith("classification") and not callable(getattr(model, "predict_proba", None)):
        raise NotAModel(f"expected a model with `predict_proba` for {task}, got {type(model).__name__} without it")


def save_model(model: Any, folder: Path, code: Path | None, about: Description, allowed: Sequence[str]) -> str:
    """Writes the model below `folder` (which must not exist) and returns its format.

    TypeNotAllowed when it holds a type outside the allow-list; the folder is then not complete.
    """
    # Its warnings are about conda and pip files that nothing here reads.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(model, CodeModel):
            _save_code_model(model, folder, code, about)
            kind = PYFUNC
        else:
            _save_sklearn(model, folder, code, about, allowed)
            kind = SKOPS
    requirements = None if code is None else code / "requirements.txt"
    if requirements is not None and has_requirements(requirements):
        shutil.copyfile(requirements, folder / USER_REQUIREMENTS)
    return kind


def _save_sklearn(model: Any, folder: Path, code: Path | None, about: Description, allowed: Sequence[str]) -> None:
    import mlflow.sklearn
    import skops.io
    from mlflow.models import Model

    try:
        data = skops.io.dumps(model)
        found = list(skops.io.get_untrusted_types(data=data))
    except Exception as problem:
        raise NotAModel(f"the model cannot be stored by skops: {problem}; return a CodeModel from train") from problem
    check_types(found, allowed, "the model")
    mlflow.sklearn.save_model(
        model,
        str(folder),
        mlflow_model=Model(model_id=about.model_id),
        serialization_format="skops",
        skops_trusted_types=found,
        signature=_signature(about),
        pyfunc_predict_fn="predict_proba" if about.task.endswith("classification") else "predict",
        pip_requirements=_pip_requirements(),
        metadata=about.metadata(),
    )
    if not (folder / SKOPS_FILE).is_file():
        raise NotAModel(f"expected MLflow to write {SKOPS_FILE}, got {sorted(p.name for p in folder.iterdir())}")
    _copy_user_code([name for name in found if not is_built_in(name)], code, folder / USER_CODE)


def _copy_user_code(types: Sequence[str], code: Path | None, target: Path) -> None:
    """The user's own classes must be importable where the model is loaded."""
    for name in types if code is not None else ():
        assert code is not None
        top = name.split(".", 1)[0]
        for source in (code / f"{top}.py", code / top):
            if source.is_file():
                target.mkdir(exist_ok=True)
                shutil.copyfile(source, target / source.name)
            elif source.is_dir():
                shutil.copytree(source, target / top, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _save_code_model(model: CodeModel, folder: Path, code: Path | None, about: Description) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    root = Path.cwd() if code is None else code
    files = [root / name for name in (model.file, *model.code)]
    missing = [str(file) for file in files if not file.exists()]
    missing += [str(path) for path in model.artifacts.values() if not Path(path).exists()]
    if missing:
        raise NotAModel(f"expected the files of the CodeModel, got none at: {', '.join(missing)}")
    try:
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(files[0]),
            artifacts={name: str(path) for name, path in model.artifacts.items()} or None,
            code_paths=[str(file) for file in files[1:]] or None,
            mlflow_model=Model(model_id=about.model_id),
            signature=_signature(about),
            pip_requirements=_pip_requirements(),
            metadata=about.metadata(),
        )
    except Exception as problem:
        raise NotAModel(f"the CodeModel {model.file} cannot be stored: {problem}") from problem


def _signature(about: Description) -> Any:
    from mlflow.models import infer_signature

    example = about.example
    plain_times = {n: example[n].dt.tz_localize(None) for n, kind in about.types.items() if kind == "timestamp"}
    return infer_signature(example.assign(**plain_times))


def _pip_requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("mlflow", "scikit-learn", "skops", "pandas", "numpy")]


def _is_python_model(model: Any) -> bool:
    if "mlflow" not in sys.modules:
        return False
    from mlflow.pyfunc import PythonModel

    return isinstance(model, PythonModel)
