"""`serve-shared`: several models in one process."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from modelyard.filedigests import folder_files, model_digest
from modelyard.modelcache import obtain_model
from tests.support.hosts import SharedServer, start_shared
from tests.support.jobs import LOGREG, Bench

ROWS = {"instances": [{"x": 1.5, "n": 3, "carrier": "AA"}]}
OWN_CODE = """
    from modelyard import CodeModel

    def train(features, labels, params):
        return CodeModel("served.py", code=["helper.py"])
"""
SERVED = """
    import mlflow
    from helper import ANSWER

    class Served(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            from helper import ANSWER as answer_now
            assert answer_now == ANSWER
            return [ANSWER] * len(model_input)

    mlflow.models.set_model(Served())
"""

Start = Callable[..., SharedServer]


@pytest.fixture
def start(bench: Bench) -> Iterator[Start]:
    servers: list[SharedServer] = []

    def start(**room: str) -> SharedServer:
        servers.append(start_shared(bench, **room))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def train(bench: Bench, code: Any = LOGREG, **changes: Any) -> Any:
    outcome = bench.run(bench.train_document(code, **changes))
    assert outcome.code == 0, outcome.failure
    return outcome.result


def test_the_least_recently_used_model_leaves_memory_and_comes_back_when_it_is_asked(
    bench: Bench, start: Start
) -> None:
    trained = train(bench)
    server = start(MODELYARD_SHARED_MODELS="2")
    for name in ("a", "b"):
        assert server.add(name, trained)[0] == 200
    first = server.host("a").score(ROWS)
    assert first[0] == 200 and server.loaded() == ["b", "a"]
    assert server.add("c", trained)[0] == 200
    assert server.loaded() == ["a", "c"]
    # Ready all the same: its digest was verified, and the next request finds it.
    assert server.host("b").settle()[1] == {**server.host("a").settle()[1], "modelName": "b", "loaded": False}
    assert server.host("b").score(ROWS) == first
    assert server.loaded() == ["c", "b"]


def test_a_model_comes_back_while_another_is_still_downloaded(bench: Bench, start: Start) -> None:
    trained = train(bench)
    stored = {"url": str(_cached(bench, trained))}
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as threads:
        server = start(MODELYARD_SHARED_MODELS="1", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("a", "b"):
            assert server.add(name, trained, **stored)[0] == 200
        remote = {"url": "mlflow-artifacts:/model", "digest": "sha256:" + "1" * 64}
        adding = threads.submit(server.add, "remote", trained, **remote)
        asked, _ = silent.accept()
        assert server.host("a").score(ROWS)[0] == 200
        assert server.ask("GET", "/models/remote")[1]["state"] == "starting"
        server.stop()
        asked.close()
        assert isinstance(adding.exception(), OSError)


def test_memory_above_its_bound_leaves_room_for_one_model_only(bench: Bench, start: Start) -> None:
    trained = train(bench)
    server = start(MODELYARD_SHARED_MEMORY_MIB="1")
    for name in ("a", "b"):
        assert server.add(name, trained)[0] == 200
        assert server.loaded() == [name]
    assert server.host("a").score(ROWS)[0] == 200
    assert server.loaded() == ["a"]


def test_f20_a_model_is_verified_again_when_it_comes_back(bench: Bench, start: Start) -> None:
    trained = train(bench)
    stored = bench.folder / "stored"
    shutil.copytree(_cached(bench, trained), stored)
    digest = model_digest(folder_files(stored))
    server = start(MODELYARD_SHARED_MODELS="1")
    assert server.add("a", trained, url=str(stored), digest=digest)[0] == 200
    assert server.add("b", trained)[0] == 200
    (stored / "MLmodel").write_text("altered")
    shutil.rmtree(bench.home / "models")
    status, body = server.host("a").score(ROWS)
    assert (status, body["code"]) == (500, "IntegrityError")
    assert server.host("a").settle()[0] == 500
    assert server.host("b").score(ROWS)[0] == 200


def test_a_model_that_cannot_be_loaded_fails_alone_and_may_be_tried_again(bench: Bench, start: Start) -> None:
    trained = train(bench)
    server = start()
    assert server.add("good", trained)[0] == 200
    status, body = server.add("bad", trained, digest="sha256:" + "0" * 64)
    assert (status, body["state"], body["code"]) == (500, "failed", "IntegrityError")
    nowhere = {"url": str(bench.folder / "nothing"), "digest": "sha256:" + "1" * 64}
    assert server.add("nowhere", trained, **nowhere)[0] == 500
    assert server.host("good").score(ROWS)[0] == 200
    assert server.add("bad", trained)[0] == 200
    assert server.host("bad").score(ROWS)[0] == 200


def test_models_are_added_once_listed_and_deleted(bench: Bench, start: Start) -> None:
    trained = train(bench)
    server = start()
    assert server.ask("GET", "/models") == (200, {"models": []})
    assert server.add("a", trained)[0] == 200
    assert server.add("a", trained)[1]["code"] == "ModelAlreadyLoaded"
    model = server.ask("GET", "/models")[1]["models"][0]
    assert (model["modelName"], model["digest"]) == ("a", trained["model"]["digest"])
    assert server.ask("DELETE", "/models/a") == (200, {})
    for method, path in [("DELETE", "/models/a"), ("GET", "/models/a"), ("POST", "/models/a/invoke")]:
        assert server.ask(method, path, b"{}" if method == "POST" else None)[1]["code"] == "ModelNotFound"
    server.process.terminate()
    assert server.process.wait(timeout=20) == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"model_name": "a", "url": "b"}', b'{"model_name": "a/b"}'])
def test_a_model_without_name_place_or_digest_is_refused(start: Start, body: bytes) -> None:
    server = start()
    status, said = server.ask("POST", "/models", body)
    assert (status, said["code"]) == (400, "BadPayload")
    assert server.ask("GET", "/models") == (200, {"models": []})


def test_models_are_added_and_deleted_only_with_the_token_of_the_server(bench: Bench, start: Start) -> None:
    trained = train(bench)
    server = start(MODELYARD_HOST_INSTANCE="secret")
    assert server.add("a", trained)[1]["code"] == "Unauthorized"
    server.token = "secret"
    assert server.add("a", trained)[0] == 200
    server.token = "another"
    assert server.ask("DELETE", "/models/a")[0] == 401
    assert server.host("a").score(ROWS)[0] == 200


def test_models_that_bring_modules_of_one_name_keep_their_own(bench: Bench, start: Start) -> None:
    server = start(MODELYARD_SHARED_MODELS="2")
    for name, answer in (("one", 1.0), ("two", 2.0), ("three", 3.0)):
        code = bench.pack(OWN_CODE, **{"served.py": SERVED, "helper.py": f"ANSWER = {answer}"})
        trained = train(bench, code, task="regression", label="target")
        status, body = server.add(name, trained, task="regression")
        assert status == 200, body
    for name, answer in (("one", 1.0), ("two", 2.0), ("three", 3.0), ("one", 1.0)):
        assert server.host(name).score(ROWS) == (200, {"predictions": [answer]})


def test_a_model_that_requires_what_the_shared_environment_lacks_is_refused_by_name(bench: Bench, start: Start) -> None:
    stored = bench.folder / "stored"
    shutil.copytree(_cached(bench, train(bench)), stored)
    server = start()
    for name, line, status in [("met", "numpy>=1", 200), ("unmet", "numpy>=1\nno-such-package==1.0", 500)]:
        (stored / "modelyard-requirements.txt").write_text(line)
        digest = model_digest(folder_files(stored))
        got, said = server.add(name, {"model": {"uri": str(stored), "digest": digest}})
        assert got == status, said
    assert said["code"] == "EnvironmentFailed" and "no-such-package==1.0" in said["message"]
    assert "dedicated" in said["message"] and "numpy" not in said["message"]


def test_settings_that_are_wrong_are_all_named(bench: Bench, start: Start, capfd: Any) -> None:
    with pytest.raises(AssertionError):
        start(PORT="port", MODELYARD_SHARED_MODELS="0", MODELYARD_ALLOWED_TYPES=json.dumps({}))
    said = capfd.readouterr().err
    assert all(name in said for name in ("PORT", "MODELYARD_SHARED_MODELS", "MODELYARD_ALLOWED_TYPES"))


def _cached(bench: Bench, trained: Any) -> Path:
    """The model's files as they are stored."""
    return obtain_model(trained["model"]["uri"], trained["model"]["digest"], bench.folder / "fetched")
