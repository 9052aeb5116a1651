"""Digests and row hashes of table content."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Words = npt.NDArray[np.uint64]

_NULL = np.uint64(0x9E3779B97F4A7C15)
_EXACT = 2**53


def content_digest(frame: pd.DataFrame) -> str:
    """'sha256:…' of the rows' content, whatever the order of rows and columns and the width of a number."""
    names = sorted(str(name) for name in frame.columns)
    first, second = row_hashes(frame, 1), row_hashes(frame, 2)
    order = np.lexsort((second, first))
    digest = hashlib.sha256("\n".join(names).encode())
    digest.update(len(frame).to_bytes(8, "big"))
    digest.update(np.stack([first[order], second[order]], axis=1).astype("<u8").tobytes())
    return "sha256:" + digest.hexdigest()


def row_hashes(frame: pd.DataFrame, seed: int) -> Words:
    """One 64-bit hash per row, of its values and column names; independent of other rows and of column order."""
    total = np.zeros(len(frame), dtype=np.uint64)
    for name in sorted(str(column) for column in frame.columns):
        salt = np.uint64(int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "big"))
        with np.errstate(over="ignore"):
            total = _mix(total * np.uint64(31) + _mix(_words(frame[name], seed) ^ salt))
    return total


def _mix(words: Words) -> Words:
    """The finaliser of splitmix64."""
    with np.errstate(over="ignore"):
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _words(series: pd.Series[Any], seed: int) -> Words:
    """Each value as 64 bits; equal values give equal bits though one column is int8 and the other float64."""
    if pd.api.types.is_datetime64_any_dtype(series):
        aware = series.dt.tz_localize("UTC") if series.dt.tz is None else series
        values = aware.dt.as_unit("us").astype("int64").to_numpy().view(np.uint64)
    elif isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        values = _number_words(series.to_numpy())
    else:
        return _text_words(series, seed)
    return np.where(series.isna().to_numpy(), _NULL, values)


def _number_words(values: npt.NDArray[Any]) -> Words:
    if values.dtype.kind in "iu" and len(values) and (int(values.max()) > _EXACT or int(values.min()) < -_EXACT):
        exact = values.astype(np.int64 if values.dtype.kind == "i" else np.uint64).view(np.uint64)
        small = (values <= _EXACT) & (values >= -_EXACT) if values.dtype.kind == "i" else values <= _EXACT
        return np.where(small, _float_words(values), exact)
    return _float_words(values)


def _float_words(values: npt.NDArray[Any]) -> Words:
    return np.ascontiguousarray(values.astype(np.float64) + 0.0).view(np.uint64)


def _text_words(series: pd.Series[Any], seed: int) -> Words:
    codes, uniques = pd.factorize(series.map(_text, na_action="ignore"), use_na_sentinel=True)
    key = seed.to_bytes(8, "big", signed=True)
    words = [
        int.from_bytes(hashlib.blake2b(str(text).encode(), digest_size=8, key=key).digest(), "big") for text in uniques
    ]
    table = np.array([*words, int(_NULL)], dtype=np.uint64)
    return table[codes]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)
