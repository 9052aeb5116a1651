"""`serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.jobs import PACKAGE_PARENT, Bench
from tests.support.server import free_port

ROW = {"x": 1.5, "n": 3, "carrier": "AA"}


@dataclass
class Host:
    process: subprocess.Popen[bytes]
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=body, method=method, headers={"content-type": kind})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def score(self, payload: Any) -> tuple[int, Any]:
        return self.ask("POST", "/invocations", json.dumps(payload).encode())

    def settle(self) -> tuple[int, Any]:
        """The first /ping that is not 503."""
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                status, body = self.ask("GET", "/ping")
                if status != 503:
                    return status, body
                assert body == {"state": "starting"}
            except (ConnectionError, urllib.error.URLError):
                assert self.process.poll() is None
            time.sleep(0.05)
        raise AssertionError("no answer")


def start(bench: Bench, result: Any, digest: str | None = None, task: str = "binary-classification") -> Host:
    port = free_port()
    environment = {
        "PORT": str(port),
        "MODELYARD_MODEL_ID": "sample/7",
        "MODELYARD_MODEL_URI": result["model"]["uri"],
        "MODELYARD_MODEL_DIGEST": digest or result["model"]["digest"],
        "MODELYARD_ALLOWED_TYPES": "[]",
        "MLFLOW_TRACKING_URI": bench.address,
        "MODELYARD_TASK": task,
        "MODELYARD_HOME": str(bench.home),
        "PYTHONPATH": str(PACKAGE_PARENT),
    }
    return Host(subprocess.Popen([sys.executable, "-m", "modelyard", "serve"], env={**os.environ, **environment}), port)


@pytest.fixture
def trained(bench: Bench) -> Any:
    outcome = bench.run(bench.train_document())
    assert outcome.code == 0, outcome.failure
    return outcome.result


@pytest.fixture
def host(bench: Bench, trained: Any) -> Iterator[Host]:
    host = start(bench, trained)
    yield host
    host.process.kill()
    host.process.wait()


def test_g3_one_signature_for_every_payload_form(host: Host, trained: Any) -> None:
    status, body = host.settle()
    assert (status, body) == (200, {"state": "ready", "modelId": "sample/7", "digest": trained["model"]["digest"]})
    columns, values = list(ROW), list(ROW.values())
    answers = [
        host.score({"dataframe_split": {"columns": columns, "data": [values]}}),
        host.score({"dataframe_split": {"columns": columns[::-1], "data": [values[::-1]]}}),
        host.score({"dataframe_records": [{**ROW, "extra": None}]}),
        host.score({"instances": [ROW]}),
        host.score({"inputs": {name: [value] for name, value in ROW.items()}}),
        host.score({"inputs": [values]}),
        host.ask("POST", "/invocations", b"carrier,x,n\nAA,1.5,3\n", "text/csv"),
    ]
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert answers[0][0] == 200 and 0.5 < answers[0][1]["predictions"][0] < 1
    assert host.score({"dataframe_records": []})[1].get("predictions") == []
    _check_refusals(host)
    host.process.terminate()
    assert host.process.wait(timeout=10) == 0


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
    assert host.ask("POST", "/invocations", b"{")[0] == 400
    assert host.ask("POST", "/invocations", b"x", "text/plain")[0] == 415
    assert host.ask("GET", "/nowhere")[0] == 404
    assert host.score({"dataframe_records": [{**ROW, "x": None}]}) == (
        500,
        {"code": "ModelError", "message": host.score({"dataframe_records": [{**ROW, "x": None}]})[1]["message"]},
    )


def test_f20_a_model_with_another_digest_is_never_served(bench: Bench, trained: Any) -> None:
    host = start(bench, trained, digest="sha256:" + "0" * 64)
    status, body = host.settle()
    assert (status, body["state"], body["code"]) == (500, "failed", "IntegrityError")
    assert host.score({"instances": [ROW]})[0] == 500
    assert host.process.wait(timeout=15) == 76
