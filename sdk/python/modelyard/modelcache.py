"""Downloads a model's files once per digest and checks them at every use. Standard library only."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from modelyard.failures import IntegrityError
from modelyard.filedigests import folder_files, model_digest
from modelyard.stores import open_store


def obtain_model(uri: str, digest: str, home: Path) -> Path:
    """A folder with exactly the files of `digest`; IntegrityError when the store has others, or lacks one."""
    root = home / "models"
    target = root / digest.removeprefix("sha256:")
    if target.is_dir():
        if model_digest(folder_files(target)) == digest:
            return target
        # A copy that went bad on this machine says nothing about the store.
        shutil.rmtree(target, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".fetching-") as temporary:
        fetched = Path(temporary) / "model"
        _download(uri, fetched)
        got = model_digest(folder_files(fetched))
        if got != digest:
            raise IntegrityError(f"the model at {uri}: expected digest {digest}, got {got}; it is not loaded")
        try:
            fetched.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _download(uri: str, folder: Path) -> None:
    store = open_store(uri)
    names = store.files()
    if not names:
        raise IntegrityError(f"the model at {uri}: expected its files, got none; it is not loaded")
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise IntegrityError(f"the model at {uri}: expected paths inside it, got {name!r}")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        store.download(name, target)
