"""The models of a shared server. The least recently used leaves memory for want of room, until it is asked again."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from modelyard.hosted import Hosted, ModelSpec, answer_scoring
from modelyard.memory import give_back, resident_bytes
from modelyard.sharedfetch import Fetched
from modelyard.webserver import Answer, Reply, Request, error

_OUT_OF_MEMORY = "MemoryError"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Room:
    """Models in memory at once, and the bytes the process may have before one more is loaded. One is always let in.

    `threads`: models that score at once, and as many more that are fetched; further ones wait.
    """

    models: int
    memory_bytes: int
    threads: int


@dataclass
class SharedModel:
    """`turn`: one request of a model holds one thread, so that a slow model leaves threads to the others.

    `brings_modules` is known once its files are here.
    """

    name: str
    hosted: Hosted
    brings_modules: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def told(self) -> dict[str, Any]:
        _, state = self.hosted.readiness()
        loaded = self.hosted.scorer is not None
        return {"modelName": self.name, "modelUrl": self.hosted.spec.uri, **state, "loaded": loaded}


class SharedModels:
    """Its state changes on the event loop only. Threads fetch, load and score; what waits for a turn holds none."""

    def __init__(
        self, room: Room, fetch: Callable[[ModelSpec], Fetched], resident: Callable[[], int] = resident_bytes
    ) -> None:
        self._room = room
        self._fetch = fetch
        self._resident = resident
        self._models: OrderedDict[str, SharedModel] = OrderedDict()
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._loading = asyncio.Lock()
        self._in_place = asyncio.Lock()
        # The default executor has few threads on few cores: as many slow models would stop all the others.
        self._bringing_in = ThreadPoolExecutor(room.threads, "bring-in")
        self._scoring = ThreadPoolExecutor(room.threads, "score")

    def list(self) -> Answer:
        """The least recently used first."""
        return 200, {"models": [model.told() for model in self._models.values()]}

    def tell(self, name: str) -> Answer:
        """503 while it is loaded for the first time, 200 once its digest was verified, 500 when it was refused."""
        model = self._models.get(name)
        return _unknown(name) if model is None else (model.hosted.readiness()[0], model.told())

    async def add(self, name: str, spec: ModelSpec) -> Answer:
        """Answers when it is loaded or refused; a refused one may be added again."""
        there = self._models.get(name)
        if there is not None and there.hosted.failure is None:
            return 409, error("ModelAlreadyLoaded", f"{name} is here as {there.hosted.spec.model_id}; delete it first")
        model = SharedModel(name, Hosted(spec))
        self._models[name] = model
        async with model.turn:
            await self._bring_in(model)
        failure = model.hosted.failure
        status, _ = model.hosted.readiness()
        return 507 if failure is not None and failure.kind == _OUT_OF_MEMORY else status, model.told()

    def remove(self, name: str) -> Answer:
        """A request that is being scored with it is still answered."""
        if self._models.pop(name, None) is None:
            return _unknown(name)
        give_back()
        return 200, {}

    async def invoke(self, name: str, request: Request) -> Reply:
        model = self._models.get(name)
        if model is None:
            return Reply(_unknown(name))
        answer = await answer_scoring(
            request, model.hosted, lambda body, kind: self._score(model, body, kind), f"/models/{name}/invoke"
        )
        return Reply(answer, model.hosted.spec.model_id)

    async def _score(self, model: SharedModel, body: bytes, content_type: str) -> Answer:
        async with model.turn:
            if model.hosted.scorer is None:
                await self._bring_in(model)
            scorer = model.hosted.scorer
            if scorer is None:
                return model.hosted.readiness()
            if model.name in self._models:
                self._models.move_to_end(model.name)
            async with self._place_for(model):
                return await _in_thread(self._scoring, lambda: scorer.answer(body, content_type))

    async def _bring_in(self, model: SharedModel) -> None:
        """Only in the model's turn, so that requests that came together load it once."""
        try:
            fetched = await self._fetch_in_turn(model.hosted.spec)
            model.brings_modules = fetched.brings_modules
            # The place first: a model that waits for one that scores in it must not hold up the loads of others.
            # Then one load at a time, so that each sees the room that the ones before it left.
            async with self._place_for(model), self._loading:
                self._make_room(model)
                model.hosted.loaded(await _in_thread(self._bringing_in, fetched.load))
            print(f"{model.hosted.spec.model_id} is ready", flush=True)
        except Exception as problem:
            model.hosted.refused(problem)
            print(f"{model.name}: {type(problem).__name__}: {problem}", file=sys.stderr, flush=True)

    async def _fetch_in_turn(self, spec: ModelSpec) -> Fetched:
        # Models of one digest share its files on this machine, which one of them may find bad and replace.
        async with self._fetching.setdefault(spec.digest, asyncio.Lock()):
            return await _in_thread(self._bringing_in, lambda: self._fetch(spec))

    def _place_for(self, model: SharedModel) -> AbstractAsyncContextManager[None]:
        return self._in_place if model.brings_modules else nullcontext()

    def _make_room(self, wanted: SharedModel) -> None:
        for model in [m for m in self._models.values() if m is not wanted and m.hosted.scorer is not None]:
            if self._has_room(wanted):
                return
            model.hosted.scorer = None
            print(f"{model.hosted.spec.model_id} is unloaded", flush=True)
            give_back()

    def _has_room(self, wanted: SharedModel) -> bool:
        loaded = sum(m is not wanted and m.hosted.scorer is not None for m in self._models.values())
        return loaded < self._room.models and self._resident() < self._room.memory_bytes


async def _in_thread(threads: ThreadPoolExecutor, act: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(threads, act)


def _unknown(name: str) -> Answer:
    return 404, error("ModelNotFound", f"no model is named {name}; add it by POST /models")
