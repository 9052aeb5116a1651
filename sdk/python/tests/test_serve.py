"""One model behind HTTP: the same on a server of its own and on one that it shares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hosts import MODEL_ID, Host, start_dedicated, start_shared
from tests.support.jobs import Bench

ROW = {"x": 1.5, "n": 3, "carrier": "AA"}


@pytest.fixture
def trained(bench: Bench) -> Any:
    outcome = bench.run(bench.train_document())
    assert outcome.code == 0, outcome.failure
    return outcome.result


def start(kind: str, bench: Bench, trained: Any, digest: str | None = None) -> Host:
    if kind == "dedicated":
        return start_dedicated(bench, trained, digest)
    server = start_shared(bench)
    server.add("m", trained, digest=digest or trained["model"]["digest"])
    return server.host("m")


@pytest.fixture(params=["dedicated", "shared"])
def host(request: pytest.FixtureRequest, bench: Bench, trained: Any) -> Iterator[Host]:
    host = start(request.param, bench, trained)
    yield host
    host.server.stop()


def test_g3_one_signature_for_every_payload_form(host: Host, trained: Any) -> None:
    status, body = host.settle()
    told = {"state": "ready", "modelId": MODEL_ID, "digest": trained["model"]["digest"]}
    assert (status, {name: body.get(name) for name in told}) == (200, told)
    columns, values = list(ROW), list(ROW.values())
    answers = [
        host.score({"dataframe_split": {"columns": columns, "data": [values]}}),
        host.score({"dataframe_split": {"columns": columns[::-1], "data": [values[::-1]]}}),
        host.score({"dataframe_records": [{**ROW, "extra": None}]}),
        host.score({"instances": [ROW]}),
        host.score({"inputs": {name: [value] for name, value in ROW.items()}}),
        host.score({"inputs": [values]}),
        host.send(b"carrier,x,n\nAA,1.5,3\n", "text/csv"),
    ]
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert answers[0][0] == 200 and 0.5 < answers[0][1]["predictions"][0] < 1
    assert host.score({"dataframe_records": []})[1].get("predictions") == []
    _check_refusals(host)
    host.server.process.terminate()
    assert host.server.process.wait(timeout=10) == 0


def _check_refusals(host: Host) -> None:
    for payload, says in [
        ({"dataframe_records": [{"x": 1.0, "n": 1}]}, "carrier"),
        ({"dataframe_records": [{**ROW, "x": "much"}]}, "'x'"),
        ({"dataframe_records": [{**ROW, "carrier": 5}]}, "'carrier'"),
        ({"rows": []}, "exactly one of"),
        ({"inputs": [], "instances": []}, "exactly one of"),
        ({"dataframe_split": {"columns": ["x"], "data": [[1, 2]]}}, "expected 1 values"),
    ]:
        status, body = host.score(payload)
        assert status == 400 and says in body["message"], (payload, body)
    assert host.send(b"{")[0] == 400
    assert host.send(b"x", "text/plain")[0] == 415
    assert host.server.ask("GET", "/nowhere")[0] == 404
    assert host.score({"dataframe_records": [{**ROW, "x": None}]}) == (
        500,
        {"code": "ModelError", "message": host.score({"dataframe_records": [{**ROW, "x": None}]})[1]["message"]},
    )


def test_g3_both_kinds_refuse_in_the_same_words(bench: Bench, trained: Any) -> None:
    hosts = [start(kind, bench, trained) for kind in ("dedicated", "shared")]
    bodies = [
        b"{",
        b'{"rows": []}',
        b'{"instances": [{"x": 1.0, "n": 1}]}',
        b'{"instances": [{"x": "much", "n": 1, "carrier": "AA"}]}',
        b'{"instances": [{"x": null, "n": 3, "carrier": "AA"}]}',
    ]
    try:
        for host in hosts:
            host.settle()
        for body in bodies:
            first, second = (host.send(body) for host in hosts)
            assert first == second and first[0] >= 400
        first, second = (host.server.ask("GET", host.scores_at) for host in hosts)
        assert first[0] == second[0] == 405
    finally:
        for host in hosts:
            host.server.stop()


def test_f20_a_model_with_another_digest_is_never_served(bench: Bench, trained: Any) -> None:
    hosts = [start(kind, bench, trained, digest="sha256:" + "0" * 64) for kind in ("dedicated", "shared")]
    try:
        for host in hosts:
            status, body = host.settle()
            assert (status, body["state"], body["code"]) == (500, "failed", "IntegrityError")
            assert host.score({"instances": [ROW]})[0] == 500
        assert hosts[0].server.process.wait(timeout=15) == 76
    finally:
        for host in hosts:
            host.server.stop()
