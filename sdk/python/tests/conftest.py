from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.bootstrap import set_defaults
from tests.support.jobs import Bench, sample_rows
from tests.support.server import running_mlflow

set_defaults()


@pytest.fixture(scope="session")
def mlflow_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture
def bench(mlflow_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Thirty days of sample rows beside a real registry."""
    made = Bench(tmp_path, mlflow_address, monkeypatch)
    made.write_rows(sample_rows())
    return made
