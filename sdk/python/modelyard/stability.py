"""The population stability index: how far the distribution of a column moved from a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelyard.uncertainty import MIN_REQUESTS, Codes, Estimate, Floats, Resamples, percentiles

_BINS = 10
_CATEGORIES = 20
# A value counts as one of its own when it comes this often on average; else ten rows would be ten values.
_ROWS_PER_VALUE = 5
# A bin that is empty on one side would make the index infinite.
_LEAST_SHARE = 1e-4


@dataclass(frozen=True)
class NumericBins:
    """Bins between a reference's deciles, or one for each value where it has ten or fewer; the last bin is of NaN."""

    edges: Floats
    values: Floats | None

    @staticmethod
    def of(reference: Floats) -> NumericBins:
        known = reference[np.isfinite(reference)]
        distinct, times = np.unique(known, return_counts=True)
        if 0 < len(distinct) <= _BINS and times.sum() >= _ROWS_PER_VALUE * len(distinct):
            return NumericBins((distinct[1:] + distinct[:-1]) / 2, distinct)
        shares = np.linspace(0, 1, _BINS + 1)[1:-1]
        return NumericBins(np.unique(np.quantile(known, shares)) if len(known) else np.array([]), None)

    @property
    def count(self) -> int:
        return len(self.edges) + 2 + (self.values is not None)

    def codes(self, values: Floats) -> Codes:
        found = np.searchsorted(self.edges, values, side="left")
        if self.values is not None:
            # Looser than float32 is exact, in which training may have had what a caller sends as a decimal.
            near = np.isclose(values, self.values[np.minimum(found, len(self.values) - 1)], rtol=1e-6, atol=1e-12)
            found = np.where(near, found, self.count - 2)
        coded: Codes = np.where(np.isnan(values), self.count - 1, found).astype(np.int64)
        return coded


@dataclass(frozen=True)
class CategoryBins:
    """The twenty most frequent values of a reference, one bin for all others, and one for None."""

    values: tuple[str, ...]

    @staticmethod
    def of(reference: Sequence[str | None]) -> CategoryBins:
        words, times = np.unique([word for word in reference if word is not None], return_counts=True)
        return CategoryBins(tuple(str(word) for word in words[np.argsort(-times, kind="stable")][:_CATEGORIES]))

    @property
    def count(self) -> int:
        return len(self.values) + 2

    def codes(self, values: Sequence[str | None]) -> Codes:
        index: dict[Any, int] = {word: n for n, word in enumerate(self.values)}
        index[None] = self.count - 1
        return np.array([index.get(word, self.count - 2) for word in values], dtype=np.int64)


def psi(expected: npt.NDArray[Any], actual: npt.NDArray[Any]) -> Floats:
    """The index of each row of counts; NaN where one side counts nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        old, new = (side / side.sum(axis=-1, keepdims=True) for side in (expected, actual))
        old, new = np.maximum(old, _LEAST_SHARE), np.maximum(new, _LEAST_SHARE)
        index: Floats = ((new - old) * np.log(new / old)).sum(axis=-1)
    return index


def moved(expected: npt.NDArray[Any], codes: Codes, requests: Codes, resamples: Resamples) -> Estimate:
    """How far `codes` are from a reference that is taken as it is: `expected` counts its bins."""
    drawn = resamples.counts(codes, requests, len(expected))
    value = float(psi(expected, np.bincount(codes, minlength=len(expected))))
    return _estimate(value, psi(np.broadcast_to(expected, drawn.shape), drawn), requests)


def parted(expected: Codes, codes: Codes, bins: int, requests: Codes, resamples: Resamples) -> Estimate:
    """How far `codes` are from `expected`, two sides of the same rows, which are drawn together."""
    sides = [np.bincount(side, minlength=bins) for side in (expected, codes)]
    draws = psi(*(resamples.counts(side, requests, bins) for side in (expected, codes)))
    return _estimate(float(psi(sides[0], sides[1])), draws, requests)


def _estimate(value: float, draws: Floats, requests: Codes) -> Estimate:
    if len(np.unique(requests)) < MIN_REQUESTS:
        return Estimate(value, None, len(requests))
    # Chance alone adds to the index, once in the sample and once more in each draw from it.
    bias = float(np.nanmean(draws)) - value
    interval = percentiles(draws, 2 * bias)
    if interval is None:
        return Estimate(value, None, len(requests))
    low, high = min(interval[0], value), max(interval[1], value)
    return Estimate(value, (max(0.0, low), high), len(requests))
