"""Which rows train and which are held out; the same answer in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from modelyard.digests import row_hashes
from modelyard.documents import FractionHoldout, Holdout, LastHoldout, ParquetSource, PeriodHoldout, Source, TrainedOn
from modelyard.durations import instant_text
from modelyard.failures import BadData
from modelyard.sources import Table


@dataclass(frozen=True)
class Question:
    """What a job asks of the data: its cut-off, and how rows are split."""

    source: Source
    features: Sequence[str]
    label: str
    holdout: Holdout
    label_delay: timedelta
    cutoff: datetime

    @property
    def limit(self) -> datetime:
        """The newest instant whose labels are settled at the cut-off."""
        return self.cutoff - self.label_delay

    @property
    def split_columns(self) -> list[str]:
        """The columns that decide on which side of a fraction a row falls."""
        if isinstance(self.holdout, FractionHoldout) and self.holdout.key:
            return list(self.holdout.key)
        time = [self.source.time_column] if self.source.time_column else []
        return [*self.features, self.label, *time]


@dataclass(frozen=True)
class Split:
    """Labelled rows up to the cut-off; counts are of rows that were left out."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    unlabelled: int
    too_young: int


def load_split(table: Table, question: Question, extra: Iterable[str] = ()) -> Split:
    """Training and holdout rows with the question's columns and `extra`; BadData when no row is labelled."""
    lower, start = _bounds(table, question)
    rows, unlabelled = _labelled(table, question, _within(table, question, lower), extra)
    held = _held_out(rows, question, start)
    too_young = 0
    if table.time_column and question.label_delay:
        too_young = table.count(table.time(">", question.limit) & table.time("<=", question.cutoff))
    return Split(_reset(rows[~held]), _reset(rows[held]), unlabelled, too_young)


def load_holdout(table: Table, question: Question, extra: Iterable[str] = ()) -> pd.DataFrame:
    """The holdout's rows only."""
    holdout = question.holdout
    if isinstance(holdout, PeriodHoldout):
        period = table.time(">=", holdout.start) & table.time("<", holdout.until)
        rows, _ = _labelled(table, question, period & table.time("<=", question.limit), extra)
        return _reset(rows)
    lower, start = _bounds(table, question)
    rows, _ = _labelled(table, question, _within(table, question, start or lower), extra)
    return _reset(rows[_held_out(rows, question, start)])


def held_out_by_fraction(rows: pd.DataFrame, holdout: FractionHoldout, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """A row's side depends on its own values and the seed alone, so it stays there when other rows come and go."""
    hashes = row_hashes(rows[list(dict.fromkeys(columns))], holdout.seed)
    share: npt.NDArray[np.bool_] = (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53 < holdout.fraction
    return share


def trained_on_mask(rows: pd.DataFrame, trained_on: TrainedOn | None, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which of `rows` the model was fitted on, by the times and the holdout it was trained with.

    `columns` are those that decide a fraction without a key: the model's features, label and time.
    """
    mask = np.ones(len(rows), dtype=bool)
    if trained_on is None:
        return ~mask
    if trained_on.time_column and trained_on.time_column in rows.columns:
        times = _utc_times(rows[trained_on.time_column])
        if trained_on.start is not None:
            mask &= (times >= pd.Timestamp(trained_on.start)).to_numpy()
        if trained_on.until is not None:
            mask &= (times < pd.Timestamp(trained_on.until)).to_numpy()
    if isinstance(trained_on.holdout, FractionHoldout):
        mask &= ~held_out_by_fraction(rows, trained_on.holdout, list(trained_on.holdout.key) or columns)
    return mask


def times_of(rows: pd.DataFrame, time_column: str | None) -> tuple[str | None, str | None]:
    """(first, last) instant of the rows, as ISO text."""
    if time_column is None or time_column not in rows.columns or rows.empty:
        return None, None
    times = _utc_times(rows[time_column])
    return instant_text(times.min().to_pydatetime()), instant_text(times.max().to_pydatetime())


def _utc_times(series: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(series, utc=True)


def _bounds(table: Table, question: Question) -> tuple[datetime | None, datetime | None]:
    """(rows later than this are read, rows later than this are held out); None: no bound."""
    window = question.source.window if isinstance(question.source, ParquetSource) else None
    if not isinstance(question.holdout, LastHoldout):
        return (question.limit - window if window else None), None
    start = _newest_labelled(table, question) - question.holdout.duration
    return (start - window if window else None), start


def _newest_labelled(table: Table, question: Question) -> datetime:
    time = table.time_column
    assert time is not None
    rows = table.read([time, question.label], table.time("<=", question.limit))
    labelled = rows[rows[question.label].notna()]
    if labelled.empty:
        raise BadData(
            f"expected labelled rows at or before {instant_text(question.limit)}, got none "
            f"({len(rows)} rows without a label); check data.where, the cut-off and labelDelay"
        )
    newest: datetime = _utc_times(labelled[time]).max().to_pydatetime()
    return newest


def _within(table: Table, question: Question, after: datetime | None) -> pc.Expression | None:
    if table.time_column is None:
        return None
    conditions = [table.time("<=", question.limit)]
    if after is not None:
        conditions.append(table.time(">", after))
    return reduce(and_, conditions)


def _labelled(
    table: Table, question: Question, condition: pc.Expression | None, extra: Iterable[str]
) -> tuple[pd.DataFrame, int]:
    rows = table.read([*question.features, question.label, *question.split_columns, *_time(table), *extra], condition)
    has_label = rows[question.label].notna()
    return rows[has_label], int((~has_label).sum())


def _time(table: Table) -> list[str]:
    return [table.time_column] if table.time_column else []


def _held_out(rows: pd.DataFrame, question: Question, start: datetime | None) -> npt.NDArray[np.bool_]:
    if isinstance(question.holdout, FractionHoldout):
        return held_out_by_fraction(rows, question.holdout, question.split_columns)
    assert question.source.time_column is not None and start is not None
    held: npt.NDArray[np.bool_] = (_utc_times(rows[question.source.time_column]) > pd.Timestamp(start)).to_numpy()
    return held


def _reset(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.reset_index(drop=True)
