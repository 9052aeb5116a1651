"""`train`: fits one model and leaves one READY logged model per key, wherever an earlier attempt was killed."""

from __future__ import annotations

import copy
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from modelyard.bootstrap import Job
from modelyard.columns import types_of
from modelyard.documents import Code, TrainDocument
from modelyard.failures import NotAModel
from modelyard.holdout import Split
from modelyard.publication import Made, check_scores, earlier_result, open_model, record, store_model
from modelyard.registry import Registry
from modelyard.saving import Description, check_model, save_model
from modelyard.tracking import Tracking
from modelyard.trainingrows import classes_of, facts_of, load_training
from modelyard.usercode import call_user, import_entry


@dataclass(frozen=True)
class Fitted:
    model: Any
    own_rows: pd.DataFrame | None
    seconds: float


def run_train(job: Job) -> None:
    """Publishes the result of the training in `job.document`, made now or by an earlier attempt."""
    document = job.document
    assert isinstance(document, TrainDocument) and job.code is not None
    registry = Registry(Tracking.from_environment(), document.registry)
    result = earlier_result(registry, document) or _train(registry, document, job.code)
    record(registry, document, result)
    job.publish(result)


def _train(registry: Registry, document: TrainDocument, code: Path) -> dict[str, Any]:
    split = load_training(document)
    fitted = _fit(document, code, split)
    model = open_model(registry, document)
    with tempfile.TemporaryDirectory(prefix="modelyard-train-") as temporary:
        folder = Path(temporary) / "model"
        about = _describe(document, split, model.model_id)
        kind = save_model(fitted.model, folder, code, about, document.allowed_types)
        check_scores(document, folder, split.holdout)
        metrics = {"train_seconds": fitted.seconds}
        made = Made(folder, kind, facts_of(document, split), metrics, fitted.own_rows)
        return store_model(registry, document, model, made)


def _fit(document: TrainDocument, code: Path, split: Split) -> Fitted:
    assert isinstance(document.code, Code) and document.code.entry is not None
    function = import_entry(code, document.code.entry)
    features, labels = split.train[list(document.features)], split.train[document.label]
    started = time.monotonic()
    answer = call_user("train", function, features.copy(), labels.copy(), copy.deepcopy(document.params))
    seconds = round(time.monotonic() - started, 3)
    model, own_rows = _take_apart(answer)
    check_model(model, document.task)
    if own_rows is not None:
        _check_own_rows(document, own_rows)
    return Fitted(model, own_rows, seconds)


def _take_apart(answer: Any) -> tuple[Any, pd.DataFrame | None]:
    if not isinstance(answer, tuple):
        return answer, None
    if len(answer) != 2 or not isinstance(answer[1], pd.DataFrame):
        parts = ", ".join(type(part).__name__ for part in answer)
        raise NotAModel(f"expected train to return a model, or (model, DataFrame), got ({parts})")
    return answer[0], answer[1]


def _check_own_rows(document: TrainDocument, rows: pd.DataFrame) -> None:
    missing = [name for name in (*document.features, document.label) if name not in rows.columns]
    if missing or rows.empty or rows[document.label].isna().any():
        raise NotAModel(
            "expected the second value of train to be rows with the features and a label each, got "
            f"{len(rows)} rows, missing columns: {', '.join(missing) or 'none'}, "
            f"rows without a label: {int(rows[document.label].isna().sum()) if document.label in rows else 'all'}"
        )


def _describe(document: TrainDocument, split: Split, model_id: str) -> Description:
    features = split.train[list(document.features)]
    return Description(model_id, document.task, types_of(features), classes_of(document, split), features.head(50))
