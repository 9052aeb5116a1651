"""Digests of files. Standard library only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def folder_files(folder: Path) -> list[dict[str, Any]]:
    """{path, sha256, bytes} of every file below `folder`, by path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return [
        {"path": p.relative_to(folder).as_posix(), "sha256": file_digest(p), "bytes": p.stat().st_size} for p in files
    ]


def model_digest(files: Iterable[Mapping[str, Any]]) -> str:
    """'sha256:…' over the sorted lines '<sha256>  <path>' of a model's files."""
    lines = sorted(f"{file['sha256']}  {file['path']}\n" for file in files)
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
