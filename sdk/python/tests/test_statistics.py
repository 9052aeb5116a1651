"""Metrics against scikit-learn's, and intervals against what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from modelyard.evaluation import number
from modelyard.intervals import Compared, intervals, unit_codes, value_of
from modelyard.measures import measures_for, per_row_measure
from modelyard.scoring import Scores, positive_class


def binary(values: Any) -> Scores:
    return Scores("binary-classification", np.asarray(values, dtype=float), (0, 1))


def by_name(task: str) -> dict[str, Any]:
    return {measure.name: measure for measure in measures_for(task)}


def test_binary_metrics_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    labels, chance = rng.integers(0, 2, 400), np.round(rng.random(400), 2)
    found = {
        name: value_of(measure, labels, binary(chance)) for name, measure in by_name("binary-classification").items()
    }
    assert found["auc"] == pytest.approx(sk.roc_auc_score(labels, chance))
    assert found["log_loss"] == pytest.approx(sk.log_loss(labels, np.clip(chance, 1e-15, 1 - 1e-15)), rel=1e-6)
    assert found["brier"] == pytest.approx(sk.brier_score_loss(labels, chance))
    assert found["accuracy"] == pytest.approx(((chance >= 0.5) == labels).mean())
    assert found["mean_score"] == pytest.approx(chance.mean())


def test_multiclass_metrics_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    labels, chance = rng.choice(list("abc"), 300), rng.dirichlet(np.ones(3), 300)
    scores = Scores("multiclass-classification", chance, tuple("abc"))
    called = np.array(list("abc"))[chance.argmax(axis=1)]
    found = {name: value_of(measure, labels, scores) for name, measure in by_name("multiclass-classification").items()}
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, called))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(labels, called, average="macro"))
    assert found["log_loss"] == pytest.approx(sk.log_loss(labels, chance))


def test_regression_metrics_are_scikit_learns() -> None:
    rng = np.random.default_rng(2)
    labels = rng.normal(50, 3, 300)
    values = labels + rng.normal(1, 1, 300)
    found = {
        name: value_of(measure, labels, Scores("regression", values)) for name, measure in by_name("regression").items()
    }
    assert found["rmse"] == pytest.approx(np.sqrt(sk.mean_squared_error(labels, values)))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(labels, values))
    assert found["r2"] == pytest.approx(sk.r2_score(labels, values))
    assert found["mean_error"] == pytest.approx((values - labels).mean())


def test_a_95_percent_interval_of_a_mean_difference_covers_the_truth_about_that_often() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(120):
        difference = rng.normal(0.3, 1.0, 80)
        measure, candidate, incumbent = per_row_measure("cost", difference, np.zeros(80))
        rows = Compared(np.zeros(80), candidate, incumbent, None)
        low, high = intervals([measure], rows, [0.95], trial)["cost"]["0.95"]
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 120 <= 0.99


def test_rows_that_go_together_make_the_interval_wider() -> None:
    rng = np.random.default_rng(4)
    units = np.repeat(np.arange(30), 20)
    difference = rng.normal(0, 1, 30)[units] + rng.normal(0, 0.1, 600)
    measure, candidate, incumbent = per_row_measure("cost", difference, np.zeros(600))

    def width(codes: Any) -> float:
        low, high = intervals([measure], Compared(np.zeros(600), candidate, incumbent, codes), [0.9], 0)["cost"]["0.9"]
        return high - low

    assert width(units) > 3 * width(None)


def test_the_auc_interval_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 200)
    a, b = binary(np.round(labels * 0.3 + rng.random(200), 1)), binary(rng.random(200))
    low, high = intervals(measures_for("binary-classification"), Compared(labels, a, b, None), [0.9], 0)["auc"]["0.9"]
    draws = []
    for _ in range(200):
        pick = rng.integers(0, 200, 200)
        draws.append(sk.roc_auc_score(labels[pick], a.values[pick]) - sk.roc_auc_score(labels[pick], b.values[pick]))
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, [0.05, 0.95])), abs=0.03)


def test_the_same_seed_gives_the_same_interval_and_a_higher_confidence_a_wider_one() -> None:
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 100)
    rows = Compared(labels, binary(rng.random(100)), binary(rng.random(100)), None)
    first, second = (intervals(measures_for("binary-classification"), rows, [0.8, 0.99], 5) for _ in range(2))
    assert first == second
    for edges in first.values():
        assert edges["0.99"][0] < edges["0.8"][0] < edges["0.8"][1] < edges["0.99"][1]


def test_too_few_groups_give_no_interval() -> None:
    labels = np.array([0, 1] * 20)
    rows = Compared(labels, binary(np.linspace(0, 1, 40)), binary(np.linspace(1, 0, 40)), np.arange(40) % 3)
    assert intervals(measures_for("binary-classification"), rows, [0.95], 0) == {}


def test_f21_one_class_or_nan_scores_give_nan_and_no_interval() -> None:
    labels = np.ones(30, dtype=int)
    rows = Compared(labels, binary(np.linspace(0, 1, 30)), binary(np.linspace(0, 1, 30)), None)
    measures = by_name("binary-classification")
    assert np.isnan(value_of(measures["auc"], labels, rows.candidate))
    assert "auc" not in intervals(measures_for("binary-classification"), rows, [0.95], 0)
    holed = binary([np.nan, *np.linspace(0, 1, 29)])
    assert all(np.isnan(value_of(measure, np.arange(30) % 2, holed)) for measure in measures.values())
    assert number(float("nan")) == "NaN" and number(float("inf")) == "NaN"


def test_groups_are_rows_that_share_every_column() -> None:
    codes = unit_codes({"day": np.array(["a", "a", "b", "b"], dtype=object), "place": np.array([1, 1, 1, 2])})
    assert codes is not None and codes.tolist() == [0, 0, 1, 2]
    assert unit_codes({}) is None


@pytest.mark.parametrize(
    ("classes", "positive"),
    [((False, True), True), ((0, 1), 1), ((1, 2), 1), (("no", "yes"), "yes"), (("1", "2"), "2")],
)
def test_the_positive_class_is_true_or_one_or_the_last(classes: Any, positive: Any) -> None:
    assert positive_class(classes) == positive
