"""Scores candidate and incumbent on the same rows and turns that into the evidence a gate judges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelyard.failures import UserCodeFailed
from modelyard.intervals import Compared, intervals, unit_codes, value_of
from modelyard.measures import Measure, RankMeasure, measures_for, per_row_measure
from modelyard.scoring import Scores, plain

_MAX_SLICES = 50


@dataclass(frozen=True)
class Evaluated:
    """Two models' scores of the same rows, and what the user's own `evaluate` said of each (None: not asked)."""

    rows: pd.DataFrame
    label: str
    task: str
    candidate: Scores
    incumbent: Scores | None
    own_candidate: Any = None
    own_incumbent: Any = None


@dataclass(frozen=True)
class Plan:
    slices: Sequence[str]
    cluster: Sequence[str]
    confidences: Sequence[float]
    seed: int


def metric_rows(what: Evaluated, plan: Plan) -> list[dict[str, Any]]:
    """The `metrics` of the result: over all rows first, then per slice."""
    units = unit_codes({name: what.rows[name].to_numpy() for name in plan.cluster if name in what.rows})
    everything = np.ones(len(what.rows), dtype=bool)
    found = list(_rows_of(what, plan, None, everything, units))
    for name, mask in _slices(what.rows, plan.slices):
        found.extend(_rows_of(what, plan, name, mask, units))
    plain_values = _plain_values(what)
    return [row for row in found if row["name"] not in plain_values or row["slice"] is not None] + [
        _plain_row(name, pair, len(what.rows)) for name, pair in plain_values.items()
    ]


def _slices(rows: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """The most frequent values of each column, as 'column=value'."""
    for column in columns:
        if column not in rows:
            continue
        counts = rows[column].value_counts(dropna=True, sort=True)
        for value in sorted(counts.index[:_MAX_SLICES], key=str):
            yield f"{column}={plain(value)}", (rows[column] == value).to_numpy(dtype=bool)


def _rows_of(
    what: Evaluated, plan: Plan, name: str | None, mask: npt.NDArray[np.bool_], units: npt.NDArray[np.int64] | None
) -> Iterator[dict[str, Any]]:
    compared = _compared(what, mask, units)
    yield from _judge(measures_for(what.task), compared, plan, name)
    for measure, own in _own_measures(what, mask):
        yield from _judge([measure], Compared(compared.labels, own[0], own[1], compared.units), plan, name)


def _compared(what: Evaluated, mask: npt.NDArray[np.bool_], units: npt.NDArray[np.int64] | None) -> Compared:
    kept = None if units is None else np.unique(units[mask], return_inverse=True)[1].astype(np.int64)
    labels = what.rows[what.label].to_numpy()[mask]
    return Compared(labels, _masked(what.candidate, mask), what.incumbent and _masked(what.incumbent, mask), kept)


def _masked(scores: Scores, mask: npt.NDArray[np.bool_]) -> Scores:
    values = scores.values
    kept = values[mask] if isinstance(values, np.ndarray) else [v for v, keep in zip(values, mask, strict=True) if keep]
    return Scores(scores.task, kept, scores.classes)


def _judge(
    measures: Sequence[Measure | RankMeasure], rows: Compared, plan: Plan, name: str | None
) -> Iterator[dict[str, Any]]:
    found = intervals(measures, rows, plan.confidences, plan.seed)
    clusters = None if rows.units is None else int(rows.units.max(initial=-1)) + 1
    for measure in measures:
        candidate = value_of(measure, rows.labels, rows.candidate)
        incumbent = None if rows.incumbent is None else value_of(measure, rows.labels, rows.incumbent)
        interval = found.get(measure.name)
        method = None if interval is None else "paired-bootstrap" if clusters is None else "clustered-bootstrap"
        yield {
            "name": measure.name,
            "slice": name,
            "rows": len(rows.labels),
            "candidate": number(candidate),
            "incumbent": number(incumbent),
            "difference": _difference(candidate, incumbent),
            "intervals": None if interval is None else {c: list(edges) for c, edges in interval.items()},
            "method": method,
            "clusters": clusters if interval is not None else None,
        }


def _own_measures(
    what: Evaluated, mask: npt.NDArray[np.bool_]
) -> Iterator[tuple[Measure, tuple[Scores, Scores | None]]]:
    if not isinstance(what.own_candidate, pd.DataFrame):
        return
    other = what.own_incumbent if isinstance(what.own_incumbent, pd.DataFrame) else None
    for column in what.own_candidate.columns:
        mine = what.own_candidate[column].to_numpy(dtype=np.float64)[mask]
        theirs = None if other is None or column not in other else other[column].to_numpy(dtype=np.float64)[mask]
        measure, candidate, incumbent = per_row_measure(str(column), mine, theirs)
        yield measure, (candidate, incumbent)


def _plain_values(what: Evaluated) -> dict[str, tuple[float, float | None]]:
    if not isinstance(what.own_candidate, dict):
        return {}
    other = what.own_incumbent if isinstance(what.own_incumbent, dict) else {}
    return {
        str(name): (float(value), float(other[name]) if name in other else None)
        for name, value in what.own_candidate.items()
    }


def _plain_row(name: str, pair: tuple[float, float | None], rows: int) -> dict[str, Any]:
    candidate, incumbent = pair
    return {
        "name": name,
        "slice": None,
        "rows": rows,
        "candidate": number(candidate),
        "incumbent": number(incumbent),
        "difference": _difference(candidate, incumbent),
        "intervals": None,
        "method": None,
        "clusters": None,
    }


def check_own(answer: Any, rows: int) -> Any:
    """What the user's `evaluate` gave: {name: number}, or a DataFrame of numbers, one row per row.

    UserCodeFailed for anything else.
    """
    if isinstance(answer, dict) and answer and all(_is_number(value) for value in answer.values()):
        return answer
    if isinstance(answer, pd.DataFrame) and len(answer) == rows and all(_numeric(answer[c]) for c in answer.columns):
        return answer
    shape = f"a DataFrame of shape {answer.shape}" if isinstance(answer, pd.DataFrame) else f"{type(answer).__name__}"
    raise UserCodeFailed(
        "expected evaluate to return a dict of names and numbers, or a DataFrame of numbers with "
        f"{rows} rows, got {shape}"
    )


def _numeric(column: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def number(value: float | None) -> float | str | None:
    """A number as JSON can carry it: NaN and infinity are the text 'NaN'."""
    return value if value is None or math.isfinite(value) else "NaN"


def _difference(candidate: float, incumbent: float | None) -> float | None:
    if incumbent is None or not math.isfinite(candidate - incumbent):
        return None
    return candidate - incumbent
