"""`train` against a real MLflow server."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from modelyard.registry import READY
from modelyard.stores import open_store
from tests.support.jobs import LOGREG, Bench


def artifact(bench: Bench, uri: str, folder: Path) -> bytes:
    root, _, name = uri.rpartition("/")
    open_store(root, bench.tracking).download(name, folder / "copy")
    return (folder / "copy").read_bytes()


def failing(bench: Bench, body: str, **changes: Any) -> tuple[int, Any]:
    code = bench.pack("def train(features, labels, params):\n" + body)
    outcome = bench.run(bench.train_document(code, **changes))
    assert not (outcome.output / "result.json").exists()
    return outcome.code, outcome.failure


def test_r4_one_train_function_becomes_a_ready_model_with_a_manifest(bench: Bench) -> None:
    document = bench.train_document()
    outcome = bench.run(document)
    assert outcome.code == 0
    result = outcome.result
    assert result["rows"] == {"train": 460, "holdout": 140, "unlabelled": 0, "tooYoung": 0}
    assert result["holdout"]["from"] == "2024-01-24T00:00:00.000Z" or result["holdout"]["rows"] == 140
    assert result["trainedOn"]["until"] == result["holdout"]["from"]
    assert result["model"]["format"] == "sklearn-skops"
    [model] = bench.registry(document["registry"]).models_of(document["key"])
    assert (model.model_id, model.status) == (result["model"]["loggedModelId"], READY)
    assert open_store(model.uri, bench.tracking).files() == [file["path"] for file in result["model"]["files"]]


def test_r4_features_arrive_as_the_definition_orders_them_and_without_the_holdout(bench: Bench) -> None:
    body = """
    assert list(features.columns) == ["carrier", "x"], list(features.columns)
    assert len(features) == len(labels) == 460 and labels.name == "label"
    assert str(features["carrier"].dtype) != "category"
    raise RuntimeError("seen")
"""
    code, failure = failing(bench, body, features=["carrier", "x"])
    assert (code, failure["message"]) == (70, "RuntimeError in train: seen")


def test_r2_params_reach_the_code_untouched_and_are_recorded(bench: Bench) -> None:
    params = {"C": 0.5, "nested": {"a": [1, None, True]}, "text": "plain", "long": "y" * 9_000, "odd?name": 1}
    checked = LOGREG.replace(
        "def train(features, labels, params):",
        f"def train(features, labels, params):\n        assert params == {params!r}\n        params['nested']['a'] = 0",
    )
    document = bench.train_document(checked, params=params)
    outcome = bench.run(document)
    assert outcome.code == 0, outcome.failure
    run = bench.run_data(document["registry"])
    logged = {item["key"]: item["value"] for item in run["data"]["params"]}
    assert logged["C"] == "0.5" and logged["text"] == "plain"
    assert json.loads(logged["nested"]) == {"a": [1, None, True]}
    assert logged["long"].endswith("(whole in params.json)") and len(logged["long"]) < 6_000
    stored = artifact(bench, f"{run['info']['artifact_uri']}/params.json", bench.folder)
    assert json.loads(stored) == params


def test_s8_the_run_names_data_sets_model_and_metrics(bench: Bench) -> None:
    document = bench.train_document()
    result = bench.run(document).result
    run = bench.run_data(document["registry"])
    inputs = {item["tags"][0]["value"]: item["dataset"] for item in run["inputs"]["dataset_inputs"]}
    assert inputs["training"]["digest"] == result["dataDigest"].removeprefix("sha256:")[:32]
    assert inputs["evaluation"]["digest"] == result["holdout"]["digest"].removeprefix("sha256:")[:32]
    assert [item["model_id"] for item in run["outputs"]["model_outputs"]] == [result["model"]["loggedModelId"]]
    assert {"train_seconds", "train_rows"} <= {item["key"] for item in run["data"]["metrics"]}


def test_s5_the_same_job_twice_gives_the_same_result_and_adds_nothing(bench: Bench) -> None:
    document = bench.train_document(params={"C": 2.0})
    first, second = bench.run(document), bench.run(document)
    assert (first.code, second.code) == (0, 0)
    assert first.result == second.result
    assert len(bench.registry(document["registry"]).models_of(document["key"])) == 1
    query = {"run_id": document["registry"]["runId"], "metric_key": "train_seconds"}
    history = bench.tracking.call("GET", "2.0/mlflow/metrics/get-history", query=query)
    assert len(history["metrics"]) == 1


@pytest.mark.parametrize(
    "where",
    [
        "train_step.save_model",
        "publication.upload_checked",
        "publication._result",
        "train_step.record",
        "registry.Registry.finish_model",
    ],
)
def test_f2_broken_off_at_any_step_and_retried_leaves_one_ready_model(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    document = bench.train_document()

    def die(*_: Any, **__: Any) -> None:
        raise SystemError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(f"modelyard.{where}", die)
        assert bench.run(document).code == 1
    assert bench.run(document).code == 0
    models = bench.registry(document["registry"]).models_of(document["key"])
    assert [model.status for model in models] == [READY]


def test_f1_killed_with_its_model_half_made_and_retried_leaves_one_ready_model(bench: Bench) -> None:
    document = bench.train_document()
    registry = bench.registry(document["registry"])
    process, output = bench.start(document)
    while not registry.models_of(document["key"]):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not (output / "result.json").exists()
    assert bench.run(document).code == 0
    assert [model.status for model in registry.models_of(document["key"])] == [READY]


def test_f16_a_replaced_attempt_cannot_finish_its_model(bench: Bench) -> None:
    document = bench.train_document()
    registry = bench.registry(document["registry"])
    stale = registry.create_model("sample", {"modelyard.key": document["key"]})
    assert bench.run(document).code == 0
    with pytest.raises(Exception, match="replaced"):
        registry.finish_model(stale.model_id)
    assert len(registry.models_of(document["key"])) == 1


def test_an_exception_of_the_users_code_is_reported_with_its_traceback(bench: Bench) -> None:
    code, failure = failing(bench, "    raise ValueError('no such column')\n")
    assert code == 70 and failure["type"] == "ValueError"
    assert "no such column" in failure["message"] and "in train" in failure["traceback"]


def test_a_failing_import_is_the_users_failure(bench: Bench) -> None:
    outcome = bench.run(bench.train_document("import no_such_module_here\ndef train(f, l, p): ..."))
    assert outcome.code == 70 and outcome.failure["type"] == "ModuleNotFoundError"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("    return None\n", "return model"),
        ("    return 3\n", "`predict`"),
        ("    from sklearn.linear_model import LinearRegression\n    return LinearRegression()\n", "predict_proba"),
        ("    return (1, 2, 3)\n", "(int, int, int)"),
    ],
)
def test_what_is_no_model_is_refused_with_advice(bench: Bench, body: str, says: str) -> None:
    code, failure = failing(bench, body)
    assert code == 71 and failure["type"] == "NotAModel" and says in failure["message"]


def test_a_pickled_python_model_is_refused_with_the_advice(bench: Bench) -> None:
    body = """
    import mlflow.pyfunc
    class Mine(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [0.5] * len(model_input)
    return Mine()
"""
    code, failure = failing(bench, body)
    assert code == 71 and "CodeModel" in failure["message"]


NAN_MODEL = """
    from sklearn.base import BaseEstimator, ClassifierMixin
    import numpy as np

    class Nan(ClassifierMixin, BaseEstimator):
        def fit(self, features, labels):
            self.classes_ = np.array([0, 1])
            return self
        def predict(self, features):
            return np.zeros(len(features))
        def predict_proba(self, features):
            return np.full((len(features), 2), np.nan)

    def train(features, labels, params):
        return Nan().fit(features, labels)
"""


def test_f21_nan_predictions_on_the_holdout_end_the_job(bench: Bench) -> None:
    code = bench.pack(NAN_MODEL)
    module = code["entry"].split(".")[0]
    outcome = bench.run(bench.train_document(code, allowedTypes=[f"{module}.Nan"]))
    assert outcome.code == 72 and "140 of 140" in outcome.failure["message"]


def test_types_that_the_workers_configuration_allows_are_allowed_to_its_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = bench.pack(NAN_MODEL.replace("np.nan)", "0.5)"))
    monkeypatch.setenv("MODELYARD_ALLOWED_TYPES", json.dumps([code["entry"].split(".")[0] + ".Nan"]))
    document = bench.train_document(code)
    outcome = bench.run(document)
    assert outcome.code == 0, outcome.failure
    assert bench.run(bench.evaluate_document(document, outcome.result)).code == 0
    monkeypatch.setenv("MODELYARD_ALLOWED_TYPES", "user.Type")
    outcome = bench.run(document)
    assert outcome.code == 64 and "the job's environment" in outcome.failure["message"]


def test_a_type_outside_the_allow_list_is_refused_and_named(bench: Bench) -> None:
    code = bench.pack(NAN_MODEL)
    outcome = bench.run(bench.train_document(code))
    assert outcome.code == 73
    assert code["entry"].split(".")[0] + ".Nan" in outcome.failure["message"]
    assert "artifacts.allowedTypes" in outcome.failure["message"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"features": ["x", "nope"]}, "nope"),
        ({"evaluationColumns": ["city"]}, "city"),
        ({"cutoff": "2023-01-01T00:00:00Z"}, "got none"),
        ({"minHoldoutRows": 1_000}, "at least 1000"),
        ({"holdout": {"kind": "last", "duration": "90d"}}, "training rows"),
        ({"data": {"kind": "parquet", "uri": "/nowhere.parquet", "timeColumn": "at"}}, "/nowhere.parquet"),
        ({"label": "id"}, "two classes"),
    ],
)
def test_f21_bad_data_is_refused_before_the_users_code_runs(bench: Bench, changes: Any, says: str) -> None:
    code, failure = failing(bench, "    raise RuntimeError('it ran')\n", **changes)
    assert code == 65 and says in failure["message"]


def test_a_document_with_several_faults_names_each(bench: Bench) -> None:
    document = bench.train_document(task="guess", cutoff="yesterday", label="")
    outcome = bench.run(document)
    assert outcome.code == 64
    for field in ("task", "cutoff", "label"):
        assert f"- {field}: expected" in outcome.failure["message"]


def test_f10_a_registry_that_is_away_is_tried_again_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    document = bench.train_document()
    monkeypatch.setattr("modelyard.tracking._PAUSES_S", (0.0,))
    bench.address = "http://127.0.0.1:9"
    assert bench.run(document).code == 75


def test_f31_a_full_disk_is_tried_again_later(bench: Bench) -> None:
    code, _ = failing(bench, "    import errno\n    raise OSError(errno.ENOSPC, 'No space left on device')\n")
    assert code == 75


def test_f4_sigterm_lets_the_code_checkpoint_and_ends_with_143(bench: Bench) -> None:
    mark = bench.folder / "checkpoint"
    code = f"""
    import time
    def train(features, labels, params):
        try:
            print("in train", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            open({str(mark)!r}, "w").close()
        return None
    """
    said = bench.folder / "termination-log"
    bench.monkeypatch.setenv("MODELYARD_TERMINATION_LOG", str(said))
    process, output = bench.start(bench.train_document(code))
    assert process.stdout is not None
    for line in process.stdout:
        if "in train" in line:
            break
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143 and mark.exists()
    failure = json.loads((output / "failure.json").read_text())
    assert failure["type"] == "Interrupted" and json.loads(said.read_text()) == {"failure": failure}
    assert not (output / "result.json").exists()


def test_an_altered_code_archive_is_refused(bench: Bench) -> None:
    document = bench.train_document()
    path = document["code"]["uri"].removeprefix("mlflow-artifacts:/")
    other = bench.folder / "other.tar.gz"
    other.write_bytes(b"something else")
    bench.tracking.upload(path, other)
    outcome = bench.run(document)
    assert outcome.code == 66 and document["code"]["digest"] in outcome.failure["message"]


def test_a_retry_is_quick_because_it_trains_nothing(bench: Bench) -> None:
    document = bench.train_document()
    bench.run(document)
    (bench.folder / "rows.parquet").unlink()
    started = time.monotonic()
    assert bench.run(document).code == 0
    assert time.monotonic() - started < 5
