"""Draws what a person would rather look at: candidate against incumbent, as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modelyard.measures import is_positive, label_codes
from modelyard.scoring import Scores

_SIZE_IN = (5.2, 4.4)
_DPI = 110
_BINS = 10
MAX_POINTS = 5_000
COLOURS = ("#1f77b4", "#d95f02")


def draw(folder: Path, task: str, labels: npt.NDArray[Any], models: Mapping[str, Scores]) -> list[str]:
    """Writes the figures of a task below `folder`; returns their names. `models`: candidate first."""
    drawers = {
        "binary-classification": (("roc.png", _roc), ("calibration.png", _calibration)),
        "multiclass-classification": (("recall.png", _recall),),
        "regression": (("residuals.png", _residuals),),
    }
    names: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawer in drawers.get(task, ()):
        names.append(save(folder / name, lambda axes, drawer=drawer: drawer(axes, labels, models)))  # type: ignore[misc]
    return names


def save(file: Path, drawer: Callable[[Axes], None]) -> str:
    """Draws one figure into `file`; the same drawing gives the same bytes. Returns the file's name."""
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    drawer(figure.add_subplot())
    figure.savefig(file, metadata={"Software": None})
    return file.name


def _coloured(models: Mapping[str, Scores]) -> Iterator[tuple[str, str, Scores]]:
    for (name, scores), colour in zip(models.items(), COLOURS, strict=False):
        yield name, colour, scores


def _roc(axes: Axes, labels: npt.NDArray[Any], models: Mapping[str, Scores]) -> None:
    for name, colour, scores in _coloured(models):
        positive = is_positive(labels, scores)[np.argsort(-scores.values, kind="stable")]
        hits, alarms = np.cumsum(positive), np.cumsum(~positive)
        if hits[-1] and alarms[-1]:
            axes.plot(np.r_[0, alarms / alarms[-1]], np.r_[0, hits / hits[-1]], color=colour, label=name)
        else:
            axes.plot([], [], color=colour, label=f"{name}: one class only")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC on the holdout")
    axes.legend(loc="lower right")


def _calibration(axes: Axes, labels: npt.NDArray[Any], models: Mapping[str, Scores]) -> None:
    for name, colour, scores in _coloured(models):
        edges = np.unique(np.quantile(scores.values, np.linspace(0, 1, _BINS + 1)))
        bins = np.clip(np.searchsorted(edges, scores.values, side="right") - 1, 0, max(len(edges) - 2, 0))
        sizes = np.bincount(bins)
        used = sizes > 0
        predicted = np.bincount(bins, weights=scores.values)[used] / sizes[used]
        observed = np.bincount(bins, weights=is_positive(labels, scores))[used] / sizes[used]
        axes.plot(predicted, observed, marker="o", markersize=4, color=colour, label=name)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    axes.set(xlabel="mean score", ylabel="share of positives", title="Calibration on the holdout, tenths of the rows")
    axes.legend(loc="upper left")


def _recall(axes: Axes, labels: npt.NDArray[Any], models: Mapping[str, Scores]) -> None:
    width = 0.8 / max(len(models), 1)
    for n, (name, colour, scores) in enumerate(_coloured(models)):
        codes = label_codes(labels, scores)
        right = scores.values.argmax(axis=1) == codes
        shares = [right[codes == k].mean() if (codes == k).any() else 0.0 for k in range(len(scores.classes))]
        axes.bar(np.arange(len(shares)) + n * width, shares, width, color=colour, label=name)
        axes.set_xticks(np.arange(len(shares)) + 0.4 - width / 2, [str(label)[:12] for label in scores.classes])
    axes.set(ylabel="share predicted right", title="Recall per label on the holdout")
    axes.legend(loc="lower right")


def _residuals(axes: Axes, labels: npt.NDArray[Any], models: Mapping[str, Scores]) -> None:
    step = max(1, len(labels) // MAX_POINTS)
    for name, colour, scores in _coloured(models):
        errors = scores.values - labels.astype(np.float64)
        axes.scatter(scores.values[::step], errors[::step], s=5, alpha=0.4, color=colour, label=name)
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set(xlabel="prediction", ylabel="prediction - label", title="Residuals on the holdout")
    axes.legend(loc="upper right")
