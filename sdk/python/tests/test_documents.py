from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelyard.documents import FractionHoldout, LastHoldout, ParquetSource
from modelyard.durations import instant_text, parse_duration, parse_instant
from modelyard.failures import BadJob
from modelyard.parsing import parse_evaluate, parse_train

DIGEST = "sha256:" + "a" * 64


def train_document(**changes: Any) -> dict[str, Any]:
    document = {
        "schema": 1,
        "step": "train",
        "key": "k",
        "tag": "t",
        "task": "regression",
        "code": {"uri": "mlflow-artifacts:/x.tar.gz", "digest": DIGEST, "entry": "train.py:train"},
        "data": {"kind": "parquet", "uri": "/d.parquet", "timeColumn": "at", "window": "60d"},
        "features": ["a"],
        "label": "b",
        "holdout": {"kind": "last", "duration": "7d"},
        "cutoff": "2024-01-01T00:00:00Z",
        "registry": {"experimentId": "1", "runId": "r"},
    }
    return {**document, **changes}


def problems(**changes: Any) -> str:
    with pytest.raises(BadJob) as caught:
        parse_train(train_document(**changes))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("90s", 90), ("30m", 1800), ("24h", 86400), ("7d", 604800), ("2 days", 172800), ("1.5h", 5400)],
)
def test_durations_follow_the_ms_grammar(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "7", "7 fortnights", "-1d", "d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_instants_keep_their_moment_and_need_an_offset() -> None:
    assert instant_text(parse_instant("2024-01-01T02:00:00.5+02:00")) == "2024-01-01T00:00:00.500Z"
    with pytest.raises(ValueError, match="offset"):
        parse_instant("2024-01-01T00:00:00")


def test_a_full_document_is_parsed_with_its_defaults() -> None:
    document = parse_train(train_document())
    assert document.holdout == LastHoldout(timedelta(days=7))
    assert isinstance(document.source, ParquetSource) and document.source.window == timedelta(days=60)
    assert (document.label_delay, document.min_holdout_rows, document.params) == (timedelta(0), 1, {})


def test_r1_every_missing_field_is_named_at_once() -> None:
    with pytest.raises(BadJob) as caught:
        parse_train({})
    for field in ("schema", "step", "key", "tag", "task", "code", "data", "features", "label", "holdout", "cutoff"):
        assert f"- {field}: expected" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": "a"}, "features"),
        ({"features": ["a", "a"]}, "more than once"),
        ({"features": []}, "at least one column"),
        ({"task": "guess"}, "task"),
        ({"code": {"uri": "x", "digest": "md5:1", "entry": "train.py:train"}}, "code.digest"),
        ({"code": {"uri": "x", "digest": DIGEST, "entry": "../train.py:train"}}, "code.entry"),
        ({"code": {"uri": "x", "digest": DIGEST, "entry": None}}, "code.entry"),
        ({"data": {"kind": "parquet", "uri": "/d"}}, "timeColumn"),
        ({"data": {"kind": "csv"}}, "data.kind"),
        ({"holdout": {"kind": "fraction", "fraction": 1.5, "seed": 1}}, "holdout.fraction"),
        ({"holdout": {"kind": "last", "duration": "soon"}}, "holdout.duration"),
        ({"minHoldoutRows": -1}, "minHoldoutRows"),
        ({"cutoff": "2024-01-01"}, "cutoff"),
        (
            {
                "data": {
                    "kind": "parquet",
                    "uri": "/d",
                    "timeColumn": "at",
                    "where": [{"column": "c", "op": "~", "value": 1}],
                }
            },
            "data.where[0].op",
        ),
    ],
)
def test_each_fault_is_named_by_its_path(changes: Any, says: str) -> None:
    assert says in problems(**changes)


def test_a_fraction_needs_no_time_column() -> None:
    document = parse_train(
        train_document(
            data={"kind": "parquet", "uri": "/d"},
            holdout={"kind": "fraction", "fraction": 0.2, "seed": 1, "key": ["id"]},
        )
    )
    assert document.holdout == FractionHoldout(0.2, 1, ("id",))


def test_an_evaluate_document_needs_a_candidate_with_a_digest() -> None:
    with pytest.raises(BadJob, match=r"candidate\.digest"):
        parse_evaluate(
            {**train_document(step="evaluate"), "candidate": {"modelId": "t/1", "uri": "u", "features": ["a"]}}
        )
