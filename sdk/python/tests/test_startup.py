"""What happens before numpy is imported: archives, environments, failures."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from modelyard import environment
from modelyard.archive import unpack
from modelyard.environment import has_requirements, obtain_environment
from modelyard.failures import BadCode, EnvironmentFailed, TryAgain, UserCodeFailed, classify
from modelyard.output import publish_failure, publish_json
from tests.support.jobs import PACKAGE_PARENT


def packed(folder: Path, *members: tuple[str, bytes | None, str]) -> Path:
    """Members are (name, content, link target); None with a target is a link."""
    path = folder / "code.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content, target in members:
            member = tarfile.TarInfo(name)
            if target:
                member.type, member.linkname = tarfile.SYMTYPE, target
            member.size = len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return path


def test_an_archive_is_unpacked_with_folders_and_links_inside_it(tmp_path: Path) -> None:
    root = tmp_path / "out"
    root.mkdir()
    unpack(packed(tmp_path, ("a/b.py", b"1", ""), ("a/c.py", None, "b.py")), root)
    assert (root / "a" / "c.py").read_bytes() == b"1"


@pytest.mark.parametrize(
    "members",
    [
        [("/etc/x", b"1", "")],
        [("../x", b"1", "")],
        [("a/../../x", b"1", "")],
        [("link", None, "/etc")],
        [("link", None, "../..")],
        [("here", None, "."), ("here/x", b"1", "")],
        [("a", None, "b"), ("a", b"1", "")],
    ],
)
def test_an_archive_that_leaves_its_folder_is_refused(
    tmp_path: Path, members: list[tuple[str, bytes | None, str]]
) -> None:
    root = tmp_path / "out"
    root.mkdir()
    with pytest.raises(BadCode):
        unpack(packed(tmp_path, *members), root)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, ("a.py", os.urandom(4_000), ""))
    path.write_bytes(path.read_bytes()[:-500])
    (tmp_path / "out").mkdir()
    with pytest.raises(BadCode, match="apply the definition again"):
        unpack(path, tmp_path / "out")


def test_only_real_requirements_ask_for_an_environment(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    assert not has_requirements(file)
    file.write_text("# nothing\n\n   # here\n")
    assert not has_requirements(file)
    file.write_text("# one\nsomething==1 # why\n")
    assert has_requirements(file)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment builder that installs nothing but what the test asks for."""
    monkeypatch.setattr(environment, "PACKAGE_PARENT", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return tmp_path


def wheel(folder: Path) -> Path:
    path = folder / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_thing.py", "value = 41\n")
        archive.writestr("tiny_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        archive.writestr(
            "tiny_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_thing-1.0.dist-info/RECORD", "")
    return path


def test_an_environment_is_built_once_for_its_requirements(offline: Path) -> None:
    requirements = offline / "user.txt"
    requirements.write_text(f"{wheel(offline)}\n")
    python = obtain_environment(requirements, offline / "home", sys.executable)
    made = subprocess.run(
        [python, "-c", "import tiny_thing; print(tiny_thing.value)"], capture_output=True, text=True, check=False
    )
    assert made.stdout.strip() == "41"
    mark = Path(python).parent.parent / ".ready"
    before = mark.stat().st_mtime_ns
    assert obtain_environment(requirements, offline / "home", sys.executable) == python
    assert mark.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "failure"),
    [("no version of no-such-thing", EnvironmentFailed), ("error: Failed to fetch: dns error", TryAgain)],
)
def test_what_the_installer_says_decides_whether_to_try_again(words: str, failure: type[Exception]) -> None:
    with pytest.raises(failure, match=words[-10:]):
        environment._run([sys.executable, "-c", f"import sys; sys.exit({words!r})"])


def test_nothing_numeric_is_imported_before_the_document_is_known() -> None:
    probe = "import sys, modelyard.__main__; print([m for m in ('numpy', 'mlflow') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_result_is_published_whole_or_not_at_all(tmp_path: Path) -> None:
    publish_json(tmp_path, "result.json", {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        publish_json(tmp_path, "result.json", {"a": float("nan")})
    assert json.loads((tmp_path / "result.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_failure_is_cut_to_size(tmp_path: Path) -> None:
    assert publish_failure(tmp_path, TryAgain("x" * 5_000)) == 75
    failure = json.loads((tmp_path / "failure.json").read_text())
    assert (failure["type"], len(failure["message"]), failure["traceback"]) == ("TryAgain", 2_000, None)


def test_a_users_failure_shows_the_users_traceback(tmp_path: Path) -> None:
    try:
        try:
            raise KeyError("their own")
        except KeyError as cause:
            raise UserCodeFailed("KeyError in train: 'their own'") from cause
    except UserCodeFailed as failed:
        assert classify(failed)[::2] == ("KeyError", 70)
        publish_failure(tmp_path, failed)
    assert "their own" in json.loads((tmp_path / "failure.json").read_text())["traceback"]


def test_a_job_without_its_environment_says_what_to_set() -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
    done = subprocess.run(
        [sys.executable, "-m", "modelyard", "train"],
        env={**bare, "PYTHONPATH": str(PACKAGE_PARENT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 64 and "MODELYARD_OUTPUT" in done.stderr
