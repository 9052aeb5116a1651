"""The allow-list for stored scikit-learn models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer

from modelyard.failures import TypeNotAllowed
from modelyard.modelfiles import load_skops
from modelyard.trust import is_built_in

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), np.arange(40) % 2
TABLE = pd.DataFrame({"text": ["late flight", "early bird"] * 20, "kind": ["u", "v"] * 20})
MODELS: list[tuple[Any, Any]] = [
    (HistGradientBoostingClassifier(max_iter=3), X),
    (RandomForestClassifier(3), X),
    (StackingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(2))], cv=2), X),
    (CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2), X),
    (GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2, scoring="roc_auc"), X),
    (KNeighborsClassifier(algorithm="kd_tree"), X),
    (SGDClassifier(loss="log_loss"), X),
    (MLPClassifier((2,), max_iter=2), X),
    (GaussianProcessClassifier(), X),
    (make_pipeline(SplineTransformer(), SelectKBest(k=2), LogisticRegression()), X),
    (
        make_pipeline(
            make_column_transformer((TfidfVectorizer(), "text"), (OneHotEncoder(), ["kind"])), LogisticRegression()
        ),
        TABLE,
    ),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model", "features"), MODELS, ids=lambda value: type(value).__name__)
def test_scikit_learns_own_estimators_are_loaded_and_answer_the_same(model: Any, features: Any, tmp_path: Path) -> None:
    model.fit(features, Y)
    skops.io.dump(model, tmp_path / "m.skops")
    loaded = load_skops(tmp_path / "m.skops", [], "it")
    assert (loaded.predict(features) == model.predict(features)).all()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "numpy.load",
        "operator.methodcaller",
        "sklearn.datasets.load_files",
        "sklearn.calibration.warnings",
        "sklearn.metrics._scorer.partial",
        "sklearn.utils._testing.assert_run_python_script_without_output",
        "sklearn.no_such_module.Thing",
        "sklearnish.Thing",
    ],
)
def test_functions_and_what_sklearn_merely_imports_are_not_built_in(name: str) -> None:
    assert not is_built_in(name)


def test_no_pickle_and_no_foreign_function_is_built_before_it_is_allowed(tmp_path: Path) -> None:
    import subprocess

    model = FunctionTransformer(subprocess.check_output)
    skops.io.dump(model, tmp_path / "m.skops")
    with pytest.raises(TypeNotAllowed, match=r"subprocess\.check_output.*artifacts\.allowedTypes"):
        load_skops(tmp_path / "m.skops", [], "it")
    assert load_skops(tmp_path / "m.skops", ["subprocess.check_output"], "it").func is subprocess.check_output
