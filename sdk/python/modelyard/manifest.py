"""The result manifest of a training and the data sets a run names."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pandas as pd

from modelyard.columns import types_of
from modelyard.documents import ParquetSource, Source

DIGEST_CHARACTERS = 32


def short_digest(digest: str) -> str:
    """MLflow keeps at most 36 characters of a data set's digest."""
    return digest.removeprefix("sha256:")[:DIGEST_CHARACTERS]


def dataset_entry(name: str, digest: str, source: Source, rows: pd.DataFrame, context: str) -> dict[str, Any]:
    """A data set as MLflow's runs/log-inputs takes it. `context` is 'training' or 'evaluation'."""
    columns = [{"name": column, "type": kind} for column, kind in types_of(rows).items()]
    return {
        "name": name[:500],
        "digest": short_digest(digest),
        "sourceType": "parquet" if isinstance(source, ParquetSource) else "sql",
        "source": json.dumps(_source_json(source)),
        "schema": json.dumps({"mlflow_colspec": columns}),
        "profile": json.dumps({"num_rows": len(rows), "num_elements": int(rows.size)}),
        "context": context,
    }


def _source_json(source: Source) -> Mapping[str, Any]:
    if isinstance(source, ParquetSource):
        return {"uri": source.uri}
    return {"connection": re.sub(r"//[^@/]*@", "//***@", source.connection), "query": source.query}


def versions() -> dict[str, str]:
    """The versions a model depends on."""
    names = ("mlflow", "scikit-learn", "skops", "pandas", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
