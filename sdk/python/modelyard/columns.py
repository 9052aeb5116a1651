"""The types columns have in pandas, the same in training, evaluation and serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

Types = Mapping[str, str]


class ColumnMismatch(Exception):
    """A column is missing or has values of another type than the model was trained on."""


def frame_of(table: pa.Table) -> pd.DataFrame:
    """pandas' default for each Arrow type; dictionaries as their values, timestamps in UTC (naive ones are UTC)."""
    fields = [_plain(field) for field in table.schema]
    plain = table.replace_schema_metadata(None).cast(pa.schema(fields))
    frame: pd.DataFrame = plain.to_pandas(ignore_metadata=True)
    for name in frame.columns:
        if pd.api.types.is_datetime64_any_dtype(frame[name]):
            frame[name] = _utc(frame[name])
    return frame


def _plain(field: pa.Field) -> pa.Field:
    return pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)


def _utc(series: pd.Series[Any]) -> pd.Series[Any]:
    aware = series.dt.tz_localize("UTC") if series.dt.tz is None else series.dt.tz_convert("UTC")
    in_microseconds: pd.Series[Any] = aware.dt.as_unit("us")
    return in_microseconds


def types_of(frame: pd.DataFrame) -> dict[str, str]:
    """The type of each column: 'string', 'timestamp', 'date', 'boolean' (bool with nulls), 'object' or a numpy name."""
    return {str(name): _type_of(frame[name]) for name in frame.columns}


def _type_of(series: pd.Series[Any]) -> str:
    if pd.api.types.is_datetime64_any_dtype(series):
        return "timestamp"
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return str(series.dtype)
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    return inferred if inferred in ("date", "boolean") else "string" if inferred in ("string", "empty") else "object"


def conform(frame: pd.DataFrame, types: Types) -> pd.DataFrame:
    """The columns of `types`, in that order, in those types.

    An integer or boolean column with nulls becomes float64 or object, as in training.
    ColumnMismatch names what differs.
    """
    missing = [name for name in types if name not in frame.columns]
    if missing:
        raise ColumnMismatch(f"expected the columns {', '.join(types)}; missing: {', '.join(missing)}")
    return pd.DataFrame({name: _conformed(frame[name], name, kind) for name, kind in types.items()}, index=frame.index)


def _conformed(series: pd.Series[Any], name: str, kind: str) -> Any:
    if kind == "object":
        return series
    if kind == "string":
        return _string(series, name)
    if kind == "timestamp":
        return _timestamp(series, name)
    if kind == "date":
        return _date(series, name)
    if kind in ("bool", "boolean"):
        return _boolean(series, name)
    return _number(series, name, np.dtype(kind))


def _found(series: pd.Series[Any]) -> str:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biufM":
        return {"b": "boolean", "i": "integer", "u": "integer", "f": "floating", "M": "timestamp"}[series.dtype.kind]
    return pd.api.types.infer_dtype(series, skipna=True)


def _mismatch(name: str, expected: str, found: str) -> ColumnMismatch:
    return ColumnMismatch(f"column {name!r}: expected {expected}, got {found} values")


def _string(series: pd.Series[Any], name: str) -> Any:
    found = "empty" if series.isna().all() else _found(series)
    if found not in ("string", "empty"):
        raise _mismatch(name, "texts or nulls", found)
    return series.astype(pd.Series(["a"]).dtype) if found == "string" else _all_null_strings(series)


def _all_null_strings(series: pd.Series[Any]) -> Any:
    return pd.Series([None] * len(series), index=series.index, dtype=pd.Series(["a"]).dtype)


def _boolean(series: pd.Series[Any], name: str) -> Any:
    if series.isna().all():
        return series.astype(object)
    found = _found(series)
    if found != "boolean":
        raise _mismatch(name, "true, false or null", found)
    return series.astype(object) if series.isna().any() else series.astype(bool)


def _date(series: pd.Series[Any], name: str) -> Any:
    if series.isna().all() or _found(series) == "date":
        return series
    return _timestamp(series, name).dt.date


def _timestamp(series: pd.Series[Any], name: str) -> Any:
    if series.isna().all():
        return pd.Series(pd.NaT, index=series.index, dtype="datetime64[us, UTC]")
    if pd.api.types.is_datetime64_any_dtype(series):
        return _utc(series)
    found = _found(series)
    if found not in ("string", "datetime", "datetime64", "date"):
        raise _mismatch(name, "ISO-8601 timestamps", found)
    try:
        return pd.to_datetime(series, utc=True, format="ISO8601").dt.as_unit("us")
    except (ValueError, TypeError) as problem:
        raise _mismatch(name, "ISO-8601 timestamps", f"unreadable ({problem})") from None


def _number(series: pd.Series[Any], name: str, dtype: np.dtype[Any]) -> Any:
    if series.isna().all():
        return pd.Series(np.nan, index=series.index, dtype=np.float64 if dtype.kind in "iu" else dtype)
    found = _found(series)
    if found not in ("integer", "floating", "mixed-integer-float", "decimal"):
        raise _mismatch(name, "numbers or nulls", found)
    if dtype.kind == "f":
        return series.astype(np.float64).astype(dtype)
    return _integer(series, dtype)


def _integer(series: pd.Series[Any], dtype: np.dtype[Any]) -> Any:
    if series.isna().any():
        return series.astype(np.float64)
    if _found(series) != "integer" and not (series.astype(np.float64) % 1 == 0).all():
        return series.astype(np.float64)
    bounds = np.iinfo(dtype)
    fits = bounds.min <= series.min() and series.max() <= bounds.max
    return series.astype(dtype if fits else np.float64)
