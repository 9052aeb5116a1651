"""`prepare` and `publish` around an image, against a real MLflow server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modelyard.failures import BadJob
from modelyard.parsing import parse_evaluate, parse_image_train, parse_train
from modelyard.registry import READY
from tests.support.hosts import start_dedicated
from tests.support.images import CODE, IMAGE, ImageJob, image_job, write_code_model, write_mlmodel
from tests.support.jobs import FEATURES, Bench

NUMBERS = ["x", "n"]
PLAIN = """
from sklearn.linear_model import LogisticRegression

def train(features, labels, params):
    return LogisticRegression().fit(features, labels)
"""


@pytest.fixture
def job(bench: Bench) -> ImageJob:
    """A job whose rows are prepared."""
    made = image_job(bench, features=NUMBERS)
    assert made.prepare().code == 0
    return made


def refused(job: ImageJob) -> tuple[int, str, str]:
    """How `publish` ends; it leaves no finished model."""
    outcome = job.publish()
    models = job.bench.registry(job.document["registry"]).models_of(job.document["key"])
    assert READY not in [model.status for model in models]
    return outcome.code, outcome.failure["type"], outcome.failure["message"]


def test_r4_an_image_gets_the_rows_that_python_code_would_get(bench: Bench) -> None:
    job = image_job(bench, features=["carrier", "x"], params={"depth": [1, None]})
    assert job.prepare().result["rows"] == {"train": 460, "holdout": 140, "unlabelled": 0, "tooYoung": 0}
    given = json.loads((job.rows / "input.json").read_text())
    assert given["features"] == [{"name": "carrier", "type": "string"}, {"name": "x", "type": "float64"}]
    assert given["label"] == {"name": "label", "type": "int8", "classes": [0, 1]}
    assert (given["params"], given["rows"]["count"]) == ({"depth": [1, None]}, 460)
    rows = pd.read_parquet(job.rows / given["rows"]["parquet"])
    assert list(rows.columns) == ["carrier", "x", "label"] and len(rows) == 460
    pd.testing.assert_frame_equal(
        pd.read_csv(job.rows / given["rows"]["csv"]), rows, check_dtype=False, check_exact=True
    )


def test_the_csv_says_null_quotes_texts_and_writes_instants_in_utc(bench: Bench) -> None:
    rows = pd.read_parquet(bench.folder / "rows.parquet")
    rows["carrier"] = ['a "quoted", text', None] * (len(rows) // 2)
    rows["x"] = rows["x"].where(rows["id"] != 2)
    rows["late"] = rows["n"] > 4
    rows["since"] = rows["at"].dt.tz_convert("Europe/Berlin")
    bench.write_rows(rows)
    job = image_job(bench, features=["carrier", "x", "late", "since"])
    assert job.prepare().code == 0
    header, first, second, third, *_ = (job.rows / "train.csv").read_text().splitlines()
    late = "true" if rows["late"][0] else "false"
    assert header == '"carrier","x","late","since","label"'
    assert first == f'"a ""quoted"", text",{rows["x"][0]!s},{late},"2024-01-01T00:00:00.000000Z",{rows["label"][0]}'
    assert second.startswith(",") and third.split(",")[2] == ""


def test_rows_that_csv_cannot_hold_are_refused_before_the_image_runs(bench: Bench) -> None:
    rows = pd.read_parquet(bench.folder / "rows.parquet")
    bench.write_rows(rows.assign(x=pd.Series([[value] for value in rows["x"]], dtype=object)))
    outcome = image_job(bench).prepare()
    assert (outcome.code, outcome.failure["type"]) == (65, "BadData")


def test_the_image_never_sees_the_holdout(job: ImageJob) -> None:
    given = {path.name for path in job.rows.iterdir()}
    assert given == {"input.json", "train.csv", "train.parquet"}
    held = pd.read_parquet(job.kept / "holdout.parquet")
    seen = pd.read_parquet(job.rows / "train.parquet")
    assert len(held) == 140 and not set(held["x"]) & set(seen["x"])


def test_r4_what_an_image_left_is_published_like_a_training_of_python_code(bench: Bench, job: ImageJob) -> None:
    write_code_model(job.trained, NUMBERS)
    (job.trained / "result.json").write_text(json.dumps({"metrics": {"epochs": 3}}))
    outcome = job.publish()
    assert outcome.code == 0, outcome.failure
    result = outcome.result
    python = bench.run(bench.train_document(PLAIN, features=NUMBERS)).result
    same = ("features", "dataDigest", "rows", "holdout", "trainedOn")
    assert {key: result[key] for key in same} == {key: python[key] for key in same}
    assert set(result) == set(python) and result["model"]["format"] == "pyfunc"
    assert result["metrics"]["epochs"] == 3 and result["metrics"]["train_seconds"] >= 0
    assert result["codeDigest"] == "sha256:" + "a" * 64
    [model] = bench.registry(job.document["registry"]).models_of(job.document["key"])
    assert (model.model_id, model.status) == (result["model"]["loggedModelId"], READY)
    run = bench.run_data(job.document["registry"])
    assert {"epochs", "train_rows"} <= {item["key"] for item in run["data"]["metrics"]}


def test_a_model_of_an_image_is_evaluated_and_served(bench: Bench, job: ImageJob) -> None:
    write_code_model(job.trained, NUMBERS)
    result = job.publish().result
    evaluated = bench.run(bench.evaluate_document(job.document, result))
    assert evaluated.code == 0, evaluated.failure
    [auc] = [row["candidate"] for row in evaluated.result["metrics"] if (row["name"], row["slice"]) == ("auc", None)]
    assert auc > 0.7
    host = start_dedicated(bench, result)
    try:
        assert host.settle()[0] == 200
        assert host.score({"dataframe_records": [{"x": 0.0, "n": 1}]}) == (200, {"predictions": [0.5]})
    finally:
        host.server.stop()


def test_s5_published_twice_it_is_one_model_and_one_result(bench: Bench, job: ImageJob) -> None:
    write_code_model(job.trained, NUMBERS)
    first = job.publish()
    write_code_model(job.trained, NUMBERS, CODE + "\n# another training of the same job\n")
    second = job.publish()
    assert (first.code, second.code) == (0, 0) and first.result == second.result
    assert len(bench.registry(job.document["registry"]).models_of(job.document["key"])) == 1


@pytest.mark.parametrize("where", ["publish_step.take_model", "publication.upload_checked", "publish_step.record"])
def test_f2_broken_off_at_any_step_and_retried_leaves_one_ready_model(
    bench: Bench, job: ImageJob, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    write_code_model(job.trained, NUMBERS)

    def die(*_: Any, **__: Any) -> None:
        raise SystemError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(f"modelyard.{where}", die)
        assert job.publish().code == 1
    assert job.publish().code == 0
    models = bench.registry(job.document["registry"]).models_of(job.document["key"])
    assert [model.status for model in models] == [READY]


def test_an_image_that_left_nothing_is_no_model(job: ImageJob) -> None:
    code, kind, message = refused(job)
    assert (code, kind) == (71, "NotAModel") and "MODELYARD_OUTPUT/model" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signature": None}, "expected a signature"),
        ({"signature": {"inputs": "not json"}}, "expected a signature"),
        ({"signature": {"inputs": '[{"type": "double"}]'}}, "expected a signature"),
        ({"signature": {"inputs": '[{"name": "n"}, {"name": "x"}]'}}, "x, n, in this order, got n, x"),
    ],
)
def test_a_signature_without_the_features_in_their_order_is_refused(
    job: ImageJob, changes: dict[str, Any], message: str
) -> None:
    write_code_model(job.trained, NUMBERS, **changes)
    code, kind, said = refused(job)
    assert (code, kind) == (71, "NotAModel") and message in said


@pytest.mark.parametrize(
    "function",
    [
        {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"},
        {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"},
        {"loader_module": "mlflow.pyfunc.loaders.code_model", "python_model": "python_model.pkl"},
        {"loader_module": "mlflow.onnx"},
        {},
    ],
)
def test_only_onnx_and_code_are_taken_never_a_pickle(job: ImageJob, function: dict[str, str]) -> None:
    write_mlmodel(job.trained, NUMBERS, flavors={"python_function": function})
    assert refused(job)[:2] == (73, "TypeNotAllowed")


def test_a_model_that_fails_on_the_holdout_is_not_published(job: ImageJob) -> None:
    write_code_model(job.trained, NUMBERS, CODE.replace("-model_input", "1 / 0 - model_input"))
    assert refused(job)[:2] == (70, "ZeroDivisionError")
    write_code_model(job.trained, NUMBERS, CODE.replace("np.exp(", "np.nan * ("))
    assert refused(job)[:2] == (72, "NanPredictions")
    write_code_model(job.trained, NUMBERS, "import no_such_module\n")
    assert refused(job)[0] == 70


def test_mlmodel_that_is_no_yaml_is_refused(job: ImageJob) -> None:
    (write_code_model(job.trained, NUMBERS) / "MLmodel").write_text("{")
    assert refused(job)[:2] == (71, "NotAModel")
    (job.trained / "model" / "MLmodel").unlink()
    code, _, message = refused(job)
    assert code == 71 and "got model.py" in message


def test_a_link_is_refused_because_it_may_lead_out_of_the_model(job: ImageJob, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("token")
    model = write_code_model(job.trained, NUMBERS)
    (model / "weights").symlink_to(tmp_path / "secret")
    code, kind, message = refused(job)
    assert (code, kind) == (71, "NotAModel") and "got weights" in message
    (model / "weights").unlink()
    os.mkfifo(model / "weights")
    assert refused(job)[1] == "NotAModel"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"metrics": 1}',
        '{"metrics": {"a": "x"}}',
        '{"metrics": {"a": NaN}}',
        '{"metrics": {"a b": 1}}',
        '{"metrics": {"train_rows": 1}}',
        json.dumps({"metrics": {f"m{n}": n for n in range(101)}}),
    ],
)
def test_metrics_that_are_none_are_refused(job: ImageJob, text: str) -> None:
    write_code_model(job.trained, NUMBERS)
    (job.trained / "result.json").write_text(text)
    assert refused(job)[:2] == (71, "NotAModel")


def test_rows_of_another_job_are_refused(bench: Bench, job: ImageJob) -> None:
    write_code_model(job.trained, NUMBERS)
    job.document = {**job.document, "key": "retrain/sample/other/train"}
    code, kind, message = refused(job)
    assert (code, kind) == (64, "BadJob") and "retrain/sample/other/train" in message


@pytest.mark.parametrize("lost", ["facts.json", "holdout.parquet"])
def test_publish_without_what_prepare_kept_is_refused(job: ImageJob, lost: str) -> None:
    write_code_model(job.trained, NUMBERS)
    (job.kept / lost).unlink()
    assert refused(job)[0] == 64


def test_an_images_document_is_for_its_steps_only() -> None:
    document = {"schema": 1, "step": "train", "code": {"image": "name:latest"}}
    with pytest.raises(BadJob, match=r"code\.image: expected an image by digest"):
        parse_image_train(document)
    with pytest.raises(BadJob, match=r"code\.uri"):
        parse_train({**document, "code": IMAGE})


def test_evaluation_code_of_ones_own_needs_python(bench: Bench) -> None:
    train = bench.train_document(IMAGE)
    reference = {"model": {"uri": "u", "digest": "sha256:" + "b" * 64}, "features": FEATURES, "trainedOn": None}
    document = bench.evaluate_document(train, reference)
    assert parse_evaluate(document).code is None
    with pytest.raises(BadJob, match=r"code\.entry: expected nothing"):
        parse_evaluate({**document, "code": {**IMAGE, "entry": "evaluate.py:evaluate"}})
