"""What a model answers per row: one meaning for training checks, evaluation and serving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelyard.columns import Types, conform
from modelyard.failures import NotAModel

Floats = npt.NDArray[np.float64]


class Predictor(Protocol):
    def predict(self, features: Any, /) -> Any: ...


@dataclass(frozen=True)
class LoadedModel:
    """A model with what is needed to score rows with it.

    `classes` are the labels in training, in order, for classification; `types` the columns it takes.
    """

    predictor: Any
    task: str
    types: Types
    classes: tuple[Any, ...] = ()
    answers_probabilities: bool = False

    @property
    def positive(self) -> Any:
        return positive_class(self.classes)


@dataclass(frozen=True)
class Scores:
    """`values`: n numbers (binary, regression), n x k probabilities (multiclass), or n answers (custom)."""

    task: str
    values: Any
    classes: tuple[Any, ...] = ()

    def not_finite(self) -> int:
        """How many rows have a NaN or infinite score; a custom answer that is no number counts as finite."""
        try:
            numbers = np.asarray(self.values, dtype=np.float64)
        except (TypeError, ValueError):
            return 0
        return int((~np.isfinite(numbers.reshape(len(numbers), -1))).any(axis=1).sum()) if numbers.size else 0

    def predictions(self) -> list[Any]:
        """One JSON value per row."""
        if self.task == "multiclass-classification":
            labels = [str(plain(label)) for label in self.classes]
            return [dict(zip(labels, row, strict=True)) for row in self.values.tolist()]
        return [plain(value) for value in self.values]


def positive_class(classes: Sequence[Any]) -> Any:
    """True or 1 where it is a class, else the last class."""
    for label in classes:
        if not isinstance(label, str) and label == 1:
            return label
    return classes[-1]


def score(model: LoadedModel, rows: pd.DataFrame) -> Scores:
    """Scores the model's own columns of `rows`; what the model raises goes through unchanged.

    ColumnMismatch for columns that do not fit, NotAModel for an answer of the wrong shape.
    """
    return score_features(model, conform(rows, model.types) if model.types else rows)


def score_features(model: LoadedModel, features: pd.DataFrame) -> Scores:
    """Like `score`, for columns that already have the model's types."""
    if model.task == "custom":
        return Scores(model.task, _custom(model.predictor.predict(features), len(features)))
    if model.task == "regression":
        return Scores(model.task, _numbers(model.predictor.predict(features), len(features)))
    answer = _probabilities(model, features)
    if model.task == "binary-classification":
        return Scores(model.task, _positive(answer, model, len(features)), model.classes)
    return Scores(model.task, _matrix(answer, model.classes, len(features)), model.classes)


def _probabilities(model: LoadedModel, features: pd.DataFrame) -> Any:
    return model.predictor.predict(features) if model.answers_probabilities else model.predictor.predict_proba(features)


def _custom(answer: Any, rows: int) -> list[Any]:
    values = answer.to_dict("records") if isinstance(answer, pd.DataFrame) else list(answer)
    if len(values) != rows:
        raise NotAModel(f"expected one answer per row from predict ({rows}), got {len(values)}")
    return values


def _numbers(answer: Any, rows: int) -> Floats:
    values = np.asarray(answer, dtype=np.float64)
    if values.shape == (rows, 1):
        values = values[:, 0]
    if values.shape != (rows,):
        raise NotAModel(f"expected one number per row from predict ({rows},), got the shape {values.shape}")
    return values


def _positive(answer: Any, model: LoadedModel, rows: int) -> Floats:
    if isinstance(answer, pd.DataFrame) and answer.shape[1] == 2:
        answer = answer[[_column(answer, label) for label in model.classes]]
    values = np.asarray(answer, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 2:
        return np.ascontiguousarray(values[:, list(model.classes).index(model.positive)])
    return _numbers(values, rows)


def _matrix(answer: Any, classes: tuple[Any, ...], rows: int) -> Floats:
    if isinstance(answer, pd.DataFrame):
        answer = answer[[_column(answer, label) for label in classes]]
    values = np.asarray(answer, dtype=np.float64)
    if values.shape != (rows, len(classes)):
        raise NotAModel(f"expected probabilities of shape {(rows, len(classes))}, got {values.shape}")
    return values


def _column(answer: pd.DataFrame, label: Any) -> Any:
    for name in answer.columns:
        if name == label or str(name) == str(plain(label)):
            return name
    raise NotAModel(f"expected a column for the label {label!r} from predict, got {list(answer.columns)}")


def plain(value: Any) -> Any:
    """A numpy or pandas value as what JSON knows."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
