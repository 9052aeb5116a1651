"""A model on a server: how far it is, and its answers. The same on a server of one model and on one of many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from modelyard.failures import JobFailure, classify
from modelyard.webserver import Answer, Request, error, too_large

_REFUSED_FOR_GOOD = 70


@dataclass(frozen=True)
class ModelSpec:
    model_id: str
    uri: str
    digest: str
    task: str


@dataclass(frozen=True)
class Failure:
    """Why a model was refused, and what a process that serves it alone ends with."""

    kind: str
    message: str
    exit_code: int

    @staticmethod
    def of(problem: BaseException) -> Failure:
        kind, message, _ = classify(problem)
        return Failure(kind, message, problem.exit_code if isinstance(problem, JobFailure) else _REFUSED_FOR_GOOD)


@dataclass
class Hosted:
    """`verified`: it was loaded with its digest; `scorer`: set as long as it is in memory."""

    spec: ModelSpec
    scorer: Any = None
    failure: Failure | None = None
    verified: bool = False

    def loaded(self, scorer: Any) -> None:
        self.scorer, self.failure, self.verified = scorer, None, True

    def refused(self, problem: BaseException) -> None:
        self.scorer, self.failure, self.verified = None, Failure.of(problem), False

    def readiness(self) -> Answer:
        """503 while starting, 200 with the digest that was verified, 500 when the model was refused."""
        if self.failure is not None:
            return 500, {"state": "failed", "code": self.failure.kind, "message": self.failure.message}
        if not self.verified:
            return 503, {"state": "starting"}
        return 200, {"state": "ready", "modelId": self.spec.model_id, "digest": self.spec.digest}


Score = Callable[[bytes, str], Awaitable[Answer]]


async def answer_scoring(request: Request, hosted: Hosted, score: Score, path: str) -> Answer:
    """The answer to a request for scores at `path`."""
    if request.method != "POST":
        return 405, error("MethodNotAllowed", f"expected POST {path}, got {request.method}")
    body = await request.body()
    if body is None:
        return too_large()
    if hosted.failure is not None:
        return hosted.readiness()
    if not hosted.verified:
        return 503, error("NotReady", "the model is still loading")
    return await score(body, request.content_type)
