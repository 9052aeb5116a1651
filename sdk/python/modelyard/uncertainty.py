"""How far a number of a sample may be from the truth: approximate 95 % intervals over requests, not over their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Interval = tuple[float, float]

# With fewer requests no interval says anything.
MIN_REQUESTS = 5
_Z = 1.959963984540054
_TAILS = (0.025, 0.975)
_REPLICATES = 300
_MIN_REPLICATES = 50
# Requests are resampled in this many bundles at most: their sums vary as those of requests do, at a bounded cost.
_BUNDLES = 2_000
_WORK = 20_000_000


@dataclass(frozen=True)
class Estimate:
    """A number, its interval (None: none can be told), and how many rows or requests it rests on."""

    value: float
    interval: Interval | None
    samples: int

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite([self.value, *(self.interval or ())]).all())

    def as_json(self) -> dict[str, Any]:
        return {"value": self.value, "interval": self.interval and list(self.interval), "samples": self.samples}


def wilson(rate: float, samples: float) -> Interval:
    """Wilson's score interval of a rate among `samples` independent trials."""
    centre = rate + _Z**2 / (2 * samples)
    spread = _Z * np.sqrt(rate * (1 - rate) / samples + _Z**2 / (4 * samples**2))
    scale = 1 + _Z**2 / samples
    # At a rate of 0 or 1 the near edge is the rate itself, which rounding would miss.
    return max(0.0, min(rate, float((centre - spread) / scale))), min(1.0, max(rate, float((centre + spread) / scale)))


def mean_of(values: Floats, requests: Codes) -> Estimate:
    """The mean over rows. Rows of one request err together, so the variance is that of sums per request."""
    mean = float(values.mean())
    variance, count = _clustered_variance(values - mean, requests)
    if count < MIN_REQUESTS:
        return Estimate(mean, None, len(values))
    half = _Z * float(np.sqrt(variance * count / (count - 1)))
    return Estimate(mean, (mean - half, mean + half), len(values))


def rate_of(flags: npt.NDArray[np.bool_], requests: Codes) -> Estimate:
    """The share of rows, with Wilson's interval for as many rows as would vary as much were they independent."""
    rate = float(flags.mean())
    variance, count = _clustered_variance(flags - rate, requests)
    if 0 < rate < 1:
        worth = min(float(len(flags)), rate * (1 - rate) / variance) if variance > 0 else float(len(flags))
    else:
        worth = float(count)
    return Estimate(rate, wilson(rate, max(worth, 1.0)), len(flags))


def _clustered_variance(deviations: npt.NDArray[Any], requests: Codes) -> tuple[float, int]:
    """(variance of the mean, number of requests)."""
    numbers = np.unique(requests, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=deviations)
    return float((sums**2).sum()) / len(deviations) ** 2, len(sums)


class Resamples:
    """Draws of requests with replacement, the same for every measure. `requests` are numbered 0..count-1."""

    def __init__(self, count: int, seed: int) -> None:
        self._bundles = max(1, min(count, _BUNDLES))
        shares = np.full(self._bundles, 1 / self._bundles)
        generator = np.random.default_rng(seed)
        self._weights = generator.multinomial(self._bundles, shares, size=_REPLICATES).astype(np.float64)

    def counts(self, codes: Codes, requests: Codes, bins: int) -> Floats:
        """How many rows of each resample fall into each bin: resamples x bins."""
        cells = (requests % self._bundles) * bins + codes
        table = np.bincount(cells, minlength=self._bundles * bins).reshape(self._bundles, bins)
        drawn: Floats = self._weights @ table
        return drawn

    def quantiles(self, values: Floats, requests: Codes, share: float) -> Floats:
        """The quantile of each resample; fewer resamples for very many values."""
        order = np.argsort(values, kind="stable")
        ordered, bundles = values[order], (requests % self._bundles)[order]
        many = max(_MIN_REPLICATES, min(_REPLICATES, _WORK // max(len(values), 1)))
        return np.array([_weighted(ordered, weights[bundles], share) for weights in self._weights[:many]])


def quantile_of(values: Floats, share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    return _weighted(np.sort(values), np.ones(len(values)), share)


def _weighted(ordered: Floats, weights: Floats, share: float) -> float:
    reached = np.cumsum(weights)
    if reached[-1] == 0:
        return float("nan")
    at = np.searchsorted(reached, share * reached[-1] * (1 - 1e-12), side="left")
    return float(ordered[min(int(at), len(ordered) - 1)])


def percentiles(draws: Floats, shift: float = 0.0) -> Interval | None:
    """The middle 95 % of the draws; None when more than one of twenty is undefined."""
    known = draws[np.isfinite(draws)]
    if len(known) < 0.95 * len(draws):
        return None
    low, high = np.quantile(known, _TAILS) - shift
    return float(low), float(high)
