"""Model servers as processes of their own, of one model and of many, asked in the same way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.support.jobs import PACKAGE_PARENT, Bench
from tests.support.server import free_port

MODEL_ID = "sample/7"


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    token: str = ""

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        headers = {"content-type": kind, **({"authorization": f"Bearer {self.token}"} if self.token else {})}
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def settle(self, path: str = "/ping") -> tuple[int, Any]:
        """The first answer of `path` that is not 503."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status, body = self.ask("GET", path)
                if status != 503:
                    return status, body
                assert body["state"] == "starting"
            except (ConnectionError, urllib.error.URLError):
                assert self.process.poll() is None
            time.sleep(0.05)
        raise AssertionError("no answer")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Host:
    """One model on a server: where it tells how it is, and where it scores."""

    server: Server
    ready_at: str
    scores_at: str

    def settle(self) -> tuple[int, Any]:
        return self.server.settle(self.ready_at)

    def score(self, payload: Any) -> tuple[int, Any]:
        return self.send(json.dumps(payload).encode())

    def send(self, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
        return self.server.ask("POST", self.scores_at, body, kind)


@dataclass
class SharedServer(Server):
    def add(self, name: str, result: Any, task: str = "binary-classification", **changes: Any) -> tuple[int, Any]:
        model = {"url": result["model"]["uri"], "digest": result["model"]["digest"], "model_id": MODEL_ID, "task": task}
        return self.ask("POST", "/models", json.dumps({"model_name": name, **model, **changes}).encode())

    def host(self, name: str) -> Host:
        return Host(self, f"/models/{name}", f"/models/{name}/invoke")

    def loaded(self) -> list[str]:
        """Names of the models in memory, the least recently used first."""
        return [model["modelName"] for model in self.ask("GET", "/models")[1]["models"] if model["loaded"]]


def start_dedicated(bench: Bench, result: Any, digest: str | None = None, task: str = "binary-classification") -> Host:
    model = {
        "MODELYARD_MODEL_ID": MODEL_ID,
        "MODELYARD_MODEL_URI": result["model"]["uri"],
        "MODELYARD_MODEL_DIGEST": digest or result["model"]["digest"],
        "MODELYARD_TASK": task,
    }
    return Host(Server(*_start(bench, "serve", model)), "/ping", "/invocations")


def start_shared(bench: Bench, **room: str) -> SharedServer:
    server = SharedServer(*_start(bench, "serve-shared", room))
    assert server.settle() == (200, {"state": "ready"})
    return server


def _start(bench: Bench, step: str, more: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    environment = {
        "PORT": str(port),
        "MODELYARD_ALLOWED_TYPES": "[]",
        "MLFLOW_TRACKING_URI": bench.address,
        "MODELYARD_HOME": str(bench.home),
        "PYTHONPATH": str(PACKAGE_PARENT),
        **more,
    }
    return subprocess.Popen([sys.executable, "-m", "modelyard", step], env={**os.environ, **environment}), port
