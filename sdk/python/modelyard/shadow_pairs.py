"""Reads the pairs of a shadow window: a row for each row the live model scored, with what the candidate said to it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from modelyard.uncertainty import Codes, Floats

# A difference of numbers that is no disagreement: this share of the incumbent's standard deviation, and rounding.
_SPREAD = 0.01
_ROUNDING = 1e-9
_SIDES = 0.5


@dataclass(frozen=True)
class Pairs:
    """`requests` numbers the request of each row, 0..count-1."""

    frame: pd.DataFrame
    requests: Codes

    @property
    def count(self) -> int:
        return int(self.requests.max(initial=-1)) + 1

    def inputs(self, column: str) -> pd.Series[Any] | None:
        """JSON texts of a column as callers sent it, None where a body named no columns; None: no such column."""
        name = f"input:{column}"
        return self.frame[name] if name in self.frame.columns else None


@dataclass(frozen=True)
class Answers:
    """The rows both models scored. Scores and distances are NaN where an answer is no number."""

    rows: npt.NDArray[np.int64]
    requests: Codes
    incumbent: Floats
    candidate: Floats
    distance: Floats
    agree: npt.NDArray[np.bool_]

    @property
    def compared(self) -> int:
        """Requests with at least one of the rows."""
        return len(np.unique(self.requests))

    def only(self, mask: npt.NDArray[np.bool_]) -> Answers:
        return Answers(
            self.rows[mask],
            self.requests[mask],
            self.incumbent[mask],
            self.candidate[mask],
            self.distance[mask],
            self.agree[mask],
        )


def read_pairs(file: Path) -> Pairs:
    frame = pq.read_table(file).to_pandas()
    # A caller chooses its request ids, so that two requests may share one.
    keys = pd.MultiIndex.from_frame(frame[["at", "request_id"]])
    return Pairs(frame, pd.factorize(keys)[0].astype(np.int64))


def decoded(texts: pd.Series[Any]) -> npt.NDArray[Any]:
    """What the JSON texts say; None where there is none. Each distinct text is read once."""
    codes, distinct = pd.factorize(texts, use_na_sentinel=True)
    values = np.empty(len(distinct) + 1, dtype=object)
    for n, text in enumerate(distinct):
        values[n] = json.loads(text)
    return values[codes]


def answers_of(pairs: Pairs, task: str) -> Answers:
    """The rows that both models gave an answer fit for the task."""
    both = (pairs.frame["live"].notna() & pairs.frame["shadow"].notna()).to_numpy(dtype=bool)
    rows = np.flatnonzero(both)
    frame = pairs.frame.iloc[rows]
    live, shadow = decoded(frame["live"]), decoded(frame["shadow"])
    if task == "multiclass-classification":
        return _by_winner(rows, pairs.requests[rows], live, shadow)
    return _by_number(rows, pairs.requests[rows], (live, shadow), task)


def _by_number(
    rows: npt.NDArray[np.int64], requests: Codes, answers: tuple[npt.NDArray[Any], npt.NDArray[Any]], task: str
) -> Answers:
    incumbent, candidate = (np.array([number_of(value) for value in side], dtype=np.float64) for side in answers)
    with np.errstate(over="ignore"):
        distance = np.abs(candidate - incumbent)
    numbers = np.isfinite(distance)
    if task == "binary-classification":
        agree = (incumbent >= _SIDES) == (candidate >= _SIDES)
    else:
        spread = float(incumbent[numbers].std()) if numbers.any() else 0.0
        agree = distance <= _ROUNDING + _SPREAD * spread
    if task == "custom":
        same = np.array([one == other for one, other in zip(*answers, strict=True)], dtype=bool)
        agree = np.where(numbers, agree, same)
        numbers = np.ones(len(rows), dtype=bool)
    return Answers(rows, requests, incumbent, candidate, distance, agree).only(numbers)


def _by_winner(rows: npt.NDArray[np.int64], requests: Codes, live: Any, shadow: Any) -> Answers:
    winners = [[_winner(value) for value in side] for side in (live, shadow)]
    scores = [np.array([number_of(score) for _, score in side], dtype=np.float64) for side in winners]
    distance = np.array([_variation(one, other) for one, other in zip(live, shadow, strict=True)], dtype=np.float64)
    agree = np.array([one[0] == other[0] for one, other in zip(*winners, strict=True)], dtype=bool)
    said = np.array([one[0] is not None and other[0] is not None for one, other in zip(*winners, strict=True)], bool)
    return Answers(rows, requests, scores[0], scores[1], distance, agree).only(said)


def number_of(value: Any) -> float:
    """A finite number of JSON as it is; NaN for everything else. True is one."""
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _winner(answer: Any) -> tuple[str | None, Any]:
    """(label, its probability) of probabilities by label; a bare label has none."""
    if isinstance(answer, Mapping):
        known = {str(label): number_of(value) for label, value in answer.items()}
        if not known or np.isnan(list(known.values())).any():
            return None, None
        label = min(known, key=lambda name: (-known[name], name))
        return label, known[label]
    if isinstance(answer, (str, int, float)):
        return str(answer), None
    return None, None


def _variation(one: Any, other: Any) -> float:
    """Half the sum of the differences over all labels: of two labels, the difference of either."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return math.nan
    labels = {*one, *other}
    return sum(abs(number_of(one.get(label, 0)) - number_of(other.get(label, 0))) for label in labels) / 2
