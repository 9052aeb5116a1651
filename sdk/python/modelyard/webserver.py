"""HTTP as both model servers speak it: JSON answers, bounded bodies, and an end at SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

_MAX_BODY = 100 * 1024 * 1024
_GRACE_S = 8

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    content_type: str
    authorization: str
    _receive: Receive

    async def body(self) -> bytes | None:
        """None when it is larger than any body may be."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > _MAX_BODY:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)


@dataclass(frozen=True)
class Reply:
    answer: Answer
    model_id: str | None = None


def error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


def too_large() -> Answer:
    return 413, error("TooLarge", f"expected a body of at most {_MAX_BODY} bytes")


def application(handle: Callable[[Request], Awaitable[Reply]]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application that answers with what `handle` returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = {name: value.decode("latin-1") for name, value in scope["headers"]}
        content_type, authorization = (given.get(name, "") for name in (b"content-type", b"authorization"))
        reply = await handle(Request(scope["method"], scope["path"], content_type, authorization, receive))
        status, body = reply.answer
        content = json.dumps(body, allow_nan=False).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        if reply.model_id is not None:
            headers.append((b"x-modelyard-model-id", reply.model_id.encode("latin-1", "replace")))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


async def run(
    handle: Callable[[Request], Awaitable[Reply]], host: str, port: int, begin: Callable[[Callable[[], None]], None]
) -> None:
    """Listens until SIGTERM, or until the `stop` that `begin` is given is called."""
    import uvicorn

    config = uvicorn.Config(
        application(handle),
        host=host,
        port=port,
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
    begin(stop)
    # `serve` of uvicorn would raise the signal again after a clean stop, and so hide the exit code.
    await server._serve()
