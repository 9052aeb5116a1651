"""Reading with columns and rows pushed down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from modelyard.documents import ParquetSource, RowFilter, SqlSource
from modelyard.failures import BadData
from modelyard.sources import open_source


class CountedFile:
    """A local file that adds the bytes it gives to `total[0]`."""

    def __init__(self, path: str, total: list[int]) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 - closed by close()
        self._total = total
        self.closed = False

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(count)
        self._total[0] += len(data)
        return data

    def close(self) -> None:
        self.closed = True
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class CountingFiles(fs.FSSpecHandler):  # type: ignore[misc]
    """Local files, with the bytes that are read counted."""

    def __init__(self) -> None:
        super().__init__(None)
        self.total = [0]

    def get_type_name(self) -> str:
        return "counting"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> Any:
        return fs.LocalFileSystem().get_file_info(paths)

    def open_input_file(self, path: str) -> Any:
        return pa.PythonFile(CountedFile(path, self.total), mode="r")


@pytest.fixture
def wide(tmp_path: Path) -> Iterator[str]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40_000, 8)), columns=[f"c{n}" for n in range(8)])
    frame.insert(0, "at", pd.date_range("2024-01-01", periods=len(frame), freq="min", tz="UTC"))
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=2_000)
    yield str(path)


def read_bytes(uri: str, columns: list[str], after: str | None = None) -> tuple[int, int]:
    handler = CountingFiles()
    table = open_source(ParquetSource(uri, "at", None, ()), fs.PyFileSystem(handler))
    since = None if after is None else datetime.fromisoformat(after).replace(tzinfo=timezone.utc)
    rows = table.read(columns, None if since is None else table.time(">", since))
    return handler.total[0], len(rows)


def test_r3_bytes_read_shrink_when_columns_do(wide: str) -> None:
    everything, _ = read_bytes(wide, [f"c{n}" for n in range(8)])
    one, rows = read_bytes(wide, ["c0"])
    assert rows == 40_000 and one < everything / 4


def test_r3_bytes_read_shrink_when_rows_do(wide: str) -> None:
    columns = ["c0", "c1", "c2"]
    everything, _ = read_bytes(wide, columns)
    few, rows = read_bytes(wide, columns, after="2024-01-27")
    assert 0 < rows < 4_000 and few < everything / 3


def frame(tmp_path: Path) -> str:
    table = pa.table(
        {
            "day": pa.array([19_000, 19_001, 19_002], pa.date32()),
            "ns": pa.array([0, 10**18, 2 * 10**18], pa.timestamp("ns")),
            "city": pa.array(["a", "b", None]).dictionary_encode(),
            "count": pa.array([1, None, 3], pa.int32()),
            "flag": pa.array([True, False, True]),
        }
    )
    pq.write_table(table, tmp_path / "small.parquet")
    return str(tmp_path / "small.parquet")


@pytest.mark.parametrize(
    ("column", "op", "value", "rows"),
    [
        ("day", ">=", "2022-01-09", 2),
        ("day", "in", ["2022-01-08", "2022-01-10"], 2),
        ("ns", ">", "2001-01-01T00:00:00Z", 2),
        ("city", "=", "b", 1),
        ("city", "in", ["a", "b"], 2),
        ("count", "<", 3, 1),
        ("flag", "=", True, 2),
        ("flag", "!=", True, 1),
    ],
)
def test_r3_filters_compare_in_the_columns_own_type(
    tmp_path: Path, column: str, op: str, value: Any, rows: int
) -> None:
    source = ParquetSource(frame(tmp_path), None, None, (RowFilter(column, op, value),))
    assert len(open_source(source).read(["flag"], None)) == rows


def test_a_filter_of_another_type_names_column_and_type(tmp_path: Path) -> None:
    source = ParquetSource(frame(tmp_path), None, None, (RowFilter("count", "<", "many"),))
    with pytest.raises(BadData, match=r"'count'.*int32"):
        open_source(source).read(["flag"], None)


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="one, two; it has: day"):
        open_source(ParquetSource(frame(tmp_path), None, None, ())).read(["one", "flag", "two"], None)


def test_columns_arrive_in_pandas_types(tmp_path: Path) -> None:
    rows = open_source(ParquetSource(frame(tmp_path), None, None, ())).read(["ns", "city", "count"], None)
    assert str(rows["ns"].dtype) == "datetime64[us, UTC]"
    assert str(rows["count"].dtype) == "float64"
    assert rows["city"].iloc[0] == "a" and str(rows["city"].dtype) != "category"


@pytest.mark.parametrize(("op", "rows"), [("<=", 2), (">", 1), ("<", 2), (">=", 1)])
def test_a_date_column_is_compared_with_an_instant_as_midnight(tmp_path: Path, op: str, rows: int) -> None:
    table = open_source(ParquetSource(frame(tmp_path), "day", None, ()))
    noon = datetime(2022, 1, 9, 12, tzinfo=timezone.utc)
    assert table.count(table.time(op, noon)) == rows


def test_a_time_column_of_numbers_is_refused(tmp_path: Path) -> None:
    table = open_source(ParquetSource(frame(tmp_path), "count", None, ()))
    with pytest.raises(BadData, match="date or timestamp"):
        table.time("<=", datetime(2022, 1, 1, tzinfo=timezone.utc))


def test_a_file_that_is_no_parquet_is_bad_data(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(BadData, match="Parquet"):
        open_source(ParquetSource(str(tmp_path / "bad.parquet"), None, None, ()))


def test_a_query_that_fails_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no such table"):
        open_source(SqlSource(f"sqlite:///{tmp_path}/x.db", "select * from flights", None))
