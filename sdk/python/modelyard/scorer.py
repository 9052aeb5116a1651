"""Answers one scoring request with a loaded model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.columns import ColumnMismatch, conform
from modelyard.modelfiles import load_model
from modelyard.payloads import BadPayload, read_payload
from modelyard.scoring import LoadedModel, score_features

_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True)
class Scorer:
    """A model that is ready. One request is scored at a time: models are not safe to share between threads.

    `around` is entered while the model runs.
    """

    model: LoadedModel
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    lock: threading.Lock = field(default_factory=threading.Lock)

    @staticmethod
    def load(folder: Path, task: str, allowed: Sequence[str]) -> Scorer:
        return Scorer(load_model(folder, task, allowed))

    def answer(self, body: bytes, content_type: str) -> tuple[int, dict[str, Any]]:
        """(HTTP status, JSON body): {predictions} or {code, message}."""
        try:
            rows = read_payload(body, content_type, list(self.model.types), dict(self.model.types))
            if len(rows) == 0:
                return 200, {"predictions": []}
            features = conform(rows, self.model.types) if self.model.types else rows
        except BadPayload as problem:
            return problem.status, _error(problem.code, str(problem))
        except ColumnMismatch as problem:
            return 400, _error("SchemaMismatch", str(problem))
        try:
            with self.lock, self.around():
                predictions = score_features(self.model, features).predictions()
            json.dumps(predictions, allow_nan=False)
        except Exception as error:
            return 500, _error("ModelError", _what_failed(error))
        return 200, {"predictions": predictions}


def _what_failed(error: Exception) -> str:
    if isinstance(error, ValueError) and "JSON compliant" in str(error):
        return "the model answered NaN or infinity"
    return f"{type(error).__name__}: {error}"


def _error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message[:_MESSAGE_CHARACTERS]}
