"""`train`: fits one model and leaves one READY logged model per key, wherever an earlier attempt was killed."""

from __future__ import annotations

import copy
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from modelyard.bootstrap import Job
from modelyard.columns import types_of
from modelyard.digests import content_digest
from modelyard.documents import TrainDocument
from modelyard.durations import instant_text
from modelyard.failures import BadData, NanPredictions, NotAModel, TryAgain
from modelyard.filedigests import file_digest, folder_files, model_digest
from modelyard.holdout import Question, Split, load_split, times_of
from modelyard.manifest import dataset_entry, versions
from modelyard.modelfiles import load_model
from modelyard.output import publish_json
from modelyard.registry import KEY_TAG, READY, LoggedModel, Metric, Registry, read_json, upload_checked
from modelyard.saving import Description, check_model, save_model
from modelyard.scoring import score
from modelyard.sources import open_source
from modelyard.tracking import Tracking
from modelyard.usercode import call_user, import_entry

_RESULT = "training/result.json"
_PARAMS = "params.json"
_OWN_ROWS = "training/own-evaluation.parquet"


@dataclass(frozen=True)
class Fitted:
    model: Any
    own_rows: pd.DataFrame | None
    seconds: float


def run_train(job: Job) -> None:
    """Publishes the result of the training in `job.document`, made now or by an earlier attempt."""
    document = job.document
    assert isinstance(document, TrainDocument) and job.code is not None
    registry = Registry(Tracking.from_environment(), document.registry)
    result = _earlier_result(registry, document) or _train(registry, document, job.code)
    _record(registry, document, result)
    job.publish(result)


def _earlier_result(registry: Registry, document: TrainDocument) -> dict[str, Any] | None:
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


def _train(registry: Registry, document: TrainDocument, code: Path) -> dict[str, Any]:
    split = _load(document)
    fitted = _fit(document, code, split)
    model = registry.create_model(document.tag, _tags(document))
    with tempfile.TemporaryDirectory(prefix="modelyard-train-") as temporary:
        folder = Path(temporary) / "model"
        about = _describe(document, split, model.model_id)
        kind = save_model(fitted.model, folder, code, about, document.allowed_types)
        _check_scores(document, folder, split)
        return _store(registry, document, split, fitted, model, folder, kind)


def _load(document: TrainDocument) -> Split:
    table = open_source(document.source)
    table.require([*document.features, document.label], "of the definition")
    table.require(document.evaluation_columns, "for evaluation.slices and evaluation.cluster")
    split = load_split(table, question_of(document))
    print(
        f"{len(split.train)} training rows, {len(split.holdout)} held out, {split.unlabelled} without a label, "
        f"{split.too_young} too young",
        flush=True,
    )
    needed = max(1, document.min_holdout_rows)
    if len(split.holdout) < needed:
        raise BadData(
            f"expected at least {needed} labelled rows in the holdout, got {len(split.holdout)}; "
            "hold out more, or lower gate.minHoldoutRows"
        )
    if split.train.empty:
        raise BadData(
            "expected training rows before the holdout, got none; check data.window and the holdout's duration"
        )
    _check_labels(document, split.train[document.label])
    return split


def question_of(document: TrainDocument) -> Question:
    return Question(
        document.source, document.features, document.label, document.holdout, document.label_delay, document.cutoff
    )


def _check_labels(document: TrainDocument, labels: pd.Series[Any]) -> None:
    classes = labels.nunique()
    if document.task == "binary-classification" and classes != 2:
        raise BadData(f"label {document.label!r}: expected two classes in the training rows, got {classes}")
    if document.task == "multiclass-classification" and classes < 2:
        raise BadData(f"label {document.label!r}: expected at least two classes in the training rows, got {classes}")
    if document.task == "regression" and not pd.api.types.is_numeric_dtype(labels):
        raise BadData(f"label {document.label!r}: expected numbers for regression, got {labels.dtype}")


def _fit(document: TrainDocument, code: Path, split: Split) -> Fitted:
    assert document.code.entry is not None
    function = import_entry(code, document.code.entry)
    features, labels = split.train[list(document.features)], split.train[document.label]
    started = time.monotonic()
    answer = call_user("train", function, features.copy(), labels.copy(), copy.deepcopy(document.params))
    seconds = round(time.monotonic() - started, 3)
    model, own_rows = _take_apart(answer)
    check_model(model, document.task)
    if own_rows is not None:
        _check_own_rows(document, own_rows)
    return Fitted(model, own_rows, seconds)


def _take_apart(answer: Any) -> tuple[Any, pd.DataFrame | None]:
    if not isinstance(answer, tuple):
        return answer, None
    if len(answer) != 2 or not isinstance(answer[1], pd.DataFrame):
        parts = ", ".join(type(part).__name__ for part in answer)
        raise NotAModel(f"expected train to return a model, or (model, DataFrame), got ({parts})")
    return answer[0], answer[1]


def _check_own_rows(document: TrainDocument, rows: pd.DataFrame) -> None:
    missing = [name for name in (*document.features, document.label) if name not in rows.columns]
    if missing or rows.empty or rows[document.label].isna().any():
        raise NotAModel(
            "expected the second value of train to be rows with the features and a label each, got "
            f"{len(rows)} rows, missing columns: {', '.join(missing) or 'none'}, "
            f"rows without a label: {int(rows[document.label].isna().sum()) if document.label in rows else 'all'}"
        )


def _tags(document: TrainDocument) -> dict[str, str]:
    return {
        KEY_TAG: document.key,
        "modelyard.tag": document.tag,
        "modelyard.workflow_id": document.workflow_id,
        "modelyard.definition_digest": document.definition_digest,
        "modelyard.code_digest": document.code.digest,
        "modelyard.code_revision": document.code_revision,
    }


def _describe(document: TrainDocument, split: Split, model_id: str) -> Description:
    features = split.train[list(document.features)]
    classes: tuple[Any, ...] = ()
    if document.task.endswith("classification"):
        classes = tuple(sorted(split.train[document.label].unique().tolist()))
    return Description(model_id, document.task, types_of(features), classes, features.head(50))


def _check_scores(document: TrainDocument, folder: Path, split: Split) -> None:
    """Scores the holdout with the model as stored, so that what is published is known to load and to answer."""
    loaded = load_model(folder, document.task, document.allowed_types)
    scores = call_user("predict on the holdout", score, loaded, split.holdout)
    bad = scores.not_finite()
    if bad:
        raise NanPredictions(
            f"expected finite predictions, got NaN or infinity for {bad} of {len(split.holdout)} rows of the holdout; "
            "handle missing values in the model"
        )


def _store(
    registry: Registry,
    document: TrainDocument,
    split: Split,
    fitted: Fitted,
    model: LoggedModel,
    folder: Path,
    kind: str,
) -> dict[str, Any]:
    files = folder_files(folder)
    upload_checked(registry.store_of(model), folder, files, whole=True)
    if any(other.status == READY for other in registry.models_of(document.key)):
        registry.delete_model(model.model_id)
        raise TryAgain("another attempt of this job finished its model meanwhile; the next one publishes its result")
    result = _result(document, split, fitted, model, files, kind)
    run_uri, run_store = registry.run_store()
    beside = folder.parent / "run"
    publish_json(beside, _PARAMS, document.params)
    if fitted.own_rows is not None:
        result["ownEvaluation"] = _write_own_rows(beside / _OWN_ROWS, fitted.own_rows, run_uri)
    publish_json(beside / "training", "result.json", result)
    # The manifest goes up before the model is READY: a READY model always has its manifest.
    upload_checked(run_store, beside, folder_files(beside), whole=False)
    registry.finish_model(model.model_id)
    return result


def _write_own_rows(file: Path, rows: pd.DataFrame, run_uri: str) -> dict[str, Any]:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        rows.to_parquet(file, index=False)
    except (ValueError, TypeError) as problem:
        raise NotAModel(
            f"expected rows that Parquet can hold as the second value of train, got: {problem}"
        ) from problem
    return {"digest": "sha256:" + file_digest(file), "rows": len(rows), "uri": f"{run_uri}/{_OWN_ROWS}"}


def _result(
    document: TrainDocument, split: Split, fitted: Fitted, model: LoggedModel, files: list[dict[str, Any]], kind: str
) -> dict[str, Any]:
    time_column = document.source.time_column
    data_digest, holdout_digest = content_digest(split.train), content_digest(split.holdout)
    train_from, _ = times_of(split.train, time_column)
    held_from, held_to = times_of(split.holdout, time_column)
    last = document.holdout_spec.get("kind") == "last"
    until = held_from if last else instant_text(document.cutoff + _TICK) if time_column else None
    return {
        "schema": 1,
        "step": "train",
        "key": document.key,
        "model": {
            "uri": model.uri,
            "loggedModelId": model.model_id,
            "digest": model_digest(files),
            "files": files,
            "format": kind,
        },
        "features": list(document.features),
        "dataDigest": data_digest,
        "rows": {
            "train": len(split.train),
            "holdout": len(split.holdout),
            "unlabelled": split.unlabelled,
            "tooYoung": split.too_young,
        },
        "holdout": {"digest": holdout_digest, "rows": len(split.holdout), "from": held_from, "to": held_to},
        "trainedOn": {
            "from": train_from,
            "until": until,
            "holdout": document.holdout_spec,
            "timeColumn": time_column,
        },
        "datasets": [
            dataset_entry(f"{document.tag} training", data_digest, document.source, split.train, "training"),
            dataset_entry(f"{document.tag} holdout", holdout_digest, document.source, split.holdout, "evaluation"),
        ],
        "metrics": {
            "train_seconds": fitted.seconds,
            "train_rows": len(split.train),
            "holdout_rows": len(split.holdout),
        },
        "ownEvaluation": False,
        "codeRevision": document.code_revision,
        "codeDigest": document.code.digest,
        "versions": versions(),
    }


_TICK = pd.Timedelta(milliseconds=1).to_pytimedelta()


def _record(registry: Registry, document: TrainDocument, result: dict[str, Any]) -> None:
    """Tells the run about the model. Repeated as a whole by every attempt, from the manifest's fixed values."""
    model_id = str(result["model"]["loggedModelId"])
    registry.log_params(document.params)
    metrics = [Metric(key, float(value), model_id) for key, value in result["metrics"].items()]
    registry.log_metrics(metrics, {"modelyard.model_digest": result["model"]["digest"]})
    registry.log_inputs(result["datasets"])
    registry.log_output(model_id)
