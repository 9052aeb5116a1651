"""The routes of SageMaker's multi-model containers; POST /models also takes the model's digest, and needs it."""

from __future__ import annotations

import hmac
import json

from modelyard.hosted import ModelSpec
from modelyard.serve_shared import Settings
from modelyard.sharedfetch import fetch_shared
from modelyard.sharedmodels import Room, SharedModels
from modelyard.webserver import Answer, Reply, Request, error, run, too_large

_FIELDS = ("model_name", "url", "digest")
_THREADS = 64


async def serve_models(settings: Settings) -> None:
    room = Room(settings.models, settings.memory_bytes, max(settings.models, _THREADS))
    models = SharedModels(room, lambda spec: fetch_shared(spec, settings.allowed_types))

    async def handle(request: Request) -> Reply:
        return await answer(models, request, settings.token)

    await run(handle, settings.host, settings.port, lambda _stop: None)


async def answer(models: SharedModels, request: Request, token: str) -> Reply:
    """The answer to one request."""
    match request.path.strip("/").split("/"):
        case ["models", name, "invoke"]:
            return await models.invoke(name, request)
        case ["models", *_] if request.method in ("POST", "DELETE") and not _may_change(request, token):
            # A model may bring code, so that whoever may add one may run code as the user of this process.
            return Reply((401, error("Unauthorized", "expected the token of this server as a bearer token")))
        case parts:
            return Reply(await _manage(models, request, parts))


def _may_change(request: Request, token: str) -> bool:
    return not token or hmac.compare_digest(request.authorization.encode(), f"Bearer {token}".encode())


async def _manage(models: SharedModels, request: Request, parts: list[str]) -> Answer:
    match (request.method, *parts):
        case ("GET" | "HEAD", "ping" | "health"):
            return 200, {"state": "ready"}
        case ("GET", "models"):
            return models.list()
        case ("POST", "models"):
            return await _add(models, request)
        case ("GET", "models", name):
            return models.tell(name)
        case ("DELETE", "models", name):
            return models.remove(name)
    expected = "/ping, /models, /models/{name} or /models/{name}/invoke"
    return 404, error("NotFound", f"expected {expected}, got {request.method} {request.path}")


async def _add(models: SharedModels, request: Request) -> Answer:
    body = await request.body()
    if body is None:
        return too_large()
    try:
        asked = json.loads(body)
    except ValueError as problem:
        return 400, error("BadPayload", f"expected JSON, got: {problem}")
    texts = {name: value for name, value in asked.items() if isinstance(value, str)} if isinstance(asked, dict) else {}
    missing = [name for name in _FIELDS if not texts.get(name)]
    if missing or "/" in texts["model_name"]:
        wrong = f"no {', '.join(missing)}" if missing else "a model_name with '/'"
        return 400, error("BadPayload", f"expected model_name, url and digest as texts, got {wrong}")
    name = texts["model_name"]
    spec = ModelSpec(texts.get("model_id") or name, texts["url"], texts["digest"], texts.get("task", ""))
    return await models.add(name, spec)
