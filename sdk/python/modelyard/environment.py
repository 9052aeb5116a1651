"""Builds the environment for a requirements.txt once, under a lock. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from modelyard.failures import EnvironmentFailed, TryAgain

PACKAGE_PARENT = Path(__file__).resolve().parent.parent
_OUTAGES = ("failed to fetch", "connection", "timed out", "dns error", "temporary failure", "network", "no space left")


def has_requirements(file: Path) -> bool:
    """Whether `file` names at least one requirement."""
    if not file.is_file():
        return False
    lines = file.read_text(encoding="utf-8").splitlines()
    return any(line.split("#", 1)[0].strip() for line in lines)


def obtain_environment(requirements: Path, home: Path, base_python: str) -> str:
    """The interpreter of an environment with the harness's requirements and `requirements`.

    Kept below home/environments by digest of both files and the Python version. EnvironmentFailed carries the
    installer's words; TryAgain when the package index could not be reached.
    """
    folder = home / "environments" / environment_digest(requirements)
    folder.parent.mkdir(parents=True, exist_ok=True)
    interpreter, ready = folder / "bin" / "python", folder / ".ready"
    if ready.exists():
        return str(interpreter)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder, requirements, base_python)
            ready.touch()
    return str(interpreter)


def environment_digest(requirements: Path) -> str:
    digest = hashlib.sha256()
    for file in (requirements, PACKAGE_PARENT / "requirements.txt"):
        content = file.read_bytes() if file.is_file() else b""
        digest.update(len(content).to_bytes(8, "big") + content)
    digest.update(f"{sys.implementation.name}-{sys.version_info.major}.{sys.version_info.minor}".encode())
    return digest.hexdigest()


def _build(folder: Path, requirements: Path, base_python: str) -> None:
    print(f"building the environment for {requirements.name} ({folder.name[:12]})", flush=True)
    own = PACKAGE_PARENT / "requirements.txt"
    lists = [part for file in (own, requirements) if file.is_file() for part in ("-r", str(file))]
    uv = _find_uv(base_python)
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", base_python, str(folder)])
        _run(
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder / "bin" / "python"), *lists]
        )
    else:
        _run([base_python, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", *lists])


def _find_uv(base_python: str) -> str | None:
    beside = Path(base_python).parent / "uv"
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    words = (done.stderr or done.stdout).strip()[-1_500:]
    message = f"the environment for requirements.txt could not be built ({Path(command[0]).name}): {words}"
    if any(sign in words.lower() for sign in _OUTAGES):
        raise TryAgain(message)
    raise EnvironmentFailed(message + "\nmend requirements.txt beside the training code and apply the definition again")
