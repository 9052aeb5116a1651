"""Folders of files behind a URI: MLflow's artifact proxy, a local path, or what MLflow's own clients reach.

Standard library only, but for the last kind.
"""

from __future__ import annotations

import shutil
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from modelyard.failures import BadJob, IntegrityError, TryAgain
from modelyard.tracking import Refused, Tracking


class Store(Protocol):
    """Files below one URI, by relative path with '/' separators."""

    def files(self) -> list[str]: ...

    def download(self, path: str, target: Path) -> None:
        """IntegrityError when the file is not there."""

    def upload(self, path: str, source: Path) -> None: ...


class ProxyStore:
    """Below a path of the MLflow server's artifact proxy."""

    def __init__(self, tracking: Tracking, root: str) -> None:
        self._tracking = tracking
        self._root = root.strip("/")

    def files(self) -> list[str]:
        return sorted(self._below(""))

    def _below(self, folder: str) -> list[str]:
        path = "/".join(part for part in (self._root, folder) if part)
        found: list[str] = []
        try:
            entries = self._tracking.list(path)
        except Refused as refused:
            if refused.status == 404:
                return []
            raise TryAgain(f"the artifact store refused to list {path}: {refused}") from refused
        for name, is_folder, _ in entries:
            inside = f"{folder}/{name.rsplit('/', 1)[-1]}".strip("/")
            found.extend(self._below(inside) if is_folder else [inside])
        return found

    def download(self, path: str, target: Path) -> None:
        try:
            self._tracking.download(f"{self._root}/{path}".strip("/"), target)
        except Refused as refused:
            if refused.status == 404:
                raise IntegrityError(f"expected a stored file {self._root}/{path}, got none") from refused
            raise TryAgain(f"the artifact store refused to give {self._root}/{path}: {refused}") from refused

    def upload(self, path: str, source: Path) -> None:
        try:
            self._tracking.upload(f"{self._root}/{path}", source)
        except Refused as refused:
            raise TryAgain(f"the artifact store refused to take {self._root}/{path}: {refused}") from refused


class FolderStore:
    """A local folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self) -> list[str]:
        return sorted(p.relative_to(self._root).as_posix() for p in self._root.rglob("*") if p.is_file())

    def download(self, path: str, target: Path) -> None:
        try:
            shutil.copyfile(self._root / path if path else self._root, target)
        except (FileNotFoundError, NotADirectoryError):
            raise IntegrityError(f"expected a file {self._root / path}, got none") from None

    def upload(self, path: str, source: Path) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class ClientStore:
    """An object store that MLflow's own client reaches (s3://, gs://, …)."""

    def __init__(self, uri: str) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        self._uri = uri
        self._repository: Any = get_artifact_repository(uri)

    def files(self) -> list[str]:
        return sorted(self._guarded(lambda: self._below(None)))

    def _below(self, folder: str | None) -> list[str]:
        found: list[str] = []
        for entry in self._repository.list_artifacts(folder):
            found.extend(self._below(entry.path) if entry.is_dir else [entry.path])
        return found

    def download(self, path: str, target: Path) -> None:
        if path not in self.files():
            raise IntegrityError(f"expected a stored file {self._uri}/{path}, got none")
        local = self._guarded(lambda: self._repository.download_artifacts(path, dst_path=str(target.parent)))
        Path(local).replace(target)

    def upload(self, path: str, source: Path) -> None:
        folder, _, name = path.rpartition("/")
        named = source if source.name == name else Path(shutil.copy(source, source.parent / name))
        self._guarded(lambda: self._repository.log_artifact(str(named), folder or None))

    def _guarded(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Exception as problem:
            raise TryAgain(f"the artifact store below {self._uri} failed: {problem}") from problem


def open_store(uri: str, tracking: Tracking | None = None) -> Store:
    """The store below `uri`; BadJob for a URI that is none. `tracking` serves mlflow-artifacts: URIs."""
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme == "mlflow-artifacts":
        server = tracking or Tracking.from_environment()
        if parts.netloc and parts.netloc != urllib.parse.urlsplit(server.base).netloc:
            raise BadJob(f"{uri}: expected artifacts of the MLflow server {server.base}, got those of {parts.netloc}")
        _refuse_upwards(parts.path, uri)
        return ProxyStore(server, parts.path)
    if parts.scheme in ("", "file"):
        path = urllib.parse.unquote(parts.path) if parts.scheme else uri
        if not path.startswith("/"):
            raise BadJob(f"{uri!r}: expected an absolute path or a URI, got a relative path")
        return FolderStore(Path(path))
    if len(parts.scheme) < 2:
        raise BadJob(f"{uri!r}: expected a path or a URI such as mlflow-artifacts:/… or s3://…")
    return ClientStore(uri)


def fetch_file(uri: str, target: Path, tracking: Tracking | None = None) -> None:
    """Copies the one file at `uri` to `target`; IntegrityError when it is not there."""
    folder, _, name = uri.rpartition("/")
    open_store(folder if ":" in folder or folder else "/", tracking).download(urllib.parse.unquote(name), target)


def _refuse_upwards(path: str, uri: str) -> None:
    if ".." in path.split("/"):
        raise BadJob(f"{uri}: expected a path without '..'")
