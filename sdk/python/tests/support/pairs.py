"""Pairs of a shadow window as the worker writes them, made from what a test says of each request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def pair_rows(
    live: Any,
    shadow: Any,
    inputs: Mapping[str, Any] | None = None,
    per_request: int = 1,
    ms: tuple[Any, Any] | None = None,
) -> pd.DataFrame:
    """A row for each pair of answers, `per_request` to a request. A shadow of None: its copy failed."""
    rows = np.arange(len(live))
    requests = rows // per_request
    live_ms, shadow_ms = ms if ms is not None else ([5.0] * len(live), [10.0] * len(live))
    at = pd.Timestamp("2024-02-01", tz="UTC") + pd.to_timedelta(requests, unit="s")
    return pd.DataFrame(
        {
            "at": [stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z") for stamp in at],
            "request_id": [f"request-{n}" for n in requests],
            "position": (rows % per_request).astype("int32"),
            "live_ms": live_ms,
            "shadow_state": ["failed" if value is None else "answered" for value in shadow],
            "shadow_ms": shadow_ms,
            "live": pd.Series([_text(value) for value in live], dtype=object),
            "shadow": pd.Series([None if value is None else _text(value) for value in shadow], dtype=object),
            **{
                f"input:{name}": pd.Series([_text(value) for value in values], dtype=object)
                for name, values in (inputs or {}).items()
            },
        }
    )


def _text(value: Any) -> str:
    return json.dumps(value.item() if isinstance(value, np.generic) else value)
