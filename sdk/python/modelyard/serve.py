"""`serve`: one model behind /ping and /invocations. Answers /ping at once and loads the model beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.bootstrap import enter_environment, home_folder
from modelyard.failures import BadJob, JobFailure, classify
from modelyard.modelcache import obtain_model

_MAX_BODY = 100 * 1024 * 1024
_SHOWN_FAILED_S = 5.0
_GRACE_S = 8
_REQUIREMENTS = "modelyard-requirements.txt"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    model_id: str
    uri: str
    digest: str
    task: str
    allowed_types: tuple[str, ...]


@dataclass
class State:
    """What /ping tells; `scorer` is set once the model is loaded."""

    settings: Settings
    scorer: Any = None
    failure: tuple[str, str, int] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def serve() -> int:
    """Serves until SIGTERM (0), or ends with a failure's exit code."""
    try:
        settings = read_settings(dict(os.environ))
    except JobFailure as failure:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
        return failure.exit_code
    state = State(settings)
    return asyncio.run(_run(state))


def read_settings(environment: dict[str, str]) -> Settings:
    """BadJob names every variable that is missing or wrong."""
    problems: list[str] = []
    for name in ("PORT", "MODELYARD_MODEL_ID", "MODELYARD_MODEL_URI", "MODELYARD_MODEL_DIGEST"):
        if not environment.get(name):
            problems.append(f"{name}: expected a value, got nothing")
    port = environment.get("PORT", "")
    if port and not (port.isdigit() and int(port) < 65_536):
        problems.append(f"PORT: expected a port number, got {port!r}")
    try:
        allowed = json.loads(environment.get("MODELYARD_ALLOWED_TYPES") or "[]")
        if not isinstance(allowed, list) or not all(isinstance(name, str) for name in allowed):
            raise ValueError(f"{allowed!r}")
    except ValueError as problem:
        problems.append(f"MODELYARD_ALLOWED_TYPES: expected a JSON list of texts, got {problem}")
    if problems:
        raise BadJob("the server's environment does not hold together: " + "; ".join(problems))
    return Settings(
        environment.get("HOST") or "127.0.0.1",
        int(port),
        environment["MODELYARD_MODEL_ID"],
        environment["MODELYARD_MODEL_URI"],
        environment["MODELYARD_MODEL_DIGEST"],
        environment.get("MODELYARD_TASK", ""),
        tuple(allowed),
    )


async def _run(state: State) -> int:
    import uvicorn

    config = uvicorn.Config(
        application(state),
        host=state.settings.host,
        port=state.settings.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loading = threading.Thread(target=_load, args=(state, loop, stop), daemon=True)
    loading.start()
    # `serve` of uvicorn would raise the signal again after a clean stop, and so hide the exit code.
    await server._serve()
    return state.failure[2] if state.failure is not None else 0


def _load(state: State, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    try:
        folder = obtain_model(state.settings.uri, state.settings.digest, home_folder())
        _enter_model_environment(folder)
        from modelyard.scorer import Scorer

        state.scorer = Scorer.load(folder, state.settings.task, state.settings.allowed_types)
        print(f"{state.settings.model_id} is ready", flush=True)
    except BaseException as error:
        kind, message, code = classify(error)
        code = code if isinstance(error, JobFailure) else 70
        print(f"{kind}: {message}", file=sys.stderr, flush=True)
        state.failure = (kind, message, code)
        loop.call_soon_threadsafe(loop.call_later, _SHOWN_FAILED_S, stop)


def _enter_model_environment(folder: Path) -> None:
    enter_environment(folder / _REQUIREMENTS, home_folder(), "serve")


def application(state: State) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, body = await _answer(state, scope, receive)
        content = json.dumps(body, allow_nan=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"x-modelyard-model-id", state.settings.model_id.encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


async def _answer(state: State, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
    path, method = scope["path"], scope["method"]
    if path in ("/ping", "/health") and method in ("GET", "HEAD"):
        return ping(state)
    if path != "/invocations":
        return 404, _error("NotFound", f"expected /ping or /invocations, got {path}")
    if method != "POST":
        return 405, _error("MethodNotAllowed", f"expected POST /invocations, got {method}")
    body = await _read_body(receive)
    if body is None:
        return 413, _error("TooLarge", f"expected a body of at most {_MAX_BODY} bytes")
    if state.scorer is None:
        return (503, _error("NotReady", "the model is still loading")) if state.failure is None else ping(state)
    content_type = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"content-type"), "")
    answered: tuple[int, dict[str, Any]] = await asyncio.to_thread(state.scorer.answer, body, content_type)
    return answered


def ping(state: State) -> tuple[int, dict[str, Any]]:
    """503 while starting, 200 with the digest that was verified, 500 when the model was refused."""
    if state.failure is not None:
        kind, message, _ = state.failure
        return 500, {"state": "failed", "code": kind, "message": message}
    if state.scorer is None:
        return 503, {"state": "starting"}
    return 200, {"state": "ready", "modelId": state.settings.model_id, "digest": state.settings.digest}


async def _read_body(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _MAX_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
