"""`evaluate` against a real MLflow server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modelyard.stores import open_store
from tests.support.jobs import FEATURES, LOGREG, Bench, Outcome, sample_rows

CONSTANT = """
    from sklearn.dummy import DummyClassifier
    def train(features, labels, params):
        return DummyClassifier(strategy="prior").fit(features, labels)
"""


def trained(bench: Bench, code: str = LOGREG, **changes: Any) -> tuple[dict[str, Any], Any]:
    document = bench.train_document(code, **changes)
    outcome = bench.run(document)
    assert outcome.code == 0, outcome.failure
    return document, outcome.result


def metrics(outcome: Outcome, name: str) -> dict[str | None, Any]:
    return {row["slice"]: row for row in outcome.result["metrics"] if row["name"] == name}


def test_u4_both_models_are_scored_on_the_same_rows_with_paired_intervals(bench: Bench) -> None:
    _, weak = trained(bench, CONSTANT)
    document, strong = trained(bench)
    outcome = bench.run(bench.evaluate_document(document, strong, weak, slices=["carrier"], cluster=["id"]))
    assert outcome.code == 0, outcome.failure
    result = outcome.result
    assert result["holdout"]["rows"] == 140 and result["holdout"] == result["incumbentHoldout"]
    auc = metrics(outcome, "auc")[None]
    assert auc["incumbent"] == 0.5 and auc["candidate"] > 0.7
    assert auc["difference"] == pytest.approx(auc["candidate"] - 0.5)
    low, high = auc["intervals"]["0.95"]
    assert 0 < low < auc["difference"] < high
    assert (auc["method"], auc["clusters"]) == ("clustered-bootstrap", 140)
    assert set(metrics(outcome, "brier")) == {None, "carrier=AA", "carrier=BB", "carrier=CC"}
    assert result["figures"] == ["evaluation/roc.png", "evaluation/calibration.png"]
    uri = bench.run_data(document["registry"])["info"]["artifact_uri"]
    assert {"evaluation/evidence.json", "evaluation/roc.png"} <= set(open_store(uri, bench.tracking).files())


def test_s8_metrics_name_the_model_and_the_data_set(bench: Bench) -> None:
    document, result = trained(bench)
    outcome = bench.run(bench.evaluate_document(document, result))
    path = f"2.0/mlflow/logged-models/{result['model']['loggedModelId']}"
    points = bench.tracking.call("GET", path)["model"]["data"]["metrics"]
    [point] = [item for item in points if item["key"] == "auc"]
    assert point["dataset_digest"] == outcome.result["holdout"]["digest"].removeprefix("sha256:")[:32]


def test_s5_a_repeated_evaluation_gives_the_same_evidence(bench: Bench) -> None:
    document, result = trained(bench)
    evaluate = bench.evaluate_document(document, result, result, cluster=["carrier"])
    assert bench.run(evaluate).result == bench.run(evaluate).result


def test_a_model_against_itself_differs_by_nothing(bench: Bench) -> None:
    document, result = trained(bench)
    row = metrics(bench.run(bench.evaluate_document(document, result, result)), "log_loss")[None]
    assert row["difference"] == 0 and row["intervals"]["0.95"] == [0, 0]


def test_rows_a_model_was_trained_on_are_counted(bench: Bench) -> None:
    document, result = trained(bench)
    later = {**document, "holdout": {"kind": "period", "from": "2024-01-20T00:00:00Z", "until": "2024-01-26T00:00:00Z"}}
    outcome = bench.run(bench.evaluate_document(later, result))
    assert outcome.result["holdout"]["rows"] == 120
    rows = sample_rows()
    expected = rows[(rows["at"] >= pd.Timestamp("2024-01-20", tz="UTC")) & (rows["at"] < result["trainedOn"]["until"])]
    assert outcome.result["candidateTrainedOnRows"] == len(expected) > 0


def test_with_a_fraction_held_out_no_row_of_the_holdout_was_trained_on(bench: Bench) -> None:
    document, result = trained(bench, holdout={"kind": "fraction", "fraction": 0.25, "seed": 3, "key": ["id"]})
    outcome = bench.run(bench.evaluate_document(document, result, result))
    assert outcome.code == 0, outcome.failure
    assert outcome.result["candidateTrainedOnRows"] == 0
    assert outcome.result["holdout"]["rows"] == result["rows"]["holdout"]


def test_the_incumbent_gets_its_own_columns(bench: Bench) -> None:
    _, old = trained(bench, CONSTANT, features=["n"])
    document, new = trained(bench)
    outcome = bench.run(bench.evaluate_document(document, new, old))
    assert outcome.code == 0, outcome.failure
    assert metrics(outcome, "auc")[None]["incumbent"] == 0.5


OWN = (
    LOGREG
    + """
    def train_with_own(features, labels, params):
        rows = features.iloc[:50].assign(label=labels.iloc[:50])
        return train(features, labels, params), rows
"""
)


def test_r4_own_evaluation_rows_replace_the_holdout_for_both_models(bench: Bench) -> None:
    _, old = trained(bench, CONSTANT)
    document, result = trained(bench, bench.pack(OWN, entry="train_with_own"))  # type: ignore[arg-type]
    own = result["ownEvaluation"]
    assert own["rows"] == 50
    outcome = bench.run(bench.evaluate_document(document, result, old, ownEvaluation=own))
    assert outcome.code == 0, outcome.failure
    assert outcome.result["ownEvaluation"] is True and outcome.result["holdout"]["rows"] == 50
    assert metrics(outcome, "auc")[None]["incumbent"] == 0.5
    altered = {**own, "digest": "sha256:" + "0" * 64}
    assert bench.run(bench.evaluate_document(document, result, old, ownEvaluation=altered)).code == 76


PER_ROW = """
    import pandas as pd
    def evaluate(model, features, labels):
        return pd.DataFrame({"cost": (model.predict(features) != labels) * 2.0})
    def plain(model, features, labels):
        return {"cost": float((model.predict(features) != labels).mean() * 2)}
    def wrong(model, features, labels):
        return [1, 2]
"""


def test_r13_the_users_own_metric_per_row_has_an_interval_and_a_plain_one_has_none(bench: Bench) -> None:
    _, old = trained(bench, CONSTANT)
    document, result = trained(bench)
    code = bench.pack(PER_ROW, entry="evaluate")
    rows = bench.run(bench.evaluate_document(document, result, old, code=code))
    assert rows.code == 0, rows.failure
    row = metrics(rows, "cost")[None]
    assert row["method"] == "paired-bootstrap" and row["intervals"]["0.95"][1] < 0
    plain = {**bench.pack(PER_ROW, entry="plain")}
    value = metrics(bench.run(bench.evaluate_document(document, result, old, code=plain)), "cost")[None]
    assert value["candidate"] == pytest.approx(row["candidate"]) and value["intervals"] is None
    wrong = bench.run(bench.evaluate_document(document, result, old, code=bench.pack(PER_ROW, entry="wrong")))
    assert wrong.code == 70 and "evaluate" in wrong.failure["message"]


LINEAR = """
    from sklearn.linear_model import LinearRegression
    def train(features, labels, params):
        return LinearRegression().fit(features, labels)
"""
TREE = """
    from sklearn.tree import DecisionTreeClassifier
    def train(features, labels, params):
        return DecisionTreeClassifier(max_depth=3).fit(features, labels)
"""


def test_regression_and_multiclass_have_their_metrics(bench: Bench) -> None:
    document, result = trained(bench, LINEAR, task="regression", label="target", features=["x"])
    outcome = bench.run(bench.evaluate_document(document, result, result))
    assert metrics(outcome, "r2")[None]["candidate"] > 0.8
    assert outcome.result["figures"] == ["evaluation/residuals.png"]
    document, result = trained(bench, TREE, task="multiclass-classification", label="carrier", features=["x", "n"])
    outcome = bench.run(bench.evaluate_document(document, result, result))
    assert outcome.code == 0, outcome.failure
    assert {row["name"] for row in outcome.result["metrics"]} == {"accuracy", "log_loss", "macro_f1"}


def test_f21_one_class_in_the_holdout_is_written_as_nan_and_never_as_a_number(bench: Bench) -> None:
    document, result = trained(bench)
    rows = sample_rows()
    rows.loc[rows["at"] >= "2024-01-20", "label"] = 0
    bench.write_rows(rows)
    row = metrics(bench.run(bench.evaluate_document(document, result, result)), "auc")[None]
    assert (row["candidate"], row["incumbent"], row["difference"], row["intervals"]) == ("NaN", "NaN", None, None)


def test_f21_an_empty_holdout_is_bad_data(bench: Bench) -> None:
    document, result = trained(bench)
    empty = {**document, "holdout": {"kind": "period", "from": "2023-01-01T00:00:00Z", "until": "2023-02-01T00:00:00Z"}}
    assert bench.run(bench.evaluate_document(empty, result)).code == 65


def test_a_column_of_another_type_than_in_training_is_bad_data(bench: Bench) -> None:
    document, result = trained(bench)
    bench.write_rows(sample_rows().assign(carrier=1))
    outcome = bench.run(bench.evaluate_document(document, result))
    assert outcome.code == 65 and "'carrier'" in outcome.failure["message"]


def _truncated(content: bytes) -> bytes:
    return content[:-10]


def _flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize("damage", [_truncated, _flipped, None], ids=["truncated", "flipped", "missing"])
def test_f20_a_damaged_model_is_refused(bench: Bench, damage: Any) -> None:
    document, result = trained(bench)
    store = open_store(result["model"]["uri"], bench.tracking)
    path, copy = "model.skops", bench.folder / "model.skops"
    if damage is None:
        root = result["model"]["uri"].removeprefix("mlflow-artifacts:/")
        bench.tracking.call("DELETE", f"2.0/mlflow-artifacts/artifacts/{root}/{path}")
    else:
        store.download(path, copy)
        copy.write_bytes(damage(copy.read_bytes()))
        store.upload(path, copy)
    outcome = bench.run(bench.evaluate_document(document, result))
    assert outcome.code == 76 and outcome.failure["type"] == "IntegrityError"


def test_f20_another_models_files_are_refused(bench: Bench) -> None:
    _, other = trained(bench, CONSTANT)
    document, result = trained(bench)
    swapped = {**result, "model": {**result["model"], "uri": other["model"]["uri"]}}
    assert bench.run(bench.evaluate_document(document, swapped)).code == 76


def test_a_copy_that_went_bad_on_this_machine_is_fetched_again(bench: Bench) -> None:
    document, result = trained(bench)
    evaluate = bench.evaluate_document(document, result)
    assert bench.run(evaluate).code == 0
    cached: Path = bench.home / "models" / result["model"]["digest"].removeprefix("sha256:") / "model.skops"
    cached.write_bytes(b"")
    assert bench.run(evaluate).code == 0 and FEATURES
