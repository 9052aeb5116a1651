"""What passes from `prepare` to the image that trains, and past it to `publish`."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from modelyard.columns import Types, frame_of, types_of
from modelyard.documents import TrainDocument
from modelyard.durations import instant_text
from modelyard.failures import BadData, BadJob
from modelyard.holdout import Split
from modelyard.output import publish_json
from modelyard.scoring import plain
from modelyard.trainingrows import classes_of, facts_of

_CSV, _PARQUET = "train.csv", "train.parquet"
_HOLDOUT, _FACTS = "holdout.parquet", "facts.json"


@dataclass(frozen=True)
class Kept:
    """What `publish` needs of the rows, from where the image could not write."""

    facts: dict[str, Any]
    types: Types
    classes: tuple[Any, ...]
    holdout: pd.DataFrame
    prepared_at: float


def folder_of(variable: str) -> Path:
    """The folder a variable names; BadJob when it is not set."""
    given = os.environ.get(variable)
    if not given:
        raise BadJob(f"{variable}: expected a folder, got nothing; it is set for the jobs of an image")
    return Path(given).absolute()


def give_rows(folder: Path, document: TrainDocument, split: Split) -> None:
    """Writes the training rows, as CSV and as Parquet, and the image's own document beside them."""
    columns = [*document.features, document.label]
    rows = split.train[columns]
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    pq.write_table(table, folder / _PARQUET)
    _write_csv(rows, folder / _CSV)
    kinds = types_of(rows)
    described = [{"name": name, "type": kinds[name]} for name in columns]
    value = {
        "schema": 1,
        "step": "train",
        "key": document.key,
        "tag": document.tag,
        "task": document.task,
        "cutoff": instant_text(document.cutoff),
        "features": described[:-1],
        "label": {**described[-1], "classes": [plain(label) for label in classes_of(document, split)]},
        "params": document.params,
        "rows": {"count": len(rows), "csv": _CSV, "parquet": _PARQUET},
    }
    publish_json(folder, "input.json", value)


def keep(folder: Path, document: TrainDocument, split: Split) -> dict[str, Any]:
    """Writes the holdout and what a result says of the rows, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(split.holdout, preserve_index=False), folder / _HOLDOUT)
    facts = facts_of(document, split)
    value = {
        "key": document.key,
        "facts": facts,
        "types": types_of(split.train[list(document.features)]),
        "classes": [plain(label) for label in classes_of(document, split)],
        "preparedAt": time.time(),
    }
    publish_json(folder, _FACTS, value)
    return facts


def kept_in(folder: Path, document: TrainDocument) -> Kept:
    """What `keep` wrote for this job; BadJob when it is another's, or not there."""
    try:
        value = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        holdout = frame_of(pq.read_table(folder / _HOLDOUT))
    except (OSError, ValueError) as problem:
        raise BadJob(f"MODELYARD_KEPT: expected what `prepare` kept in {folder}, got: {problem}") from problem
    if value["key"] != document.key:
        raise BadJob(f"MODELYARD_KEPT: expected what `prepare` kept for {document.key}, got that of {value['key']}")
    return Kept(value["facts"], value["types"], tuple(value["classes"]), holdout, value["preparedAt"])


def _write_csv(rows: pd.DataFrame, file: Path) -> None:
    """A header, RFC 4180 quotes, empty for null, true and false, ISO-8601 instants in UTC."""
    times = {name: _iso(rows[name]) for name, kind in types_of(rows).items() if kind == "timestamp"}
    try:
        table = pa.Table.from_pandas(rows.assign(**times), preserve_index=False)
        pa.csv.write_csv(table, file, pa.csv.WriteOptions(quoting_style="needed"))
    except pa.ArrowException as problem:
        raise BadData(f"expected columns that CSV can hold for an image to train on, got: {problem}") from problem


def _iso(series: pd.Series[Any]) -> Any:
    return series.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
