"""The harness's metrics, each as a function of sums over rows, so that a resample is one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelyard.scoring import Scores, plain, positive_class

Floats = npt.NDArray[np.float64]
_TINY = 1e-15


@dataclass(frozen=True)
class Measure:
    """`moments` gives n x m numbers, m per row; `combine` turns B x m weighted means of them into B values."""

    name: str
    moments: Callable[[npt.NDArray[Any], Scores], Floats]
    combine: Callable[[Floats], Floats]


@dataclass(frozen=True)
class RankMeasure:
    """The area under the ROC curve: not a function of sums over rows, so resampled by ranks."""

    name: str = "auc"


def measures_for(task: str) -> Sequence[Measure | RankMeasure]:
    """The metrics reported for a task; none for 'custom', whose metrics are the user's."""
    if task == "binary-classification":
        return _BINARY
    if task == "multiclass-classification":
        return _MULTICLASS
    return _REGRESSION if task == "regression" else ()


def per_row_measure(name: str, candidate: Floats, incumbent: Floats | None) -> tuple[Measure, Scores, Scores | None]:
    """The mean of a user's per-row values as a measure, with the values in the place of scores."""
    other = None if incumbent is None else Scores("custom", incumbent)
    return Measure(name, lambda _labels, scores: _column(scores.values), _first), Scores("custom", candidate), other


def is_positive(labels: npt.NDArray[Any], scores: Scores) -> npt.NDArray[np.bool_]:
    """Which labels are the positive class of the model that gave `scores`."""
    return np.asarray(labels == positive_class(scores.classes), dtype=bool)


def label_codes(labels: npt.NDArray[Any], scores: Scores) -> npt.NDArray[np.int64]:
    """The column of each row's label; -1 for a label the model never saw."""
    index = {plain(label): n for n, label in enumerate(scores.classes)}
    return np.array([index.get(plain(label), -1) for label in labels], dtype=np.int64)


def _column(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)


def _first(means: Floats) -> Floats:
    return means[:, 0]


def _binary_log_loss(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    chance = np.clip(scores.values, _TINY, 1 - _TINY)
    return _column(-np.where(is_positive(labels, scores), np.log(chance), np.log1p(-chance)))


def _binary_brier(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    return _column((scores.values - is_positive(labels, scores)) ** 2)


def _binary_right(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    return _nan_where_nan((scores.values >= 0.5) == is_positive(labels, scores), scores.values)


def _binary_called(_labels: npt.NDArray[Any], scores: Scores) -> Floats:
    return _nan_where_nan(scores.values >= 0.5, scores.values)


def _mean_score(_labels: npt.NDArray[Any], scores: Scores) -> Floats:
    return _column(scores.values)


def _nan_where_nan(flags: npt.NDArray[np.bool_], values: Floats) -> Floats:
    return _column(np.where(np.isnan(values), np.nan, flags))


def _class_right(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    right = scores.values.argmax(axis=1) == label_codes(labels, scores)
    return _nan_where_nan(right, scores.values.sum(axis=1))


def _class_log_loss(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    codes = label_codes(labels, scores)
    chance = scores.values[np.arange(len(codes)), np.maximum(codes, 0)]
    return _column(-np.log(np.clip(np.where(codes < 0, 0.0, chance), _TINY, 1.0)))


def _class_counts(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    """Per row and label: predicted and true, predicted, true."""
    names = sorted({str(plain(label)) for label in [*labels.tolist(), *scores.classes]})
    place = {name: n for n, name in enumerate(names)}
    own = np.array([place[str(plain(label))] for label in scores.classes])
    called = np.eye(len(names))[own[scores.values.argmax(axis=1)]]
    true = np.eye(len(names))[[place[str(plain(label))] for label in labels.tolist()]]
    counts = np.concatenate([called * true, called, true], axis=1)
    return np.where(np.isnan(scores.values).any(axis=1)[:, None], np.nan, counts)


def _macro_f1(means: Floats) -> Floats:
    hits, called, true = np.split(means, 3, axis=1)
    total = called + true
    present = total > 0
    f1 = np.divide(2 * hits, total, out=np.where(np.isnan(total), np.nan, 0.0), where=present)
    result: Floats = f1.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return result


def _errors(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    return np.asarray(scores.values - labels.astype(np.float64), dtype=np.float64)


def _squares(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    return _column(_errors(labels, scores) ** 2)


def _r2_moments(labels: npt.NDArray[Any], scores: Scores) -> Floats:
    values = labels.astype(np.float64)
    centred = values - values.mean()
    return np.stack([_errors(labels, scores) ** 2, centred, centred**2], axis=1)


def _r2(means: Floats) -> Floats:
    spread = means[:, 2] - means[:, 1] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, 1 - means[:, 0] / spread, np.nan)


def _root(means: Floats) -> Floats:
    return np.sqrt(means[:, 0])


_BINARY: Sequence[Measure | RankMeasure] = (
    RankMeasure(),
    Measure("log_loss", _binary_log_loss, _first),
    Measure("brier", _binary_brier, _first),
    Measure("accuracy", _binary_right, _first),
    Measure("positive_rate", _binary_called, _first),
    Measure("mean_score", _mean_score, _first),
)
_MULTICLASS = (
    Measure("accuracy", _class_right, _first),
    Measure("log_loss", _class_log_loss, _first),
    Measure("macro_f1", _class_counts, _macro_f1),
)
_REGRESSION = (
    Measure("rmse", _squares, _root),
    Measure("mae", lambda labels, scores: _column(np.abs(_errors(labels, scores))), _first),
    Measure("r2", _r2_moments, _r2),
    Measure("mean_error", lambda labels, scores: _column(_errors(labels, scores)), _first),
)
