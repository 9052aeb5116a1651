"""`serve`: one model behind /ping and /invocations. Answers /ping at once and loads the model beside it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from modelyard.bootstrap import enter_environment, home_folder
from modelyard.failures import JobFailure
from modelyard.hosted import Hosted, ModelSpec, answer_scoring
from modelyard.modelcache import obtain_model
from modelyard.variables import Variables
from modelyard.webserver import Answer, Reply, Request, error, run

_SHOWN_FAILED_S = 5.0
_REQUIREMENTS = "modelyard-requirements.txt"


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    model: ModelSpec
    allowed_types: tuple[str, ...]


def serve() -> int:
    """Serves until SIGTERM (0), or ends with a failure's exit code."""
    try:
        settings = read_settings(Variables(os.environ))
    except JobFailure as failure:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
        return failure.exit_code
    return asyncio.run(_serve(settings, Hosted(settings.model)))


def read_settings(variables: Variables) -> Settings:
    """BadJob names every variable that is missing or wrong."""
    settings = Settings(
        variables.optional("HOST", "127.0.0.1"),
        variables.port("PORT"),
        ModelSpec(
            variables.text("MODELYARD_MODEL_ID"),
            variables.text("MODELYARD_MODEL_URI"),
            variables.text("MODELYARD_MODEL_DIGEST"),
            variables.optional("MODELYARD_TASK"),
        ),
        variables.names("MODELYARD_ALLOWED_TYPES"),
    )
    variables.check()
    return settings


async def _serve(settings: Settings, hosted: Hosted) -> int:
    loop = asyncio.get_running_loop()

    def begin(stop: Callable[[], None]) -> None:
        def shown_failed() -> None:
            loop.call_soon_threadsafe(loop.call_later, _SHOWN_FAILED_S, stop)

        threading.Thread(target=_load, args=(settings, hosted, shown_failed), daemon=True).start()

    async def handle(request: Request) -> Reply:
        return Reply(await _answer(hosted, request), hosted.spec.model_id)

    await run(handle, settings.host, settings.port, begin)
    return 0 if hosted.failure is None else hosted.failure.exit_code


def _load(settings: Settings, hosted: Hosted, failed: Callable[[], None]) -> None:
    try:
        home = home_folder()
        folder = obtain_model(hosted.spec.uri, hosted.spec.digest, home)
        enter_environment(folder / _REQUIREMENTS, home, "serve")
        from modelyard.scorer import Scorer

        hosted.loaded(Scorer.load(folder, hosted.spec.task, settings.allowed_types))
        print(f"{hosted.spec.model_id} is ready", flush=True)
    except BaseException as problem:
        hosted.refused(problem)
        assert hosted.failure is not None
        print(f"{hosted.failure.kind}: {hosted.failure.message}", file=sys.stderr, flush=True)
        failed()


async def _answer(hosted: Hosted, request: Request) -> Answer:
    if request.path in ("/ping", "/health") and request.method in ("GET", "HEAD"):
        return hosted.readiness()
    if request.path != "/invocations":
        return 404, error("NotFound", f"expected /ping or /invocations, got {request.path}")

    async def score(body: bytes, content_type: str) -> Answer:
        answered: Answer = await asyncio.to_thread(hosted.scorer.answer, body, content_type)
        return answered

    return await answer_scoring(request, hosted, score, "/invocations")
