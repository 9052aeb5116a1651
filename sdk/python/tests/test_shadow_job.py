"""`shadow` against a real MLflow server."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pandas as pd
import pytest

from modelyard.stores import open_store
from tests.support.jobs import FEATURES, Bench, sample_rows
from tests.support.pairs import pair_rows

COUNTS = {"eligible": 50, "mirrored": 40, "dropped": 8, "failed": 2}


def stored(bench: Bench, rows: pd.DataFrame) -> dict[str, str]:
    """The pairs in the artifact store, as the worker leaves them."""
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (bench.folder / "pairs.parquet").write_bytes(buffer.getvalue())
    bench.tracking.upload(f"modelyard/shadow/{digest}.parquet", bench.folder / "pairs.parquet")
    return {"uri": f"mlflow-artifacts:/modelyard/shadow/{digest}.parquet", "digest": f"sha256:{digest}"}


def document(bench: Bench, rows: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    given = {
        "schema": 1,
        "step": "shadow",
        "key": "shadow/sample/2/k/shadow",
        "tag": "sample",
        "task": "binary-classification",
        "workflowId": "shadow/sample/2/k",
        "candidate": "sample/2",
        "incumbent": "sample/1",
        "features": FEATURES,
        "slices": ["carrier"],
        "requests": COUNTS,
        "window": {"from": "2024-02-01T00:00:00Z", "until": "2024-02-02T00:00:00Z"},
        "pairs": stored(bench, rows),
        "training": training(bench),
        "registry": bench.open_run(),
        "seed": 0,
    }
    return {**given, **changes}


def training(bench: Bench, **changes: Any) -> dict[str, Any]:
    trained_on = {
        "from": "2024-01-01T00:00:00Z",
        "until": "2024-01-20T00:00:00Z",
        "holdout": {"kind": "last", "duration": "7d"},
        "timeColumn": "at",
    }
    data = {"kind": "parquet", "uri": str(bench.folder / "rows.parquet"), "timeColumn": "at"}
    return {"data": data, "label": "label", "trainedOn": trained_on, **changes}


def forty(**columns: Any) -> pd.DataFrame:
    sample = sample_rows(days=2)
    inputs = {name: sample[name].tolist() for name in FEATURES}
    scores = (sample["id"] / 40).tolist()
    return pair_rows(scores, [1 - score for score in scores], {**inputs, **columns})


def test_s1_s8_a_window_is_measured_and_shown_on_its_run(bench: Bench) -> None:
    asked = document(bench, forty())
    outcome = bench.run(asked)
    assert outcome.code == 0, outcome.failure
    result = outcome.result
    assert (result["step"], result["key"]) == ("shadow", asked["key"])
    assert (result["candidate"], result["incumbent"], result["rows"]) == ("sample/2", "sample/1", 40)
    assert (result["requests"], result["compared"]) == (COUNTS, 40)
    measures = result["measures"]
    assert measures["error_rate"]["value"] == pytest.approx(2 / 42) and measures["error_rate"]["samples"] == 42
    assert measures["agreement_rate"]["value"] == pytest.approx(1 / 40)
    assert {f"input_psi:{name}" for name in FEATURES} <= set(measures)
    assert "agreement_rate[carrier=AA]" in measures
    assert all(low <= m["value"] <= high for m in measures.values() for low, high in [m["interval"]] if m["interval"])

    run = bench.run_data(asked["registry"])
    files = set(open_store(run["info"]["artifact_uri"], bench.tracking).files())
    assert set(result["figures"]) == {f"shadow/{name}.png" for name in ("scores", "distribution", "agreement")}
    assert {*result["figures"], "shadow/evidence.json"} <= files
    logged = {item["key"]: item["value"] for item in run["data"]["metrics"]}
    assert logged["shadow.error_rate"] == measures["error_rate"]["value"]
    assert logged["shadow.input_psi:x"] == measures["input_psi:x"]["value"]
    assert logged["shadow.agreement_rate/carrier.AA"] == measures["agreement_rate[carrier=AA]"]["value"]


def test_u3_requests_without_a_usable_score_are_not_compared(bench: Bench) -> None:
    said = [0.5, None, "none", 0.5, "none", "none"] + [0.5] * 6
    result = bench.run(document(bench, pair_rows([0.5] * 12, said, per_request=2), training=None)).result
    assert (result["requests"], result["rows"], result["compared"]) == (COUNTS, 8, 5)


def test_s5_a_repeated_measuring_gives_the_same_evidence_and_no_second_point(bench: Bench) -> None:
    asked = document(bench, forty())
    assert bench.run(asked).result == bench.run(asked).result
    query = {"run_id": asked["registry"]["runId"], "metric_key": "shadow.score_psi"}
    history = bench.tracking.call("GET", "2.0/mlflow/metrics/get-history", query=query)
    assert len(history["metrics"]) == 1


def test_s1_a_window_without_pairs_has_counts_and_no_measures(bench: Bench) -> None:
    nothing = {"eligible": 3, "mirrored": 0, "dropped": 3, "failed": 0}
    outcome = bench.run(document(bench, forty().iloc[:0], requests=nothing))
    assert outcome.code == 0, outcome.failure
    result = outcome.result
    assert (result["requests"], result["rows"], result["measures"], result["figures"]) == (nothing, 0, {}, [])


def test_s1_copies_that_were_never_answered_leave_the_inputs_to_look_at(bench: Bench) -> None:
    rows = forty().assign(shadow=None, shadow_state="dropped", shadow_ms=float("nan"))
    result = bench.run(document(bench, rows, requests={**COUNTS, "mirrored": 0, "failed": 0})).result
    assert result["rows"] == 0
    assert set(result["measures"]) == {f"input_psi:{name}" for name in FEATURES}


def test_the_rows_of_training_are_those_the_candidate_was_fitted_on(bench: Bench) -> None:
    rows = sample_rows()
    rows.loc[rows["at"] >= "2024-01-20", "x"] += 100
    rows.loc[rows.index % 3 == 0, "label"] = None
    rows.loc[rows["label"].isna(), "x"] -= 100
    bench.write_rows(rows)
    measures = bench.run(document(bench, forty())).result["measures"]
    kept = rows[(rows["at"] < "2024-01-20") & rows["label"].notna()]
    assert kept["x"].abs().max() < 10
    assert measures["input_psi:x"]["value"] < 0.5


def test_a_fraction_held_out_without_a_key_needs_no_column_that_callers_send(bench: Bench) -> None:
    about = training(bench)
    about["trainedOn"]["holdout"] = {"kind": "fraction", "fraction": 0.25, "seed": 3}
    outcome = bench.run(document(bench, forty(), training=about))
    assert "input_psi:x" in outcome.result["measures"]


@pytest.mark.parametrize("gone", ["no training", "no data", "no column"])
def test_a_window_is_measured_where_training_is_no_longer_to_be_read(bench: Bench, gone: str) -> None:
    missing = training(bench, data={"kind": "parquet", "uri": "/no/such/rows.parquet", "timeColumn": "at"})
    about = {"no training": None, "no data": missing, "no column": training(bench, label="renamed")}[gone]
    outcome = bench.run(document(bench, forty(), training=about))
    assert outcome.code == 0, outcome.failure
    assert "agreement_rate" in outcome.result["measures"]
    assert not any(name.startswith("input_psi") for name in outcome.result["measures"])


def test_s1_scores_without_a_finite_mean_have_none(bench: Bench) -> None:
    rows = pair_rows([1e308, -1e308] * 10, [-1e308, 1e308] * 10)
    outcome = bench.run(document(bench, rows, task="regression", training=None))
    assert outcome.code == 0, outcome.failure
    assert outcome.result["rows"] == 0 and "score_mean_shift" not in outcome.result["measures"]


def test_f20_altered_pairs_are_refused(bench: Bench) -> None:
    asked = document(bench, forty())
    asked["pairs"]["digest"] = "sha256:" + "0" * 64
    outcome = bench.run(asked)
    assert outcome.code == 76 and outcome.failure["type"] == "IntegrityError"


def test_a_document_that_does_not_hold_together_names_everything(bench: Bench) -> None:
    asked = {**document(bench, forty()), "requests": {"eligible": -1}, "task": "ranking", "pairs": {"uri": "x"}}
    outcome = bench.run(asked)
    assert outcome.code == 64
    for part in ("requests.eligible", "requests.mirrored", "task", "pairs.digest"):
        assert part in outcome.failure["message"]
