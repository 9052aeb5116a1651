"""What two models' answers to the same requests come to, number by number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelyard.scoring import plain
from modelyard.shadow_pairs import Answers, Pairs, decoded
from modelyard.stability import NumericBins, parted
from modelyard.uncertainty import (
    MIN_REQUESTS,
    Estimate,
    Resamples,
    mean_of,
    percentiles,
    quantile_of,
    rate_of,
    wilson,
)

_MAX_SLICES = 20
_LATENCIES = {"latency_p50_ratio": 0.5, "latency_p95_ratio": 0.95}


@dataclass(frozen=True)
class Slice:
    """Rows whose input has a value: 'column=value'."""

    name: str
    mask: npt.NDArray[np.bool_]


def answer_measures(answers: Answers, slices: Sequence[Slice], resamples: Resamples) -> Iterator[tuple[str, Estimate]]:
    """The measures of the answers over all rows, then of each slice as '<metric>[<column>=<value>]'."""
    yield from _of_rows(answers, resamples)
    for part in slices:
        for name, estimate in _of_rows(answers.only(part.mask[answers.rows]), resamples):
            yield f"{name}[{part.name}]", estimate


def _of_rows(answers: Answers, resamples: Resamples) -> Iterator[tuple[str, Estimate]]:
    if len(answers.rows) == 0:
        return
    yield "agreement_rate", rate_of(answers.agree, answers.requests)
    yield "disagreement_rate", rate_of(~answers.agree, answers.requests)
    apart = np.isfinite(answers.distance)
    if apart.any():
        yield "score_mean_abs_diff", mean_of(answers.distance[apart], answers.requests[apart])
    scored = np.isfinite(answers.candidate - answers.incumbent)
    if not scored.any():
        return
    both = answers.only(scored)
    yield "score_mean_shift", mean_of(both.candidate - both.incumbent, both.requests)
    bins = NumericBins.of(both.incumbent)
    sides = bins.codes(both.incumbent), bins.codes(both.candidate)
    yield "score_psi", parted(*sides, bins.count, both.requests, resamples)


def slices_of(pairs: Pairs, columns: Sequence[str]) -> list[Slice]:
    """The most frequent values of each column that callers sent."""
    found = []
    for column in columns:
        texts = pairs.inputs(column)
        if texts is None:
            continue
        words = pd.Series([_word(value) for value in decoded(texts)], dtype=object)
        for word in sorted(words.value_counts(dropna=True).index[:_MAX_SLICES]):
            found.append(Slice(f"{column}={word}", (words == word).to_numpy(dtype=bool)))
    return found


def _word(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value) if isinstance(value, (dict, list)) else str(plain(value))


def request_measures(pairs: Pairs, requests: Mapping[str, int], resamples: Resamples) -> Iterator[tuple[str, Estimate]]:
    """What is counted by request: the share of copies that failed, and how much longer the candidate took."""
    sent = requests["mirrored"] + requests["failed"]
    if sent > 0:
        rate = requests["failed"] / sent
        yield "error_rate", Estimate(rate, wilson(rate, sent), sent)
    frame = pairs.frame
    answered = (frame["position"] == 0) & (frame["shadow_state"] == "answered") & frame["shadow_ms"].notna()
    rows = np.flatnonzero(answered.to_numpy(dtype=bool))
    if len(rows) == 0:
        return
    times = frame.iloc[rows]
    live, shadow = (times[name].to_numpy(dtype=np.float64) for name in ("live_ms", "shadow_ms"))
    for name, share in _LATENCIES.items():
        usual = quantile_of(live, share)
        if usual <= 0:
            continue
        codes = pairs.requests[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = resamples.quantiles(shadow, codes, share) / resamples.quantiles(live, codes, share)
        interval = percentiles(drawn) if len(rows) >= MIN_REQUESTS else None
        yield name, Estimate(quantile_of(shadow, share) / usual, interval, len(rows))
