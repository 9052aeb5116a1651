"""Opens a data source and reads only the columns and rows that are asked for."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from modelyard.columns import frame_of
from modelyard.documents import ParquetSource, RowFilter, Source, SqlSource
from modelyard.durations import instant_text
from modelyard.failures import BadData, TryAgain

_UNIT_US = {"s": 1_000_000, "ms": 1_000, "us": 1}


class Table:
    """An opened source: its schema, and reads with columns and filters pushed down."""

    def __init__(self, data: ds.Dataset, source: Source) -> None:
        self._data = data
        self._where = source.where if isinstance(source, ParquetSource) else ()
        self.time_column = source.time_column

    def require(self, columns: Iterable[str], reason: str) -> None:
        """BadData that names every column the source lacks."""
        missing = [name for name in dict.fromkeys(columns) if name not in self._data.schema.names]
        if missing:
            have = ", ".join(self._data.schema.names[:60])
            raise BadData(f"the data lacks columns {reason}: {', '.join(missing)}; it has: {have}")

    def read(self, columns: Iterable[str], rows: pc.Expression | None) -> pd.DataFrame:
        names = list(dict.fromkeys(columns))
        self.require(names, "that are needed")
        with _Reading():
            return frame_of(self._data.to_table(columns=names, filter=self._filter(rows)))

    def count(self, rows: pc.Expression | None) -> int:
        with _Reading():
            return int(self._data.count_rows(filter=self._filter(rows)))

    def time(self, op: str, instant: datetime) -> pc.Expression:
        """The filter `time column <op> instant`, in the column's own type."""
        assert self.time_column is not None
        self.require([self.time_column], "for data.timeColumn")
        kind = self._data.schema.field(self.time_column).type
        return _compare(self.time_column, op, _bound(kind, self.time_column, op, instant))

    def _filter(self, rows: pc.Expression | None) -> pc.Expression | None:
        self.require((item.column for item in self._where), "for data.where")
        for item in self._where:
            condition = _condition(item, self._data.schema.field(item.column).type)
            rows = condition if rows is None else rows & condition
        return rows


def open_source(source: Source, filesystem: fs.FileSystem | None = None) -> Table:
    """Opens the data; BadData when it is not there or not readable, TryAgain when its store is away."""
    with _Reading():
        if isinstance(source, SqlSource):
            return Table(ds.dataset(_query(source)), source)
        if filesystem is not None:
            return Table(ds.dataset(source.uri, filesystem=filesystem, format="parquet"), source)
        store, path = _locate(source.uri)
        return Table(ds.dataset(path, filesystem=store, format="parquet"), source)


def _locate(uri: str) -> tuple[fs.FileSystem, str]:
    if re.match(r"^[a-z][a-z0-9+.-]+:", uri):
        store, path = fs.FileSystem.from_uri(uri)
    else:
        store, path = fs.LocalFileSystem(), str(Path(uri).absolute())
    if store.get_file_info(path).type == fs.FileType.NotFound:
        raise BadData(
            f"expected Parquet data at {uri}, got nothing there; check data.uri and that this machine sees it"
        )
    return store, path


class _Reading:
    """Turns what pyarrow raises into the failure it means."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None or isinstance(error, (BadData, TryAgain)):
            return
        if isinstance(error, OSError) and not isinstance(error, (FileNotFoundError, PermissionError)):
            full = error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE)
            if full or "AWS Error" in str(error) or "curlCode" in str(error):
                raise TryAgain(f"the data cannot be reached: {error}") from error
        if isinstance(error, (OSError, pa.ArrowException)):
            raise BadData(f"the data cannot be read as Parquet: {error}") from error


def _query(source: SqlSource) -> pa.Table:
    import sqlalchemy

    engine = sqlalchemy.create_engine(os.path.expandvars(source.connection))
    try:
        with engine.connect() as connection:
            frame = pd.read_sql_query(sqlalchemy.text(source.query), connection)
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as problem:
        raise BadData(f"data.query could not be run: {problem}") from problem
    finally:
        engine.dispose()
    if source.time_column is not None and source.time_column in frame.columns:
        frame[source.time_column] = _times(frame[source.time_column], source.time_column)
    return pa.Table.from_pandas(frame, preserve_index=False)


def _times(series: pd.Series[Any], name: str) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(series):
        raise BadData(f"data.timeColumn {name!r}: expected timestamps, got numbers; convert them in the query")
    try:
        return pd.to_datetime(series, utc=True, format="ISO8601")
    except (ValueError, TypeError) as problem:
        raise BadData(f"data.timeColumn {name!r}: expected timestamps, got: {problem}") from problem


def _bound(kind: pa.DataType, name: str, op: str, instant: datetime) -> pa.Scalar:
    """`instant` in a column's type; rounded so that the comparison means the same for coarser types."""
    upwards = op in ("<", ">=")
    if pa.types.is_date(kind):
        day = instant.date()
        midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
        return pa.scalar(date.fromordinal(day.toordinal() + (upwards and instant > midnight)), type=kind)
    if pa.types.is_timestamp(kind):
        micros = round((instant - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() * 1_000_000)
        if kind.unit == "ns":
            return pa.scalar(micros * 1_000, type=pa.int64()).cast(kind)
        step = _UNIT_US[kind.unit]
        return pa.scalar(-(-micros // step) if upwards else micros // step, type=pa.int64()).cast(kind)
    raise BadData(
        f"data.timeColumn {name!r}: expected a date or timestamp column, got {kind}; "
        f"write it as a timestamp to compare it with {instant_text(instant)}"
    )


def _condition(item: RowFilter, kind: pa.DataType) -> pc.Expression:
    value_type = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        if item.op == "in":
            values = [_scalar(value, value_type).as_py() for value in item.value]
            return ds.field(item.column).isin(pa.array(values, type=value_type))
        return _compare(item.column, item.op, _scalar(item.value, value_type))
    except (pa.ArrowException, ValueError, TypeError) as problem:
        raise BadData(
            f"data.where {item.column!r} {item.op} {item.value!r}: expected a value of the column's type {kind}, "
            f"got: {problem}"
        ) from problem


def _scalar(value: Any, kind: pa.DataType) -> pa.Scalar:
    if isinstance(value, str) and pa.types.is_timestamp(kind):
        stamp = pd.Timestamp(value)
        aware = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
        return pa.scalar(aware.as_unit(kind.unit).value, type=pa.int64()).cast(kind)
    if isinstance(value, str) and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return pa.scalar(value).cast(kind)
    return pa.scalar(value, type=kind)


def _compare(column: str, op: str, value: pa.Scalar) -> pc.Expression:
    field = ds.field(column)
    results: dict[str, pc.Expression] = {
        "=": field == value,
        "!=": field != value,
        "<": field < value,
        "<=": field <= value,
        ">": field > value,
        ">=": field >= value,
    }
    return results[op]
