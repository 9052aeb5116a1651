"""Publishes a trained model: one READY logged model per key, wherever an earlier attempt was killed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from modelyard.documents import TrainDocument
from modelyard.failures import NanPredictions, NotAModel, TryAgain
from modelyard.filedigests import file_digest, folder_files, model_digest
from modelyard.manifest import versions
from modelyard.modelfiles import load_model
from modelyard.output import publish_json
from modelyard.registry import KEY_TAG, READY, LoggedModel, Metric, Registry, read_json, upload_checked
from modelyard.scoring import score
from modelyard.usercode import call_user

_RESULT = "training/result.json"
_PARAMS = "params.json"
_OWN_ROWS = "training/own-evaluation.parquet"


@dataclass(frozen=True)
class Made:
    """A model as a training left it: its files in `folder`, in the format `kind`.

    `facts` are those of its rows, `metrics` the training's own.
    """

    folder: Path
    kind: str
    facts: Mapping[str, Any]
    metrics: Mapping[str, float]
    own_rows: pd.DataFrame | None = None


def earlier_result(registry: Registry, document: TrainDocument) -> dict[str, Any] | None:
    """The manifest of the finished model of an earlier attempt; unfinished models are removed."""
    _, store = registry.run_store()
    manifest = read_json(store, _RESULT)
    found: dict[str, Any] | None = None
    for model in registry.models_of(document.key):
        named = manifest is not None and manifest["model"]["loggedModelId"] == model.model_id
        if found is None and model.status == READY and named:
            print(f"an earlier attempt finished {model.model_id}; its result is published again", flush=True)
            found = manifest
        else:
            # Removing it also fences an attempt that still runs: it can no longer finish its model.
            registry.delete_model(model.model_id)
    return found


def open_model(registry: Registry, document: TrainDocument) -> LoggedModel:
    """A logged model that is not READY yet."""
    tags = {
        KEY_TAG: document.key,
        "modelyard.tag": document.tag,
        "modelyard.workflow_id": document.workflow_id,
        "modelyard.definition_digest": document.definition_digest,
        "modelyard.code_digest": document.code.digest,
        "modelyard.code_revision": document.code_revision,
    }
    return registry.create_model(document.tag, tags)


def check_scores(document: TrainDocument, folder: Path, holdout: pd.DataFrame) -> None:
    """Scores the holdout with the model as stored, so that what is published is known to load and to answer."""
    loaded = load_model(folder, document.task, document.allowed_types)
    scores = call_user("predict on the holdout", score, loaded, holdout)
    bad = scores.not_finite()
    if bad:
        raise NanPredictions(
            f"expected finite predictions, got NaN or infinity for {bad} of {len(holdout)} rows of the holdout; "
            "handle missing values in the model"
        )


def store_model(registry: Registry, document: TrainDocument, model: LoggedModel, made: Made) -> dict[str, Any]:
    """Uploads the model and its manifest, marks it READY, and returns the manifest."""
    files = folder_files(made.folder)
    upload_checked(registry.store_of(model), made.folder, files, whole=True)
    if any(other.status == READY for other in registry.models_of(document.key)):
        registry.delete_model(model.model_id)
        raise TryAgain("another attempt of this job finished its model meanwhile; the next one publishes its result")
    result = _result(document, model, made, files)
    run_uri, run_store = registry.run_store()
    beside = made.folder.parent / "run"
    publish_json(beside, _PARAMS, document.params)
    if made.own_rows is not None:
        result["ownEvaluation"] = _write_own_rows(beside / _OWN_ROWS, made.own_rows, run_uri)
    publish_json(beside / "training", "result.json", result)
    # The manifest goes up before the model is READY: a READY model always has its manifest.
    upload_checked(run_store, beside, folder_files(beside), whole=False)
    registry.finish_model(model.model_id)
    return result


def record(registry: Registry, document: TrainDocument, result: dict[str, Any]) -> None:
    """Tells the run about the model. Repeated as a whole by every attempt, from the manifest's fixed values."""
    model_id = str(result["model"]["loggedModelId"])
    registry.log_params(document.params)
    metrics = [Metric(key, float(value), model_id) for key, value in result["metrics"].items()]
    registry.log_metrics(metrics, {"modelyard.model_digest": result["model"]["digest"]})
    registry.log_inputs(result["datasets"])
    registry.log_output(model_id)


def _write_own_rows(file: Path, rows: pd.DataFrame, run_uri: str) -> dict[str, Any]:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        rows.to_parquet(file, index=False)
    except (ValueError, TypeError) as problem:
        raise NotAModel(
            f"expected rows that Parquet can hold as the second value of train, got: {problem}"
        ) from problem
    return {"digest": "sha256:" + file_digest(file), "rows": len(rows), "uri": f"{run_uri}/{_OWN_ROWS}"}


def _result(document: TrainDocument, model: LoggedModel, made: Made, files: list[dict[str, Any]]) -> dict[str, Any]:
    rows = made.facts["rows"]
    return {
        "schema": 1,
        "step": "train",
        "key": document.key,
        "model": {
            "uri": model.uri,
            "loggedModelId": model.model_id,
            "digest": model_digest(files),
            "files": files,
            "format": made.kind,
        },
        **made.facts,
        "metrics": {**made.metrics, "train_rows": rows["train"], "holdout_rows": rows["holdout"]},
        "ownEvaluation": False,
        "codeRevision": document.code_revision,
        "codeDigest": document.code.digest,
        "versions": versions(),
    }
