"""Point values and paired bootstrap intervals of metric differences, vectorised over the resamples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelyard.measures import Measure, RankMeasure, is_positive
from modelyard.scoring import Scores

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# With fewer independent units a percentile interval is far too narrow to decide anything.
MIN_UNITS = 5
_REPLICATES = 2_000
_WORK = 200_000_000
_CHUNK_NUMBERS = 2_000_000


@dataclass(frozen=True)
class Compared:
    """The rows two models are compared on.

    `units` numbers the groups (0..k-1) that are resampled whole; None: each row on its own.
    """

    labels: npt.NDArray[Any]
    candidate: Scores
    incumbent: Scores | None
    units: Codes | None


def value_of(measure: Measure | RankMeasure, labels: npt.NDArray[Any], scores: Scores) -> float:
    """The metric on all rows; NaN where it is not defined."""
    if isinstance(measure, RankMeasure):
        return float(_Ranks(labels, scores).auc(np.ones((1, len(labels))))[0])
    return float(measure.combine(measure.moments(labels, scores).mean(axis=0, keepdims=True))[0])


def intervals(
    measures: Sequence[Measure | RankMeasure], rows: Compared, confidences: Sequence[float], seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """Per metric and confidence the two-sided percentile interval of candidate - incumbent.

    All metrics are resampled with the same draws. A metric without a trustworthy interval is left out: too few units,
    NaN, or undefined in more than one resample of twenty.
    """
    count = len(rows.labels) if rows.units is None else int(rows.units.max(initial=-1)) + 1
    if rows.incumbent is None or count < MIN_UNITS:
        return {}
    pairs = {m.name: (_resampler(m, rows, rows.candidate), _resampler(m, rows, rows.incumbent)) for m in measures}
    drawn: dict[str, list[Floats]] = {name: [] for name in pairs}
    for weights in _draws(count, len(rows.labels), seed):
        for name, (candidate, incumbent) in pairs.items():
            drawn[name].append(candidate.values(weights) - incumbent.values(weights))
    found = {name: _percentiles(np.concatenate(parts), confidences) for name, parts in drawn.items()}
    return {name: interval for name, interval in found.items() if interval is not None}


def _percentiles(differences: Floats, confidences: Sequence[float]) -> dict[str, tuple[float, float]] | None:
    known = differences[np.isfinite(differences)]
    if len(known) < 0.95 * len(differences):
        return None
    tails = [((1 - c) / 2, (1 + c) / 2) for c in confidences]
    values = np.quantile(known, [edge for pair in tails for edge in pair])
    return {f"{c:g}": (float(values[2 * n]), float(values[2 * n + 1])) for n, c in enumerate(confidences)}


def _draws(units: int, rows: int, seed: int) -> Iterator[Floats]:
    """How often each unit is drawn, as many x units; fewer resamples for very many rows."""
    generator = np.random.default_rng(seed)
    left = max(500, min(_REPLICATES, _WORK // max(rows, 1)))
    size = max(1, min(left, _CHUNK_NUMBERS // max(rows, 1)))
    while left > 0:
        many = min(size, left)
        picks = generator.integers(0, units, size=(many, units))
        flat = (picks + np.arange(many)[:, None] * units).ravel()
        yield np.bincount(flat, minlength=many * units).reshape(many, units).astype(np.float64)
        left -= many


def _resampler(measure: Measure | RankMeasure, rows: Compared, scores: Scores) -> _Ranks | _Sums:
    if isinstance(measure, RankMeasure):
        return _Ranks(rows.labels, scores, rows.units)
    return _Sums(measure, measure.moments(rows.labels, scores), rows.units)


class _Sums:
    def __init__(self, measure: Measure, moments: Floats, units: Codes | None) -> None:
        self._measure = measure
        if units is None:
            self._sums, self._sizes = moments, np.ones(len(moments))
        else:
            columns = [np.bincount(units, weights=moments[:, n]) for n in range(moments.shape[1])]
            self._sums, self._sizes = np.stack(columns, axis=1), np.bincount(units).astype(np.float64)

    def values(self, weights: Floats) -> Floats:
        values: Floats = self._measure.combine(weights @ self._sums / (weights @ self._sizes)[:, None])
        return values


class _Ranks:
    """The weighted area under the ROC curve: rows are sorted once, then every resample is a few sums."""

    def __init__(self, labels: npt.NDArray[Any], scores: Scores, units: Codes | None = None) -> None:
        values = np.asarray(scores.values, dtype=np.float64)
        self._order = np.argsort(values, kind="stable")
        self._positive = is_positive(labels, scores)[self._order].astype(np.float64)
        self._units = self._order if units is None else units[self._order]
        ordered = values[self._order]
        self._starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1]) if len(values) else np.array([], int)
        self._defined = len(values) > 0 and bool(np.isfinite(values).all())

    def auc(self, weights: Floats) -> Floats:
        """`weights`: many x rows (or units). Ties count one half; NaN where one class is absent."""
        if not self._defined:
            return np.full(len(weights), np.nan)
        drawn = weights[:, self._units]
        positives = drawn * self._positive
        up = np.add.reduceat(positives, self._starts, axis=1)
        down = np.add.reduceat(drawn - positives, self._starts, axis=1)
        below = np.cumsum(down, axis=1)
        pairs = up.sum(axis=1) * below[:, -1]
        wins = (up * (below - down / 2)).sum(axis=1)
        area: Floats = np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
        return area

    def values(self, weights: Floats) -> Floats:
        return self.auc(weights)


def unit_codes(columns: Mapping[str, npt.NDArray[Any]]) -> Codes | None:
    """Numbers the groups of rows that share all `columns`; None without columns."""
    if not columns:
        return None
    import pandas as pd

    grouped = pd.DataFrame({name: pd.factorize(values, use_na_sentinel=False)[0] for name, values in columns.items()})
    numbers: Codes = np.asarray(grouped.groupby(list(grouped.columns), sort=True).ngroup(), dtype=np.int64)
    return numbers
