"""`evaluate`: one holdout, two models, the evidence for the gate."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from modelyard.bootstrap import Job, home_folder
from modelyard.columns import ColumnMismatch, conform, frame_of
from modelyard.digests import content_digest
from modelyard.documents import EvaluateDocument, ModelRef, StoredRows
from modelyard.evaluation import Evaluated, Plan, check_own, metric_rows
from modelyard.failures import BadData, IntegrityError
from modelyard.filedigests import file_digest, folder_files
from modelyard.holdout import Question, load_holdout, times_of, trained_on_mask
from modelyard.manifest import dataset_entry
from modelyard.modelcache import obtain_model
from modelyard.modelfiles import load_model
from modelyard.output import publish_json
from modelyard.registry import Metric, Registry, model_id_of, upload_checked
from modelyard.scoring import LoadedModel, Scores, score_features
from modelyard.sources import open_source
from modelyard.stores import fetch_file
from modelyard.tracking import Tracking
from modelyard.usercode import call_user, import_entry


@dataclass(frozen=True)
class Measured:
    """What one model gave on the rows; `digest` is of the rows it was really given."""

    scores: Scores
    own: Any
    digest: str


def run_evaluate(job: Job) -> None:
    """Publishes the evidence for `job.document`."""
    document = job.document
    assert isinstance(document, EvaluateDocument)
    registry = Registry(Tracking.from_environment(), document.registry)
    evaluate = _own_function(document, job.code)
    rows = _rows(document)
    measured = _measure(document, document.candidate, rows, evaluate)
    against = None
    if document.incumbent is not None and _can_score(document.incumbent, rows):
        against = _measure(document, document.incumbent, rows, evaluate)
    result, evaluated = _evidence(document, rows, measured, against)
    with tempfile.TemporaryDirectory(prefix="modelyard-evaluate-") as temporary:
        folder = Path(temporary)
        result["figures"] = _figures(folder / "evaluation", document, evaluated)
        publish_json(folder / "evaluation", "evidence.json", result)
        upload_checked(registry.run_store()[1], folder, folder_files(folder), whole=False)
    _record(registry, document, rows, result)
    job.publish(result)


def _own_function(document: EvaluateDocument, folder: Path | None) -> Callable[..., Any] | None:
    if document.code is None or document.code.entry is None or folder is None:
        return None
    return import_entry(folder, document.code.entry)


def _used_columns(document: EvaluateDocument) -> list[str]:
    models = [document.candidate, *filter(None, [document.incumbent])]
    return list(dict.fromkeys([name for model in models for name in model.features]))


def _rows(document: EvaluateDocument) -> pd.DataFrame:
    rows = _own_rows(document.own_evaluation, document) if document.own_evaluation else _holdout_rows(document)
    if rows.empty:
        raise BadData("expected labelled rows in the holdout, got none; check the holdout's span and the cut-off")
    print(f"{len(rows)} rows to score", flush=True)
    return rows


def _holdout_rows(document: EvaluateDocument) -> pd.DataFrame:
    question = Question(
        document.source, document.features, document.label, document.holdout, document.label_delay, document.cutoff
    )
    extra = [*_used_columns(document), *document.slices, *document.cluster, *_holdout_keys(document)]
    return load_holdout(open_source(document.source), question, extra)


def _holdout_keys(document: EvaluateDocument) -> list[str]:
    """The columns that decide which rows a model was trained on, when it held out a fraction."""
    models = [document.candidate, *filter(None, [document.incumbent])]
    specs = [model.trained_on.holdout for model in models if model.trained_on is not None]
    return [name for spec in specs for name in getattr(spec, "key", ())]


def _own_rows(stored: StoredRows, document: EvaluateDocument) -> pd.DataFrame:
    with tempfile.TemporaryDirectory(prefix="modelyard-own-") as temporary:
        copy = Path(temporary) / "rows.parquet"
        fetch_file(stored.uri, copy)
        got = "sha256:" + file_digest(copy)
        if got != stored.digest:
            raise IntegrityError(f"the evaluation rows at {stored.uri}: expected digest {stored.digest}, got {got}")
        rows = frame_of(pq.read_table(copy))
    needed = [name for name in (*document.candidate.features, document.label) if name not in rows.columns]
    if needed:
        raise BadData(f"the evaluation rows that train returned lack columns: {', '.join(needed)}")
    return rows


def _can_score(model: ModelRef, rows: pd.DataFrame) -> bool:
    missing = [name for name in model.features if name not in rows.columns]
    if missing:
        print(f"{model.model_id} is not scored: the rows lack its columns {', '.join(missing)}", flush=True)
    return not missing


def _measure(
    document: EvaluateDocument, ref: ModelRef, rows: pd.DataFrame, evaluate: Callable[..., Any] | None
) -> Measured:
    folder = obtain_model(ref.uri, ref.digest, home_folder())
    model = load_model(folder, document.task, document.allowed_types)
    features = _features(model, ref, rows)
    scores = call_user(f"predict of {ref.model_id}", score_features, model, features)
    own = None
    if evaluate is not None:
        labels = rows[document.label].copy()
        own = check_own(call_user("evaluate", evaluate, model.predictor, features.copy(), labels), len(rows))
    used = [name for name in _used_columns(document) if name in rows.columns]
    return Measured(scores, own, content_digest(rows[[*used, document.label]]))


def _features(model: LoadedModel, ref: ModelRef, rows: pd.DataFrame) -> pd.DataFrame:
    try:
        return conform(rows, model.types or dict.fromkeys(ref.features, "object"))
    except ColumnMismatch as mismatch:
        raise BadData(f"the data does not fit {ref.model_id}: {mismatch}") from mismatch


def _evidence(
    document: EvaluateDocument, rows: pd.DataFrame, candidate: Measured, incumbent: Measured | None
) -> tuple[dict[str, Any], Evaluated]:
    evaluated = Evaluated(
        rows,
        document.label,
        document.task,
        candidate.scores,
        None if incumbent is None else incumbent.scores,
        candidate.own,
        None if incumbent is None else incumbent.own,
    )
    plan = Plan(document.slices, document.cluster, document.confidences, document.seed)
    result = {
        "schema": 1,
        "step": "evaluate",
        "key": document.key,
        "candidate": document.candidate.model_id,
        "incumbent": document.incumbent and document.incumbent.model_id,
        "holdout": _holdout_json(document, rows, candidate),
        "incumbentHoldout": incumbent and _holdout_json(document, rows, incumbent),
        "incumbentTrainedOnRows": _trained_on_rows(document, document.incumbent, rows),
        "candidateTrainedOnRows": _trained_on_rows(document, document.candidate, rows),
        "ownEvaluation": document.own_evaluation is not None,
        "metrics": metric_rows(evaluated, plan),
        "figures": [],
    }
    return result, evaluated


def _holdout_json(document: EvaluateDocument, rows: pd.DataFrame, measured: Measured) -> dict[str, Any]:
    first, last = times_of(rows, document.source.time_column)
    return {"digest": measured.digest, "rows": len(rows), "from": first, "to": last}


def _trained_on_rows(document: EvaluateDocument, model: ModelRef | None, rows: pd.DataFrame) -> int:
    if model is None or model.trained_on is None or document.own_evaluation is not None:
        return 0
    time = [model.trained_on.time_column] if model.trained_on.time_column else []
    columns = [*model.features, document.label, *time]
    return int(trained_on_mask(rows, model.trained_on, columns).sum())


def _figures(folder: Path, document: EvaluateDocument, what: Evaluated) -> list[str]:
    models = {document.candidate.model_id: what.candidate}
    if document.incumbent is not None and what.incumbent is not None:
        models[f"{document.incumbent.model_id} (incumbent)"] = what.incumbent
    if document.task == "custom" or any(scores.not_finite() for scores in models.values()):
        return []
    from modelyard.figures import draw

    return [f"evaluation/{name}" for name in draw(folder, document.task, np.asarray(what.rows[what.label]), models)]


def _record(registry: Registry, document: EvaluateDocument, rows: pd.DataFrame, result: dict[str, Any]) -> None:
    used = [name for name in _used_columns(document) if name in rows.columns]
    dataset = dataset_entry(
        f"{document.tag} holdout",
        result["holdout"]["digest"],
        document.source,
        rows[[*used, document.label]],
        "evaluation",
    )
    registry.log_inputs([dataset])
    registry.log_metrics(_metrics(document, result["metrics"], (dataset["name"], dataset["digest"])))


def _metrics(document: EvaluateDocument, rows: Sequence[dict[str, Any]], dataset: tuple[str, str]) -> list[Metric]:
    """The candidate's metrics under their names, tied to its model; the incumbent's and the differences beside them."""
    model_id = model_id_of(document.candidate.uri)
    found: list[Metric] = []
    for row in rows:
        name = row["name"] if row["slice"] is None else f"{row['name']}/{_metric_name(row['slice'])}"
        found.append(Metric(name, float(row["candidate"]), model_id, dataset))
        for prefix in ("incumbent", "difference"):
            if row[prefix] is not None:
                found.append(Metric(f"{prefix}/{name}", float(row[prefix]), None, dataset))
    return found


def _metric_name(slice_name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "._- :" else "." if c == "=" else "_" for c in slice_name)
    return kept[:200].strip(" .")
