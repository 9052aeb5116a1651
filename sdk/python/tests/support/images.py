"""A job whose code is an image: what runs around the image, and what images leave."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.jobs import Bench, Outcome

IMAGE = {"image": "registry.example.com/sample@sha256:" + "a" * 64}
# What a models-from-code image writes: the chance grows with x.
CODE = """
import mlflow
import numpy as np


class Rising(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return 1 / (1 + np.exp(-model_input["x"].to_numpy()))


mlflow.models.set_model(Rising())
"""


@dataclass
class ImageJob:
    """The folders of one pod; the image itself is whatever a test writes into `trained`."""

    bench: Bench
    document: dict[str, Any]
    folder: Path

    @property
    def rows(self) -> Path:
        return self.folder / "rows"

    @property
    def kept(self) -> Path:
        return self.folder / "kept"

    @property
    def trained(self) -> Path:
        return self.folder / "trained"

    def prepare(self) -> Outcome:
        return self._run("prepare")

    def publish(self) -> Outcome:
        return self._run("publish")

    def _run(self, step: str) -> Outcome:
        for name, folder in (("ROWS", self.rows), ("KEPT", self.kept), ("TRAINED", self.trained)):
            self.bench.monkeypatch.setenv(f"MODELYARD_{name}", str(folder))
        return self.bench.run(self.document, step)


def image_job(bench: Bench, **changes: Any) -> ImageJob:
    document = bench.train_document(IMAGE, **changes)
    folder = bench.folder / document["key"].replace("/", "-")
    (folder / "trained").mkdir(parents=True)
    return ImageJob(bench, document, folder)


def write_mlmodel(folder: Path, features: list[str], **changes: Any) -> Path:
    """`folder`/model with an MLmodel for an ONNX file, but for what `changes` of its fields says."""
    model = folder / "model"
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir()
    inputs = [{"type": "double", "name": name, "required": True} for name in features]
    value = {
        "flavors": {"onnx": {"data": "model.onnx"}, "python_function": {"loader_module": "mlflow.onnx"}},
        "signature": {"inputs": json.dumps(inputs)},
        **changes,
    }
    (model / "MLmodel").write_text(json.dumps(value))
    return model


def write_code_model(folder: Path, features: list[str], code: str = CODE, **changes: Any) -> Path:
    """`folder`/model with a model that is code."""
    function = {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "model.py"}
    model = write_mlmodel(folder, features, **{"flavors": {"python_function": function}, **changes})
    (model / "model.py").write_text(code)
    return model
