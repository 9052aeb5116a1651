"""HTTP to the MLflow server: its REST calls and its artifact proxy. Standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.failures import BadJob, TryAgain

_TIMEOUT_S = 60.0
# Some ten minutes: a job that gave up at once would lose its training to a restart of the server.
_PAUSES_S = (0.2, 0.5, 1.5, 5.0, *(15.0,) * 40)
_RETRIED = (408, 429, 500, 502, 503, 504)
_BUSY_DATABASE = ("QueuePool limit", "database is locked", "deadlock", "could not serialize")


class Refused(Exception):
    """The server answered and said no; `status` is the HTTP status, `code` MLflow's error code where it gave one."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"HTTP {status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Tracking:
    """One MLflow server. An outage becomes TryAgain after ten minutes; an answer that refuses becomes Refused."""

    base: str
    headers: Mapping[str, str]

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> Tracking:
        base = environment.get("MLFLOW_TRACKING_URI", "")
        if not base.startswith(("http://", "https://")):
            raise BadJob(f"MLFLOW_TRACKING_URI: expected an http(s) address, got {base!r}; set it to the MLflow server")
        return Tracking(base.rstrip("/"), _headers(environment))

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One REST call below /api/, with its JSON answer. Retried, so only for calls that may be repeated."""
        return self._json(method, path, body, query, retries=len(_PAUSES_S))

    def call_once(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """A call that creates something: never repeated here, because a lost answer would create it twice."""
        return self._json(method, path, body, None, retries=0)

    def download(self, path: str, target: Path) -> None:
        """Streams artifact `path` (below the proxy's root) into the file `target`."""

        def save(response: http.client.HTTPResponse) -> None:
            with target.open("wb") as file:
                shutil.copyfileobj(response, file, 1 << 20)
            expected = response.headers.get("Content-Length")
            if expected is not None and target.stat().st_size != int(expected):
                raise ConnectionError(f"{target.stat().st_size} of {expected} bytes of {path} arrived")

        self._request("GET", self._artifact(path), None, {}, save, len(_PAUSES_S))

    def upload(self, path: str, source: Path) -> None:
        """Puts the file `source` as artifact `path`, over whatever was there."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(source.stat().st_size)}
        self._request("PUT", self._artifact(path), source, headers, lambda response: response.read(), len(_PAUSES_S))

    def list(self, path: str) -> list[tuple[str, bool, int]]:
        """(name, is a folder, bytes) of what lies directly below artifact folder `path`."""
        answer = self.call("GET", "2.0/mlflow-artifacts/artifacts", query={"path": path})
        files = answer.get("files", [])
        return [(str(f["path"]), bool(f.get("is_dir", False)), int(f.get("file_size", 0))) for f in files]

    def _artifact(self, path: str) -> str:
        return f"{self.base}/api/2.0/mlflow-artifacts/artifacts/{urllib.parse.quote(path)}"

    def _json(self, method: str, path: str, body: Any, query: Mapping[str, Any] | None, retries: int) -> dict[str, Any]:
        url = f"{self.base}/api/{path}" + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        answer = self._request(method, url, data, headers, lambda response: response.read(), retries)
        try:
            value = json.loads(answer or b"{}")
        except ValueError:
            raise TryAgain(f"{method} {url}: expected JSON from the MLflow server, got {answer[:120]!r}") from None
        if not isinstance(value, dict):
            raise TryAgain(f"{method} {url}: expected a JSON object from the MLflow server, got {answer[:120]!r}")
        return value

    def _request(self, method: str, url: str, data: Any, headers: Mapping[str, str], take: Any, retries: int) -> Any:
        for attempt in range(retries + 1):
            try:
                return self._once(method, url, data, headers, take)
            except _Outage as outage:
                if attempt == retries:
                    raise TryAgain(f"{method} {url}: the MLflow server is not reachable or busy: {outage}") from outage
                print(f"{method} {url}: no answer ({outage}); again in {_PAUSES_S[attempt]} s", flush=True)
                time.sleep(_PAUSES_S[attempt])
        raise AssertionError("unreachable")

    def _once(self, method: str, url: str, data: Any, headers: Mapping[str, str], take: Any) -> Any:
        body = data.open("rb") if isinstance(data, Path) else data
        try:
            request = urllib.request.Request(url, data=body, method=method, headers={**self.headers, **headers})
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
                return take(response)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
            raise _Outage(str(error)) from error
        finally:
            if isinstance(data, Path) and body is not None:
                body.close()


class _Outage(Exception):
    pass


def _refusal(error: urllib.error.HTTPError) -> Exception:
    text = error.read(4_000).decode("utf-8", "replace")
    code, message = "", text[:500]
    try:
        value = json.loads(text)
        code, message = str(value.get("error_code", "")), str(value.get("message", text))[:1_000]
    except (ValueError, AttributeError):
        pass
    if error.code in _RETRIED or any(sign in message for sign in _BUSY_DATABASE):
        return _Outage(f"HTTP {error.code} {message[:300]}")
    if error.code in (401, 403):
        return TryAgain(
            f"the MLflow server refused the credentials (HTTP {error.code}: {message[:200]}); "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, for the worker"
        )
    return Refused(error.code, code, message)


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    headers = {"User-Agent": "modelyard-harness"}
    user, token = environment.get("MLFLOW_TRACKING_USERNAME"), environment.get("MLFLOW_TRACKING_TOKEN")
    if user:
        pair = f"{user}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    if environment.get("MLFLOW_WORKSPACE"):
        headers["X-MLFLOW-WORKSPACE"] = environment["MLFLOW_WORKSPACE"]
    return headers
