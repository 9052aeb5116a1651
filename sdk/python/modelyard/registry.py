"""What a job writes to MLflow: one run, logged models found again by key, metrics, inputs, artifacts."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from modelyard.documents import RegistryRun
from modelyard.failures import BadJob, IntegrityError, TryAgain
from modelyard.filedigests import file_digest
from modelyard.stores import Store, open_store
from modelyard.tracking import Refused, Tracking

KEY_TAG = "modelyard.key"
READY = "LOGGED_MODEL_READY"
_API = "2.0/mlflow"
_NAME = re.compile(r"^[\w.\- /:]{1,250}$")
_PARAM_CHARACTERS = 5_900
_BATCH = 100


@dataclass(frozen=True)
class LoggedModel:
    model_id: str
    uri: str
    status: str
    created: int


@dataclass(frozen=True)
class Metric:
    """One value of the run; `model_id` and `dataset` tie it to a model and to the rows it was measured on."""

    key: str
    value: float
    model_id: str | None = None
    dataset: tuple[str, str] | None = None


class Registry:
    """One MLflow run of one experiment. Every call may be repeated without adding anything."""

    def __init__(self, tracking: Tracking, run: RegistryRun) -> None:
        self._tracking = tracking
        self._run = run

    @cached_property
    def _info(self) -> dict[str, Any]:
        try:
            answer = self._tracking.call("GET", f"{_API}/runs/get", query={"run_id": self._run.run_id})
        except Refused as refused:
            raise BadJob(f"registry.runId: expected a run on {self._tracking.base}, got {refused}") from refused
        return dict(answer["run"]["info"])

    @property
    def started_ms(self) -> int:
        """The run's start: the timestamp of every metric, because a repeat with a new one would add a point."""
        return int(self._info["start_time"])

    def run_store(self) -> tuple[str, Store]:
        """(URI, store) of the run's artifacts."""
        uri = str(self._info["artifact_uri"])
        return uri, open_store(uri, self._tracking)

    def models_of(self, key: str) -> list[LoggedModel]:
        """The logged models made for `key`, oldest first."""
        body = {
            "experiment_ids": [self._run.experiment_id],
            "filter": f"tags.`{KEY_TAG}` = {_quoted(key)}",
            "max_results": 50,
        }
        answer = self._call("POST", "logged-models/search", body)
        found = [_logged_model(item["info"]) for item in answer.get("models", []) if _tags(item).get(KEY_TAG) == key]
        return sorted(found, key=lambda model: (model.created, model.model_id))

    def create_model(self, name: str, tags: Mapping[str, str]) -> LoggedModel:
        body = {
            "experiment_id": self._run.experiment_id,
            "name": name,
            "source_run_id": self._run.run_id,
            "tags": [{"key": key, "value": value} for key, value in sorted(tags.items())],
        }
        # A creation is never repeated; the read before it waits out an outage, so that a finished training is not lost.
        self._tracking.call("GET", f"{_API}/runs/get", query={"run_id": self._run.run_id})
        try:
            answer = self._tracking.call_once("POST", f"{_API}/logged-models", body)
        except Refused as refused:
            raise BadJob(
                f"the registry refused a model in experiment {self._run.experiment_id}: {refused}"
            ) from refused
        return _logged_model(answer["model"]["info"])

    def finish_model(self, model_id: str) -> None:
        """Marks the model READY and reads that back; TryAgain when another attempt removed it meanwhile."""
        body = {"model_id": model_id, "status": READY}
        path = f"{_API}/logged-models/{model_id}"
        try:
            self._tracking.call("PATCH", path, body)
            # MLflow also finishes a deleted model, and says so nowhere but here.
            info = self._tracking.call("GET", path)["model"]["info"]
        except Refused as refused:
            raise TryAgain(f"another attempt of this job replaced {model_id}: {refused}") from refused
        if info.get("status") != READY:
            raise TryAgain(f"expected {model_id} to be READY, got {info.get('status')}")

    def delete_model(self, model_id: str) -> None:
        try:
            self._tracking.call("DELETE", f"{_API}/logged-models/{model_id}")
        except Refused as refused:
            if refused.status != 404:
                raise TryAgain(f"the registry refused to remove {model_id}: {refused}") from refused

    def store_of(self, model: LoggedModel) -> Store:
        return open_store(model.uri, self._tracking)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Every param under its own name, as text or JSON; the whole of them, untruncated, is for params.json."""
        texts = {name: _param_text(value) for name, value in params.items() if _NAME.match(name)}
        for name in sorted(set(params) - set(texts)):
            print(f"param {name[:80]!r} has a name MLflow refuses; it is in params.json only", flush=True)
        for part in _parts(sorted(texts.items()), _BATCH):
            body = {"params": [{"key": key, "value": value} for key, value in part]}
            try:
                self._log_batch(body)
            except Refused as refused:
                if "Changing param values" not in refused.message:
                    raise TryAgain(f"the registry refused params: {refused}") from refused
                print(f"params were logged before with other values; params.json has these: {refused.message[:300]}")

    def log_metrics(self, metrics: Iterable[Metric], tags: Mapping[str, str] | None = None) -> None:
        entries = [self._metric(item) for item in sorted(metrics, key=lambda item: item.key) if _NAME.match(item.key)]
        parts = list(_parts(entries, 900)) or [[]]
        for n, part in enumerate(parts):
            sent_tags = [{"key": k, "value": v[:8_000]} for k, v in sorted((tags or {}).items())] if n == 0 else []
            try:
                self._log_batch({"metrics": part, "tags": sent_tags})
            except Refused as refused:
                raise TryAgain(f"the registry refused metrics: {refused}") from refused

    def log_inputs(self, datasets: Sequence[Mapping[str, Any]]) -> None:
        """Datasets as a manifest describes them: {name, digest, sourceType, source, schema, profile, context}."""
        entries = [
            {
                "tags": [{"key": "mlflow.data.context", "value": item["context"]}],
                "dataset": {
                    "name": item["name"],
                    "digest": item["digest"],
                    "source_type": item["sourceType"],
                    "source": item["source"],
                    "schema": item["schema"],
                    "profile": item["profile"],
                },
            }
            for item in datasets
        ]
        self._call("POST", "runs/log-inputs", {"run_id": self._run.run_id, "datasets": entries})

    def log_output(self, model_id: str) -> None:
        body = {"run_id": self._run.run_id, "models": [{"model_id": model_id, "step": 0}]}
        try:
            self._tracking.call("POST", f"{_API}/runs/outputs", body)
        except Refused as refused:
            # A repeat is refused as a violated unique constraint, which means that the output is there.
            if "UNIQUE" not in refused.message.upper() and "Integrity" not in refused.message:
                raise TryAgain(f"the registry refused the run's output: {refused}") from refused

    def _metric(self, item: Metric) -> dict[str, Any]:
        value: Any = item.value if math.isfinite(item.value) else "NaN"
        entry = {"key": item.key, "value": value, "timestamp": self.started_ms, "step": 0}
        if item.model_id is not None:
            entry["model_id"] = item.model_id
        if item.dataset is not None:
            entry["dataset_name"], entry["dataset_digest"] = item.dataset
        return entry

    def _log_batch(self, body: Mapping[str, Any]) -> None:
        self._tracking.call("POST", f"{_API}/runs/log-batch", {"run_id": self._run.run_id, **body})

    def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        try:
            return self._tracking.call(method, f"{_API}/{path}", body)
        except Refused as refused:
            raise TryAgain(f"the registry refused {path}: {refused}") from refused


def upload_checked(store: Store, folder: Path, files: Sequence[Mapping[str, Any]], whole: bool) -> None:
    """Uploads `files` ({path, sha256}) of `folder` and reads them back; `whole`: the store may hold nothing else.

    IntegrityError when what the store has differs from what was sent.
    """
    for file in files:
        store.upload(file["path"], folder / file["path"])
    if whole:
        expected, got = sorted(file["path"] for file in files), store.files()
        if expected != got:
            raise TryAgain(f"after the upload: expected the files {expected} in the store, got {got}")
    with tempfile.TemporaryDirectory(prefix="modelyard-readback-") as temporary:
        for file in files:
            copy = Path(temporary) / "file"
            store.download(file["path"], copy)
            if file_digest(copy) != file["sha256"]:
                raise TryAgain(f"after the upload: {file['path']} reads back with other content than was sent")


def read_json(store: Store, path: str) -> Any:
    """The JSON file `path` of a store; None when it is not there or is no JSON."""
    with tempfile.TemporaryDirectory(prefix="modelyard-read-") as temporary:
        copy = Path(temporary) / "file.json"
        try:
            store.download(path, copy)
            return json.loads(copy.read_text(encoding="utf-8"))
        except (IntegrityError, ValueError):
            return None


def model_id_of(uri: str) -> str | None:
    """The logged model's id in the URI of its artifacts."""
    match = re.search(r"/models/(m-[0-9a-f]+)/artifacts", uri)
    return match.group(1) if match else None


def _logged_model(info: Mapping[str, Any]) -> LoggedModel:
    return LoggedModel(
        str(info["model_id"]),
        str(info["artifact_uri"]),
        str(info.get("status", "")),
        int(info.get("creation_timestamp_ms", 0)),
    )


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in item["info"].get("tags", [])}


def _quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


def _param_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _PARAM_CHARACTERS else text[:_PARAM_CHARACTERS] + " … (whole in params.json)"


def _parts(items: Sequence[Any], size: int) -> Iterable[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
