"""Which models of a shared server wait for which: real scorers around predictors that wait until they are let go."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from modelyard.hosted import ModelSpec
from modelyard.ownmodules import OwnModules
from modelyard.scorer import Scorer
from modelyard.scoring import LoadedModel
from modelyard.sharedfetch import Fetched
from modelyard.sharedmodels import Room, SharedModels
from modelyard.webserver import Reply, Request

SLOW = 40
GIVES_UP_S = 20
MEMORY = 1 << 60
ANSWERED = (200, {"predictions": [1.0]})


class Waiting:
    """A predictor that answers once it is let go."""

    def __init__(self, let_go: threading.Event) -> None:
        self._let_go = let_go

    def predict(self, features: Any) -> list[float]:
        assert self._let_go.wait(3 * GIVES_UP_S)
        return [1.0] * len(features)


@pytest.fixture
def let_go() -> Any:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def fetch(let_go: threading.Event, tmp_path: Path) -> Callable[[ModelSpec], Fetched]:
    """Models that wait, but for those named fast; those named own bring modules."""

    def fetch(spec: ModelSpec) -> Fetched:
        gate = threading.Event()
        gate.set()
        predictor = Waiting(gate if spec.model_id.startswith("fast") else let_go)
        own = spec.model_id.startswith("own")
        around = OwnModules(tmp_path / spec.model_id).in_place if own else nullcontext
        scorer = Scorer(LoadedModel(predictor, "regression", {"x": "double"}), around)
        return Fetched(lambda: scorer, own)

    return fetch


def test_a_fast_model_answers_while_forty_slow_ones_score(fetch: Any, let_go: threading.Event) -> None:
    async def scenario() -> None:
        models = await started(Room(64, MEMORY, 64), fetch, [*(f"slow{n}" for n in range(SLOW)), "fast"])
        slow = [asyncio.create_task(score(models, f"slow{n}")) for n in range(SLOW)]
        assert await in_time(score(models, "fast")) == ANSWERED
        let_go.set()
        assert await asyncio.gather(*slow) == [ANSWERED] * SLOW

    run(scenario(), let_go)


def test_models_that_bring_modules_hold_no_thread_while_another_of_them_scores(
    fetch: Any, let_go: threading.Event
) -> None:
    async def scenario() -> None:
        models = await started(Room(64, MEMORY, 2), fetch, ["own1", "own2", "own3", "fast"])
        own = [asyncio.create_task(score(models, name)) for name in ("own1", "own2", "own3")]
        assert await in_time(score(models, "fast")) == ANSWERED
        let_go.set()
        assert await asyncio.gather(*own) == [ANSWERED] * 3

    run(scenario(), let_go)


def test_a_model_comes_back_while_one_that_brings_modules_waits_to_be_loaded(
    fetch: Any, let_go: threading.Event
) -> None:
    async def scenario() -> None:
        models = await started(Room(2, MEMORY, 8), fetch, ["fast1", "own1", "fast2"])
        assert models.tell("fast1")[1]["loaded"] is False
        scoring = asyncio.create_task(score(models, "own1"))
        adding = asyncio.create_task(models.add("own2", spec("own2")))
        for name in ("fast1", "fast2", "fast1"):
            assert await in_time(score(models, name)) == ANSWERED
        let_go.set()
        assert (await scoring, (await adding)[0]) == (ANSWERED, 200)

    run(scenario(), let_go)


def test_requests_that_come_together_for_a_model_out_of_memory_load_it_once(
    fetch: Any, let_go: threading.Event
) -> None:
    fetched: list[str] = []

    def counted(spec: ModelSpec) -> Fetched:
        fetched.append(spec.model_id)
        got: Fetched = fetch(spec)
        return got

    async def scenario() -> None:
        models = await started(Room(1, MEMORY, 8), counted, ["fast1", "fast2"])
        assert await asyncio.gather(*(score(models, "fast1") for _ in range(5))) == [ANSWERED] * 5

    run(scenario(), let_go)
    assert fetched == ["fast1", "fast2", "fast1"]


def test_models_of_one_digest_are_fetched_one_after_the_other(fetch: Any, let_go: threading.Event) -> None:
    both = threading.Barrier(2)
    alone: list[str] = []

    def met(spec: ModelSpec) -> Fetched:
        try:
            both.wait(0.3)
        except threading.BrokenBarrierError:
            alone.append(spec.model_id)
        got: Fetched = fetch(spec)
        return got

    async def scenario() -> None:
        models = SharedModels(Room(8, MEMORY, 8), met)
        await asyncio.gather(*(models.add(name, spec(name, "sha256:same")) for name in ("fast1", "fast2")))

    run(scenario(), let_go)
    assert sorted(alone) == ["fast1", "fast2"]


async def started(room: Room, fetch: Callable[[ModelSpec], Fetched], names: list[str]) -> SharedModels:
    models = SharedModels(room, fetch)
    for name in names:
        assert (await models.add(name, spec(name)))[0] == 200
    return models


async def score(models: SharedModels, name: str) -> Any:
    async def receive() -> dict[str, Any]:
        return {"body": json.dumps({"instances": [{"x": 1.5}]}).encode()}

    reply: Reply = await models.invoke(name, Request("POST", f"/models/{name}/invoke", "application/json", "", receive))
    return reply.answer


async def in_time(answer: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(answer, GIVES_UP_S)


def run(scenario: Coroutine[Any, Any, None], let_go: threading.Event) -> None:
    """A scenario that fails lets its models go, or their threads would outlive the test."""

    async def ended() -> None:
        try:
            await scenario
        finally:
            let_go.set()

    asyncio.run(ended())


def spec(name: str, digest: str = "") -> ModelSpec:
    return ModelSpec(name, f"/stored/{name}", digest or f"sha256:{name}", "regression")
