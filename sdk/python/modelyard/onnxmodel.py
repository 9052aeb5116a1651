"""Scores rows with an ONNX model: numbers in, numbers out, and no code of anybody's runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelyard.failures import NotAModel

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class OnnxPredictor:
    """Fed as MLflow does it: one input takes all columns as a matrix, several take the column of their name each."""

    def __init__(self, file: Path, columns: list[str], task: str) -> None:
        self._session: Any = _session(file)
        self._inputs: list[Any] = list(self._session.get_inputs())
        self._output = self._answer_of(task)
        self._check(columns)

    def predict(self, features: pd.DataFrame) -> Any:
        """One value, or one row of probabilities, per row."""
        if len(self._inputs) == 1 and len(self._inputs[0].shape) == 2:
            fed = {self._inputs[0].name: _cast(features, self._inputs[0])}
        else:
            fed = {given.name: _cast(features[[given.name]], given) for given in self._inputs}
        [answer] = self._session.run([self._output], fed)
        # Classifiers made by skl2onnx answer a list of {label: probability}.
        return pd.DataFrame(answer) if isinstance(answer, list) else answer

    def _answer_of(self, task: str) -> str:
        names = [output.name for output in self._session.get_outputs()]
        if len(names) > 1 and not task.endswith("classification"):
            raise NotAModel(f"expected an ONNX model with one output for {task}, got {', '.join(names)}")
        return str(names[-1])

    def _check(self, columns: list[str]) -> None:
        unknown = [f"{given.name} of {given.type}" for given in self._inputs if given.type not in _TYPES]
        if unknown:
            raise NotAModel(f"expected inputs of {', '.join(_TYPES)}, got {', '.join(unknown)}")
        names = [given.name for given in self._inputs]
        matrix = len(names) == 1 and len(self._inputs[0].shape) == 2
        if not matrix and sorted(names) != sorted(columns):
            raise NotAModel(
                "expected an ONNX model with one input of two dimensions, or an input for each feature "
                f"({', '.join(columns)}), got {', '.join(names)}"
            )


def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    options.intra_op_num_threads = int(threads) if threads.isdigit() else 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as problem:
        raise NotAModel(f"{file.name} is no ONNX model that onnxruntime loads: {problem}") from problem


def _cast(columns: pd.DataFrame, given: Any) -> npt.NDArray[Any]:
    kind = _TYPES[given.type]
    if kind is np.object_:
        # ONNX has no null among texts.
        values = columns.astype(object).where(columns.notna(), "").astype(str).to_numpy(dtype=object)
    else:
        values = columns.to_numpy(dtype=kind)
    return values[:, 0] if len(given.shape) == 1 else values
