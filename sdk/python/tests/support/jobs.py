"""Makes data, code archives and job documents, and runs jobs in this process or in one of their own."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelyard.__main__ import main
from modelyard.documents import RegistryRun
from modelyard.registry import Registry
from modelyard.tracking import Tracking

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
FEATURES = ["x", "n", "carrier"]
LOGREG = """
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    def train(features, labels, params):
        encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["carrier"]), remainder="passthrough")
        return make_pipeline(encode, LogisticRegression(C=params.get("C", 1.0))).fit(features, labels)
"""
_numbers = itertools.count()


def sample_rows(days: int = 30, per_day: int = 20, seed: int = 0) -> pd.DataFrame:
    """`days` of rows from 2024-01-01; the label depends on x and on the carrier."""
    rng = np.random.default_rng(seed)
    count = days * per_day
    minutes = np.repeat(np.arange(days) * 1440, per_day) + np.tile(np.arange(per_day) * 60, days)
    x = rng.normal(size=count)
    carrier = rng.choice(["AA", "BB", "CC"], size=count)
    chance = 1 / (1 + np.exp(-(1.5 * x + (carrier == "AA"))))
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(minutes, unit="min"),
            "id": np.arange(count),
            "x": x,
            "n": rng.integers(0, 9, size=count).astype("int16"),
            "carrier": carrier,
            "label": (rng.random(count) < chance).astype("int8"),
            "target": 3 * x + rng.normal(size=count),
        }
    )


@dataclass
class Outcome:
    code: int
    output: Path

    @property
    def result(self) -> Any:
        return json.loads((self.output / "result.json").read_text())

    @property
    def failure(self) -> Any:
        return json.loads((self.output / "failure.json").read_text())


@dataclass
class Bench:
    """One test's place: data, code and jobs against a real MLflow server."""

    folder: Path
    address: str
    monkeypatch: pytest.MonkeyPatch

    @property
    def tracking(self) -> Tracking:
        return Tracking(self.address, {})

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def write_rows(self, rows: pd.DataFrame, name: str = "rows.parquet") -> str:
        rows.to_parquet(self.folder / name, index=False)
        return str(self.folder / name)

    def pack(self, text: str, entry: str = "train", **more: str) -> dict[str, Any]:
        """A code archive in the artifact store whose module has a name of its own."""
        module = f"user_code_{os.getpid()}_{next(_numbers)}"
        files = {f"{module}.py": text, **more}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in files.items():
                data = textwrap.dedent(content).encode()
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        packed = self.folder / f"{digest}.tar.gz"
        packed.write_bytes(buffer.getvalue())
        path = f"modelyard/code/{digest}.tar.gz"
        self.tracking.upload(path, packed)
        return {"uri": f"mlflow-artifacts:/{path}", "digest": f"sha256:{digest}", "entry": f"{module}.py:{entry}"}

    def open_run(self) -> dict[str, str]:
        created = self.tracking.call(
            "POST", "2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1_700_000_000_000}
        )
        return {"experimentId": "0", "runId": created["run"]["info"]["run_id"]}

    def registry(self, run: dict[str, str]) -> Registry:
        return Registry(self.tracking, RegistryRun(run["experimentId"], run["runId"]))

    def run_data(self, run: dict[str, str]) -> Any:
        return self.tracking.call("GET", "2.0/mlflow/runs/get", query={"run_id": run["runId"]})["run"]

    def train_document(self, code: str | dict[str, Any] = LOGREG, **changes: Any) -> dict[str, Any]:
        number = next(_numbers)
        document = {
            "schema": 1,
            "step": "train",
            "key": f"retrain/sample/{os.getpid()}-{number}/train/1",
            "tag": "sample",
            "task": "binary-classification",
            "workflowId": f"retrain/sample/{number}",
            "definitionDigest": "sha256:" + "1" * 64,
            "codeRevision": "abc",
            "code": self.pack(code) if isinstance(code, str) else code,
            "data": {"kind": "parquet", "uri": str(self.folder / "rows.parquet"), "timeColumn": "at"},
            "features": FEATURES,
            "label": "label",
            "holdout": {"kind": "last", "duration": "7d"},
            "labelDelay": "0s",
            "cutoff": "2024-01-31T00:00:00Z",
            "minHoldoutRows": 1,
            "params": {},
            "registry": self.open_run(),
            "allowedTypes": [],
            "evaluationColumns": [],
        }
        return {**document, **changes}

    def evaluate_document(
        self, train: dict[str, Any], candidate: Any, incumbent: Any = None, **changes: Any
    ) -> dict[str, Any]:
        keys = ("schema", "tag", "task", "workflowId", "data", "features", "label", "labelDelay", "cutoff", "holdout")
        document = {
            **{key: train[key] for key in keys},
            "step": "evaluate",
            "key": f"evaluate/{next(_numbers)}",
            "code": {**train["code"], "entry": None},
            "slices": [],
            "cluster": [],
            "confidences": [0.9, 0.95],
            "candidate": model_ref(candidate, "sample/2"),
            "incumbent": None if incumbent is None else model_ref(incumbent, "sample/1"),
            "ownEvaluation": None,
            "registry": train["registry"],
            "allowedTypes": [],
            "seed": 0,
        }
        return {**document, **changes}

    def environment(self, document: Any) -> dict[str, str]:
        output = self.folder / f"output-{next(_numbers)}"
        output.mkdir()
        (output / "in.json").write_text(json.dumps(document))
        return {
            "MODELYARD_INPUT": str(output / "in.json"),
            "MODELYARD_OUTPUT": str(output),
            "MODELYARD_HOME": str(self.home),
            "MLFLOW_TRACKING_URI": self.address,
        }

    def run(self, document: dict[str, Any], step: str | None = None) -> Outcome:
        """Runs the job in this process; `step` where it is not the document's."""
        for name, value in (environment := self.environment(document)).items():
            self.monkeypatch.setenv(name, value)
        path, modules = list(sys.path), set(sys.modules)
        try:
            code = main([step or document["step"]])
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                # A job of its own process leaves nothing behind that the next one could import.
                if name.startswith("user_code_") or self._brought(sys.modules[name]):
                    del sys.modules[name]
        return Outcome(code, Path(environment["MODELYARD_OUTPUT"]))

    def _brought(self, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and Path(file).resolve().is_relative_to(self.folder.resolve())

    def start(self, document: dict[str, Any]) -> tuple[subprocess.Popen[str], Path]:
        """Starts the job as a process of its own."""
        environment = self.environment(document)
        process = subprocess.Popen(
            [sys.executable, "-m", "modelyard", document["step"]],
            env={**os.environ, **environment, "PYTHONPATH": str(PACKAGE_PARENT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return process, Path(environment["MODELYARD_OUTPUT"])


def model_ref(result: dict[str, Any], model_id: str) -> dict[str, Any]:
    return {
        "modelId": model_id,
        "uri": result["model"]["uri"],
        "digest": result["model"]["digest"],
        "features": result["features"],
        "trainedOn": result["trainedOn"],
    }
