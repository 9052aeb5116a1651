"""Reads the bodies MLflow's scoring protocol knows into a table."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd

FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")


class BadPayload(Exception):
    """A body that cannot be scored; `status` is the HTTP status to answer with."""

    def __init__(self, message: str, status: int = 400, code: str = "BadPayload") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def read_payload(body: bytes, content_type: str, columns: list[str], kinds: dict[str, str]) -> pd.DataFrame:
    """The rows of a request. `columns`: the model's own, for forms without names; `kinds`: their types, for CSV."""
    media, _, parameters = content_type.partition(";")
    media = media.strip().lower()
    if "charset" in parameters.lower() and "utf-8" not in parameters.lower():
        raise BadPayload(f"expected the charset utf-8, got {parameters.strip()}", 415, "UnsupportedMediaType")
    if media == "application/json":
        return _json_rows(body, columns)
    if media in ("text/csv", "application/csv"):
        return _csv_rows(body, kinds)
    raise BadPayload(f"expected application/json or text/csv, got {media or 'nothing'}", 415, "UnsupportedMediaType")


def _json_rows(body: bytes, columns: list[str]) -> pd.DataFrame:
    try:
        value = json.loads(body)
    except ValueError as problem:
        raise BadPayload(f"expected a JSON body, got: {problem}") from None
    forms = [form for form in FORMS if isinstance(value, dict) and form in value]
    if len(forms) != 1:
        came = ", ".join(list(value)[:5]) if isinstance(value, dict) else type(value).__name__
        raise BadPayload(f"expected an object with exactly one of {', '.join(FORMS)}, got {came or 'an empty object'}")
    content = value[forms[0]]
    if forms[0] == "dataframe_split":
        return _split(content)
    if forms[0] == "dataframe_records":
        return _records(content, "dataframe_records")
    return _tensor(content, forms[0], columns)


def _split(content: Any) -> pd.DataFrame:
    if not isinstance(content, dict) or not isinstance(content.get("columns"), list):
        raise BadPayload("dataframe_split: expected {columns: [...], data: [[...], ...]}")
    return _table(content.get("data"), content["columns"], "dataframe_split.data")


def _records(content: Any, form: str) -> pd.DataFrame:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise BadPayload(f"{form}: expected a list of objects")
    names = list(dict.fromkeys(name for row in content for name in row))
    return _frame({name: [row.get(name) for row in content] for name in names}, len(content))


def _tensor(content: Any, form: str, columns: list[str]) -> pd.DataFrame:
    if isinstance(content, dict):
        lists = {str(name): value if isinstance(value, list) else [value] for name, value in content.items()}
        sizes = {len(value) for value in lists.values()}
        if len(sizes) != 1:
            raise BadPayload(f"{form}: expected columns of one length, got lengths {sorted(sizes)}")
        return _frame(lists, sizes.pop())
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _records(content, form)
    return _table(content, columns, form)


def _table(data: Any, names: list[Any], where: str) -> pd.DataFrame:
    if len(set(map(str, names))) != len(names):
        raise BadPayload(f"{where}: expected each column once")
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise BadPayload(f"{where}: expected a list of rows, each a list of values")
    wrong = next((n for n, row in enumerate(data) if len(row) != len(names)), None)
    if wrong is not None:
        raise BadPayload(f"{where}[{wrong}]: expected {len(names)} values, got {len(data[wrong])}")
    return _frame({str(name): [row[n] for row in data] for n, name in enumerate(names)}, len(data))


def _frame(columns: dict[str, list[Any]], rows: int) -> pd.DataFrame:
    return pd.DataFrame({name: _series(values) for name, values in columns.items()}, index=range(rows))


def _series(values: list[Any]) -> pd.Series[Any]:
    # Of type object, so that a mix of types is seen rather than converted before it is checked.
    return pd.Series(values, dtype=object, index=range(len(values)))


def _csv_rows(body: bytes, kinds: dict[str, str]) -> pd.DataFrame:
    try:
        texts = {name: str for name, kind in kinds.items() if kind in ("string", "timestamp", "date")}
        return pd.read_csv(io.BytesIO(body), dtype=texts, encoding="utf-8")
    except (ValueError, UnicodeDecodeError) as problem:
        raise BadPayload(f"expected CSV with a header line, got: {problem}") from None
