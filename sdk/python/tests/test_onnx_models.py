"""ONNX models as they are stored, loaded and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelyard.failures import NotAModel, TypeNotAllowed
from modelyard.modelfiles import load_model
from modelyard.onnxmodel import OnnxPredictor
from modelyard.scoring import score
from tests.support.images import write_mlmodel
from tests.support.onnxfiles import BOOL, DOUBLE, FLOAT, FLOAT16, INT64, STRING, write_onnx

ROWS = pd.DataFrame({"a": [1.5, -2.0, 0.0], "b": [2, 3, 4]})
MATRIX = ("rows", FLOAT, ("n", 2))
CLASSES: dict[str, Any] = {
    "metadata": {
        "modelyard": {
            "task": "binary-classification",
            "columns": [{"name": "a", "type": "float64"}, {"name": "b", "type": "int64"}],
            "classes": [0, 1],
        }
    }
}


def predictor(folder: Path, nodes: Any, inputs: Any, outputs: Any, task: str = "regression") -> OnnxPredictor:
    return OnnxPredictor(write_onnx(folder / "model.onnx", nodes, inputs, outputs), ["a", "b"], task)


def test_one_input_takes_the_columns_as_a_matrix_in_their_order(tmp_path: Path) -> None:
    model = predictor(tmp_path, [("Neg", ["rows"], ["out"])], [MATRIX], [("out", FLOAT, ("n", 2))])
    assert model.predict(ROWS).tolist() == [[-1.5, -2], [2, -3], [0, -4]]


@pytest.mark.parametrize("shape", [("n",), ("n", 1)])
def test_several_inputs_take_the_column_of_their_name(tmp_path: Path, shape: tuple[Any, ...]) -> None:
    inputs = [("b", DOUBLE, shape), ("a", DOUBLE, shape)]
    model = predictor(tmp_path, [("Sub", ["b", "a"], ["out"])], inputs, [("out", DOUBLE, shape)])
    assert np.ravel(model.predict(ROWS)).tolist() == [0.5, 5, 4]


def test_texts_and_truths_arrive_as_such_and_a_missing_text_is_empty(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": ["x", None, ""], "b": [True, False, True]})
    inputs = [("a", STRING, ("n",)), ("b", BOOL, ("n",))]
    nodes = [("Identity", ["a"], ["text"]), ("Not", ["b"], ["truth"])]
    outputs = [("truth", BOOL, ("n",)), ("text", STRING, ("n",))]
    model = predictor(tmp_path, nodes, inputs, outputs, "binary-classification")
    assert list(model.predict(rows)) == ["x", "", ""]
    swapped = predictor(tmp_path, nodes, inputs, outputs[::-1], "binary-classification")
    assert swapped.predict(rows).tolist() == [False, True, False]


def test_a_classifier_answers_with_its_last_output_and_other_tasks_have_one(tmp_path: Path) -> None:
    nodes = [("Floor", ["rows"], ["label"]), ("Sigmoid", ["rows"], ["chances"])]
    outputs = [("label", FLOAT, ("n", 2)), ("chances", FLOAT, ("n", 2))]
    model = predictor(tmp_path, nodes, [MATRIX], outputs, "binary-classification")
    assert model.predict(ROWS)[2].tolist() == pytest.approx([0.5, 0.98201], abs=1e-4)
    with pytest.raises(NotAModel, match="one output for regression, got label, chances"):
        predictor(tmp_path, nodes, [MATRIX], outputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([("a", FLOAT, ("n",)), ("c", FLOAT, ("n",))], "an input for each feature .a, b., got a, c"),
        ([("a", FLOAT, ("n",))], "an input for each feature"),
        ([("a", FLOAT16, ("n",)), ("b", FLOAT16, ("n",))], "got a of tensor.float16."),
    ],
)
def test_inputs_that_no_columns_fit_are_refused(tmp_path: Path, inputs: Any, message: str) -> None:
    kind, first = inputs[0][1], inputs[0][0]
    with pytest.raises(NotAModel, match=message):
        predictor(tmp_path, [("Identity", [first], ["out"])], inputs, [("out", kind, ("n",))])


def test_what_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"pickle")
    with pytest.raises(NotAModel, match=r"model\.onnx is no ONNX model"):
        OnnxPredictor(tmp_path / "model.onnx", ["a"], "regression")


def test_a_stored_model_scores_with_its_own_columns_and_types(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path, ["a", "b"], **CLASSES)
    write_onnx(folder / "model.onnx", [("Sigmoid", ["rows"], ["out"])], [MATRIX], [("out", FLOAT, ("n", 2))])
    model = load_model(folder, "", [])
    assert (model.task, model.positive) == ("binary-classification", 1)
    more = ROWS.assign(c="not a feature")[["c", "b", "a"]]
    assert score(model, more).predictions()[2] == pytest.approx(0.98201, abs=1e-4)


@pytest.mark.parametrize("data", ["../model.onnx", "/etc/passwd", "elsewhere.onnx"])
def test_a_file_outside_the_model_is_never_loaded(tmp_path: Path, data: str) -> None:
    flavors = {"onnx": {"data": data}, "python_function": {"loader_module": "mlflow.onnx"}}
    folder = write_mlmodel(tmp_path, ["a"], flavors=flavors)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(TypeNotAllowed):
        load_model(folder, "regression", [])


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    inputs = [("a", DOUBLE, ("n",)), ("b", INT64, ("n",))]
    nodes = [("Identity", ["b"], ["out"]), ("Identity", ["a"], ["unused"])]
    model = predictor(tmp_path, nodes, inputs, [("out", INT64, ("n",))])
    big = pd.DataFrame({"a": [0.0], "b": [2**53 + 1]})
    assert model.predict(big).tolist() == [2**53 + 1]
