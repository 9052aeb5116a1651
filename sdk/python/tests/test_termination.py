"""The last word of a job in a container."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.failures import BadJob, TryAgain
from modelyard.filedigests import file_digest
from modelyard.output import publish_failure
from modelyard.stores import fetch_file
from modelyard.termination import LIMIT_BYTES, failure_line, tell, told_result
from tests.support.jobs import Bench

FAILURE = {"type": "KeyError", "message": "KeyError in train: 'x'", "traceback": None}


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file a kubelet would read; large results go below `results`."""
    file = tmp_path / "termination-log"
    file.touch()
    monkeypatch.setenv("MODELYARD_TERMINATION_LOG", str(file))
    monkeypatch.setenv("MODELYARD_RESULTS", (tmp_path / "results").as_uri())
    monkeypatch.setenv("MODELYARD_POD", "pod-1")
    return file


def of_bytes(size: int) -> dict[str, str]:
    """A result whose line measures `size` bytes."""
    return {"a": "x" * (size - len(b'{"result":{"a":""}}'))}


def test_a_result_that_fits_is_told_itself(said: Path) -> None:
    tell(told_result({"rows": 3, "text": "ü"}))
    assert said.read_text(encoding="utf-8") == '{"result":{"rows":3,"text":"ü"}}'


@pytest.mark.parametrize(("size", "uploaded"), [(LIMIT_BYTES, False), (LIMIT_BYTES + 1, True)])
def test_a_result_is_told_by_reference_from_the_first_byte_that_does_not_fit(
    said: Path, tmp_path: Path, size: int, uploaded: bool
) -> None:
    result = of_bytes(size)
    line = told_result(result)
    assert line is not None and len(line) <= LIMIT_BYTES
    file = tmp_path / "results" / "pod-1" / "result.json"
    assert file.exists() == uploaded
    if not uploaded:
        assert len(line) == size and json.loads(line) == {"result": result}
        return
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert json.loads(line) == {"resultAt": {"uri": file.as_uri(), "sha256": digest}}
    assert json.loads(file.read_text(encoding="utf-8")) == result


def test_bytes_count_and_not_characters(said: Path) -> None:
    line = told_result({"a": "ü" * (LIMIT_BYTES // 2)})
    assert line is not None and b"resultAt" in line


@pytest.mark.parametrize("lost", ["MODELYARD_RESULTS", "MODELYARD_POD"])
def test_a_large_result_without_a_place_to_go_names_the_variable(
    said: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.delenv(lost)
    with pytest.raises(BadJob, match=lost):
        told_result(of_bytes(LIMIT_BYTES + 1))


def test_an_upload_that_fails_is_worth_another_try(said: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MODELYARD_RESULTS", str(tmp_path / "file"))
    with pytest.raises(TryAgain, match="could not be uploaded"):
        told_result(of_bytes(LIMIT_BYTES + 1))


def test_without_the_variable_nothing_is_said(said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELYARD_TERMINATION_LOG")
    tell(told_result(of_bytes(LIMIT_BYTES + 1)))
    assert said.read_bytes() == b"" and not (said.parent / "results").exists()


def test_a_failure_that_fits_is_told_whole() -> None:
    assert json.loads(failure_line(FAILURE)) == {"failure": FAILURE}


@pytest.mark.parametrize("piece", ["x", "ü", '"', "\n", "\x00", "\U0001f6eb", "\udc80"])
@pytest.mark.parametrize("traced", [True, False])
def test_a_failure_that_does_not_fit_keeps_its_messages_start_and_its_tracebacks_end(piece: str, traced: bool) -> None:
    trace = piece * 9_000 + "the end" if traced else None
    line = failure_line({"type": "E" * 300, "message": "the start" + piece * 9_000, "traceback": trace})
    told = json.loads(line)["failure"]
    assert len(line) <= LIMIT_BYTES and told["message"].startswith("the start" + piece)
    if traced:
        assert told["traceback"].endswith(piece + "the end") and len(line) > LIMIT_BYTES - 12
    else:
        assert told["traceback"] is None


def test_a_failures_last_word_is_told_with_its_exit_code(said: Path, tmp_path: Path) -> None:
    assert publish_failure(tmp_path / "output", TryAgain("the store is away")) == 75
    expected = {"type": "TryAgain", "message": "the store is away", "traceback": None}
    assert json.loads(said.read_bytes()) == {"failure": expected}
    assert json.loads((tmp_path / "output" / "failure.json").read_text()) == expected


def test_a_failure_keeps_its_exit_code_when_nobody_can_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELYARD_TERMINATION_LOG", str(tmp_path / "no folder" / "log"))
    assert publish_failure(tmp_path, TryAgain("away")) == 75
    assert "MODELYARD_TERMINATION_LOG" in capsys.readouterr().err


def test_a_failure_with_half_a_character_is_written_whole(tmp_path: Path) -> None:
    assert publish_failure(tmp_path, TryAgain("a file named \udc80")) == 75
    assert json.loads((tmp_path / "failure.json").read_text(encoding="utf-8"))["message"] == "a file named \udc80"


def run(bench: Bench, document: dict[str, Any], said: Path) -> tuple[int, Any, Any]:
    outcome = bench.run(document)
    return outcome.code, outcome, json.loads(said.read_bytes())


def test_a_training_is_told_as_it_is_published(bench: Bench, said: Path) -> None:
    code, outcome, told = run(bench, bench.train_document(), said)
    assert (code, told) == (0, {"result": outcome.result})


def test_a_long_result_is_found_in_the_artifact_store_by_what_was_told(
    bench: Bench, said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELYARD_RESULTS", "mlflow-artifacts:/jobs/train-1")
    document = bench.train_document(params={})
    monkeypatch.setattr("modelyard.termination.LIMIT_BYTES", 400)
    code, outcome, told = run(bench, document, said)
    assert code == 0 and told["resultAt"]["uri"] == "mlflow-artifacts:/jobs/train-1/pod-1/result.json"
    copy = said.parent / "copy.json"
    fetch_file(told["resultAt"]["uri"], copy, bench.tracking)
    assert file_digest(copy) == told["resultAt"]["sha256"]
    assert json.loads(copy.read_text(encoding="utf-8")) == outcome.result


def test_a_training_that_fails_is_told_with_its_traceback(bench: Bench, said: Path) -> None:
    document = bench.train_document("def train(features, labels, params):\n    raise RuntimeError('theirs')\n")
    code, outcome, told = run(bench, document, said)
    assert (code, told) == (70, {"failure": outcome.failure})
    assert "theirs" in told["failure"]["traceback"]


def test_a_training_whose_result_cannot_be_uploaded_ends_as_a_temporary_failure(
    bench: Bench, said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.termination.LIMIT_BYTES", 400)
    monkeypatch.setenv("MODELYARD_RESULTS", str(said))
    code, outcome, told = run(bench, bench.train_document(), said)
    assert (code, told["failure"]["type"]) == (75, "TryAgain")
    assert not (outcome.output / "result.json").exists()
