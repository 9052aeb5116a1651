"""Fetches the code archive, checks it, and unpacks it once per content. Standard library only."""

from __future__ import annotations

import hashlib
import posixpath
import shutil
import tarfile
import tempfile
from pathlib import Path

from modelyard.documents import Code
from modelyard.failures import BadCode, IntegrityError
from modelyard.stores import fetch_file

_MAX_BYTES = 512 * 1024 * 1024
_MAX_MEMBERS = 20_000


def obtain_code(code: Code, home: Path) -> Path:
    """The folder with the unpacked archive, shared by all jobs with the same digest and never changed.

    BadCode when the archive is missing, has another digest, or holds a path outside itself.
    """
    root = home / "code"
    target = root / code.digest.removeprefix("sha256:")
    if target.is_dir():
        return target
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-") as temporary:
        packed, unpacked = Path(temporary) / "code.tar.gz", Path(temporary) / "code"
        _fetch_checked(code, packed)
        unpacked.mkdir()
        unpack(packed, unpacked)
        _publish(unpacked, target)
    return target


def _fetch_checked(code: Code, packed: Path) -> None:
    try:
        fetch_file(code.uri, packed)
    except IntegrityError as missing:
        raise BadCode(f"the code archive is missing: {missing}; apply the definition again to upload it") from missing
    got = "sha256:" + hashlib.sha256(packed.read_bytes()).hexdigest()
    if got != code.digest:
        raise BadCode(
            f"the code archive {code.uri}: expected digest {code.digest}, got {got}; apply the definition again"
        )


def unpack(packed: Path, root: Path) -> None:
    """Unpacks regular files, folders and links that stay inside; BadCode for anything else."""
    try:
        with tarfile.open(packed, "r:*") as archive:
            left = _MAX_BYTES
            for count, member in enumerate(archive):
                left -= member.size
                if count >= _MAX_MEMBERS or left < 0:
                    raise BadCode(
                        f"the code archive: expected at most {_MAX_MEMBERS} files and {_MAX_BYTES} bytes, got more"
                    )
                _place(archive, member, root)
    except (tarfile.TarError, EOFError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        raise BadCode(f"the code archive cannot be unpacked: {problem}; apply the definition again") from problem


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    name = posixpath.normpath(member.name)
    if name == ".":
        return
    if name.startswith(("/", "..")):
        raise BadCode(f"the code archive: expected paths inside it, got {member.name!r}")
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent.resolve() != root.resolve() / posixpath.dirname(name):
        raise BadCode(f"the code archive: expected no file behind a link, got {member.name!r}")
    if target.is_symlink():
        raise BadCode(f"the code archive: expected each path once, got {member.name!r} twice")
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        _link(member, name, target)
    elif member.isfile():
        source = archive.extractfile(member)
        assert source is not None
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        target.chmod(0o555 if member.mode & 0o100 else 0o444)
    else:
        raise BadCode(
            f"the code archive: expected files, folders and links inside it, got {member.name!r} of another kind"
        )


def _link(member: tarfile.TarInfo, name: str, target: Path) -> None:
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
    if posixpath.isabs(member.linkname) or inside.startswith(".."):
        raise BadCode(f"the code archive: expected links inside it, got {member.name!r} -> {member.linkname!r}")
    target.symlink_to(member.linkname)


def _publish(unpacked: Path, target: Path) -> None:
    try:
        unpacked.rename(target)
    except OSError:
        if not target.is_dir():
            raise
