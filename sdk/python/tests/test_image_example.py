"""examples/image as it stands: a training without Python, on a year of flights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelyard.modelfiles import load_model
from modelyard.scoring import score
from modelyard.stores import open_store
from tests.support.hosts import start_dedicated
from tests.support.images import ImageJob, image_job
from tests.support.jobs import PACKAGE_PARENT, Bench

EXAMPLES = PACKAGE_PARENT.parents[1] / "examples"
NODE = PACKAGE_PARENT.parents[1] / "node_modules" / ".bin" / "node"


@pytest.fixture(scope="session")
def flights() -> Path:
    """The year of flights that the examples train on, made unless it is there."""
    file = EXAMPLES / "flights" / "data" / "flights.parquet"
    subprocess.run([sys.executable, str(EXAMPLES / "flights" / "prepare.py"), str(file)], check=True)
    return file


@pytest.fixture
def definition(flights: Path) -> dict[str, Any]:
    training: dict[str, Any] = json.loads((EXAMPLES / "image" / "modelyard.json").read_text())["training"]
    data = {**training["data"], "uri": str(flights)}
    return {**{name: training[name] for name in ("features", "label", "holdout", "params")}, "data": data}


def run_image(job: ImageJob) -> subprocess.CompletedProcess[str]:
    """The image's program, with nothing but what a pod gives it."""
    environment = {
        "PATH": os.environ["PATH"],
        "MODELYARD_STEP": "train",
        "MODELYARD_INPUT": str(job.rows / "input.json"),
        "MODELYARD_OUTPUT": str(job.trained),
    }
    command = [str(NODE), str(EXAMPLES / "image" / "train.ts")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_example_trains_a_model_that_is_evaluated_and_served(
    bench: Bench, definition: dict[str, Any], flights: Path, tmp_path: Path
) -> None:
    job = image_job(bench, **definition, cutoff="2013-05-20T00:00:00Z", minHoldoutRows=1_000)
    assert job.prepare().code == 0
    trained = run_image(job)
    assert trained.returncode == 0, trained.stderr
    outcome = job.publish()
    assert outcome.code == 0, outcome.failure
    result = outcome.result
    assert result["model"]["format"] == "onnx"
    assert 0.2 < result["metrics"]["training_log_loss"] < 0.6
    evaluated = bench.run(bench.evaluate_document(job.document, result))
    assert evaluated.code == 0, evaluated.failure
    assert auc(evaluated.result) > 0.7
    assert loads_in_mlflow(bench, result, tmp_path)
    assert log_loss_of(job) == pytest.approx(result["metrics"]["training_log_loss"], rel=1e-4)
    answers_like_its_training(bench, result, pd.read_parquet(job.kept / "holdout.parquet"))


def auc(evidence: dict[str, Any]) -> float:
    [value] = [row["candidate"] for row in evidence["metrics"] if (row["name"], row["slice"]) == ("auc", None)]
    return float(value)


def log_loss_of(job: ImageJob) -> float:
    """What the stored graph gives on the rows it was fitted on, to compare with what its program reckoned."""
    rows = pd.read_parquet(job.rows / "train.parquet")
    chance = np.asarray(score(load_model(job.trained / "model", "regression", []), rows).values)
    return float(-np.log(np.where(rows["label"] == 1, chance, 1 - chance)).mean())


def loads_in_mlflow(bench: Bench, result: dict[str, Any], folder: Path) -> bool:
    """Whether what is stored is a model folder to MLflow's own client too."""
    from mlflow.models import Model

    open_store(result["model"]["uri"], bench.tracking).download("MLmodel", folder / "MLmodel")
    model = Model.load(str(folder))
    return model.model_id == result["model"]["loggedModelId"] and "onnx" in model.flavors


def answers_like_its_training(bench: Bench, result: dict[str, Any], held: pd.DataFrame) -> None:
    """Asked with missing values among the flights, the late ones get the higher chance."""
    host = start_dedicated(bench, result)
    try:
        assert host.settle()[0] == 200
        asked = held[result["features"]].astype(object).where(held[result["features"]].notna(), None)
        assert asked.isna().to_numpy().any()
        status, answer = host.score({"dataframe_split": asked.to_dict("split", index=False)})
        assert status == 200, answer
        scores = pd.Series(answer["predictions"])
        assert scores.between(0, 1).all() and scores[held["label"] == 1].mean() > scores[held["label"] == 0].mean()
    finally:
        host.server.stop()


def test_the_example_refuses_texts_as_the_users_mistake(bench: Bench, definition: dict[str, Any]) -> None:
    job = image_job(bench, **{**definition, "features": ["carrier", "distance"]}, cutoff="2013-05-20T00:00:00Z")
    assert job.prepare().code == 0
    ended = run_image(job)
    assert (ended.returncode, ended.stderr) == (65, "expected numbers, got carrier\n")
