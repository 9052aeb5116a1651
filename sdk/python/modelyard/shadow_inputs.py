"""How far the inputs of a shadow window are from the rows the candidate was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pandas as pd

from modelyard.documents import TrainingRows
from modelyard.holdout import trained_on_mask
from modelyard.scoring import plain
from modelyard.shadow_pairs import Pairs, decoded, number_of
from modelyard.sources import Table, open_source
from modelyard.stability import CategoryBins, NumericBins, moved
from modelyard.uncertainty import Estimate, Floats, Resamples


def training_rows(training: TrainingRows, features: Sequence[str]) -> pd.DataFrame:
    """The rows the candidate was fitted on, with its features. BadData when they are no longer to be read."""
    table = open_source(training.source)
    about = training.trained_on
    keys = list(getattr(about.holdout, "key", ()))
    time = [about.time_column] if about.time_column else []
    columns = [*features, training.label, *time]
    rows = table.read([*columns, *keys], _period(table, training))
    rows = rows[rows[training.label].notna()]
    return rows[trained_on_mask(rows, about, columns)][list(features)]


def _period(table: Table, training: TrainingRows) -> Any:
    about = training.trained_on
    if about.time_column is None or about.time_column != table.time_column:
        return None
    bounds = [(">=", about.start), ("<", about.until)]
    conditions = [table.time(op, instant) for op, instant in bounds if instant is not None]
    return reduce(and_, conditions) if conditions else None


def input_measures(pairs: Pairs, training: pd.DataFrame, resamples: Resamples) -> Iterator[tuple[str, Estimate]]:
    """'input_psi:<column>' of each column of the training rows that callers sent."""
    for name in training.columns:
        texts = pairs.inputs(name)
        if texts is None or len(training) == 0:
            continue
        sent = texts.notna().to_numpy(dtype=bool)
        if sent.any():
            expected, codes = _binned(training[name], decoded(texts[sent]))
            yield f"input_psi:{name}", moved(expected, codes, pairs.requests[sent], resamples)


def _binned(reference: pd.Series[Any], sent: Any) -> tuple[Any, Any]:
    """(how many rows of the reference each bin has, the bin of each value that was sent)."""
    numeric = isinstance(reference.dtype, np.dtype) and reference.dtype.kind in "iuf"
    if numeric or pd.api.types.is_datetime64_any_dtype(reference):
        old = reference.to_numpy(dtype=np.float64) if numeric else _seconds(reference)
        new = np.array([number_of(value) for value in sent]) if numeric else _seconds(pd.Series(sent, dtype=object))
        numbers = NumericBins.of(old)
        return np.bincount(numbers.codes(old), minlength=numbers.count), numbers.codes(new)
    words = [None if missing else _word(value) for value, missing in zip(reference, reference.isna(), strict=True)]
    categories = CategoryBins.of(words)
    counts = np.bincount(categories.codes(words), minlength=categories.count)
    return counts, categories.codes([None if value is None else _word(value) for value in sent])


def _seconds(values: pd.Series[Any]) -> Floats:
    times = pd.to_datetime(values, utc=True, errors="coerce", format=None if values.dtype != object else "ISO8601")
    numbers = times.dt.as_unit("us").astype("int64").to_numpy(dtype=np.float64) / 1e6
    seconds: Floats = np.where(times.isna().to_numpy(), np.nan, numbers)
    return seconds


def _word(value: Any) -> str:
    """The same text for a value of a table and for what JSON made of it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return json.dumps(plain(value), sort_keys=True, default=str, ensure_ascii=False)
