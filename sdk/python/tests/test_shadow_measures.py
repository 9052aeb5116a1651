"""The numbers of a shadow report, by hand and against what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelyard.shadow_inputs import input_measures
from modelyard.shadow_measures import answer_measures, request_measures, slices_of
from modelyard.shadow_pairs import Pairs, answers_of, read_pairs
from modelyard.shadow_step import metric_key
from modelyard.uncertainty import Estimate, Resamples, mean_of, quantile_of, rate_of, wilson
from tests.support.pairs import pair_rows

BINARY, MULTICLASS = "binary-classification", "multiclass-classification"


def stored(folder: Path, rows: pd.DataFrame) -> Pairs:
    rows.to_parquet(folder / "pairs.parquet", index=False)
    return read_pairs(folder / "pairs.parquet")


def measured(pairs: Pairs, task: str, slices: tuple[str, ...] = ()) -> dict[str, Estimate]:
    resamples = Resamples(pairs.count, 0)
    return dict(answer_measures(answers_of(pairs, task), slices_of(pairs, slices), resamples))


def values(found: dict[str, Estimate]) -> dict[str, float]:
    return {name: each.value for name, each in found.items()}


def test_s1_binary_answers_by_hand(tmp_path: Path) -> None:
    live, shadow = [0.1, 0.4, 0.6, 0.9, 0.7], [0.2, 0.6, 0.5, 0.4, None]
    found = measured(stored(tmp_path, pair_rows(live, shadow)), BINARY)
    assert values(found) == {
        "agreement_rate": 0.5,
        "disagreement_rate": 0.5,
        "score_mean_abs_diff": pytest.approx((0.1 + 0.2 + 0.1 + 0.5) / 4),
        "score_mean_shift": pytest.approx((0.1 + 0.2 - 0.1 - 0.5) / 4),
        "score_psi": pytest.approx(found["score_psi"].value),
    }
    assert {each.samples for each in found.values()} == {4}
    assert found["agreement_rate"].interval == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert found["score_mean_shift"].interval is None


def test_s1_identical_models_agree_and_nothing_moved(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random(400).tolist()
    found = measured(stored(tmp_path, pair_rows(scores, scores, per_request=4)), BINARY)
    assert values(found) == {
        "agreement_rate": 1,
        "disagreement_rate": 0,
        "score_mean_abs_diff": 0,
        "score_mean_shift": 0,
        "score_psi": 0,
    }
    assert found["score_psi"].interval == (0, 0)
    low, high = found["agreement_rate"].interval or (0, 0)
    # A hundred requests, not four hundred rows.
    assert (low, high) == pytest.approx(wilson(1, 100)) and low < 0.97


def test_s1_a_shifted_model_is_seen(tmp_path: Path) -> None:
    live = np.random.default_rng(1).beta(2, 5, 1_000)
    found = measured(stored(tmp_path, pair_rows(live, np.clip(live + 0.2, 0, 1))), BINARY)
    assert found["score_psi"].value > 0.5
    assert found["score_mean_shift"].value == pytest.approx(0.2, abs=0.01)
    low, _ = found["score_psi"].interval or (0, 0)
    assert low > 0.25


def test_s1_multiclass_answers_by_winner_and_by_half_the_difference_of_all_labels(tmp_path: Path) -> None:
    live = [{"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.4, "b": 0.4, "c": 0.2}, "c", None]
    shadow = [{"a": 0.2, "b": 0.6, "c": 0.2}, {"c": 0.2, "b": 0.4, "a": 0.4}, "c", {"a": 1.0}]
    found = measured(stored(tmp_path, pair_rows(live, shadow)), MULTICLASS)
    assert found["agreement_rate"] == Estimate(2 / 3, found["agreement_rate"].interval, 3)
    assert found["score_mean_abs_diff"].value == pytest.approx(0.3 / 2)
    assert found["score_mean_shift"].value == pytest.approx(0.1 / 2)
    assert found["score_mean_shift"].samples == 2


def test_s1_regression_disagrees_beyond_a_hundredth_of_the_incumbents_spread(tmp_path: Path) -> None:
    live = [0.0, 100.0, 0.0, 100.0]
    found = measured(stored(tmp_path, pair_rows(live, [0.5, 100.4, 0.6, 99.0])), "regression")
    assert found["agreement_rate"].value == 0.5
    constant = measured(stored(tmp_path, pair_rows([7, 7], [7, 7.001])), "regression")
    assert constant["agreement_rate"].value == 0.5


def test_s1_custom_answers_are_compared_as_numbers_or_as_a_whole(tmp_path: Path) -> None:
    live: list[Any] = [{"x": [1, 2]}, "up", 1.0, 3.0, None]
    shadow: list[Any] = [{"x": [1, 2]}, "down", 1.01, 1.0, "up"]
    found = measured(stored(tmp_path, pair_rows(live, shadow)), "custom")
    assert (found["agreement_rate"].value, found["agreement_rate"].samples) == (2 / 5, 5)
    assert found["score_mean_abs_diff"].value == pytest.approx(1.005)
    assert found["score_mean_abs_diff"].samples == 2


def test_s1_slices_are_of_the_values_callers_sent(tmp_path: Path) -> None:
    live, shadow = [0.1, 0.9, 0.9, 0.1], [0.1, 0.1, 0.9, 0.1]
    inputs = {"carrier": ["AA", "AA", "BB", None], "late": [True, True, False, False]}
    found = measured(stored(tmp_path, pair_rows(live, shadow, inputs)), BINARY, ("carrier", "late", "absent"))
    rates = {name: each.value for name, each in found.items() if name.startswith("agreement_rate[")}
    assert rates == {
        "agreement_rate[carrier=AA]": 0.5,
        "agreement_rate[carrier=BB]": 1,
        "agreement_rate[late=True]": 0.5,
        "agreement_rate[late=False]": 1,
    }


def test_s1_latency_and_errors_are_counted_by_request(tmp_path: Path) -> None:
    count = 40
    live_ms = np.repeat(np.arange(1, 21, dtype=float), 2)
    rows = pair_rows([0.5] * count, [0.5] * 38 + [None] * 2, per_request=2, ms=(live_ms, live_ms * 3))
    pairs = stored(tmp_path, rows)
    requests = {"eligible": 25, "mirrored": 19, "dropped": 3, "failed": 1}
    found = dict(request_measures(pairs, requests, Resamples(pairs.count, 0)))
    assert found["error_rate"] == Estimate(1 / 20, wilson(1 / 20, 20), 20)
    for name in ("latency_p50_ratio", "latency_p95_ratio"):
        assert (found[name].value, found[name].samples) == (3, 19)
        assert found[name].interval == (3, 3)


def test_two_requests_of_one_id_are_two(tmp_path: Path) -> None:
    rows = pair_rows([0.1, 0.2], [0.1, 0.2])
    assert stored(tmp_path, rows.assign(request_id="same")).count == 2


def input_psi(pairs: Pairs, training: pd.DataFrame) -> dict[str, Estimate]:
    return dict(input_measures(pairs, training, Resamples(pairs.count, 0)))


def test_s1_inputs_like_those_of_training_have_moved_little_and_others_are_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    training = pd.DataFrame(
        {
            "x": rng.normal(size=5_000),
            "n": rng.integers(0, 4, 5_000).astype("int16"),
            "carrier": rng.choice(["AA", "BB", "CC"], 5_000),
            "on": rng.random(5_000) < 0.5,
            "at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 9_000, 5_000), unit="s"),
        }
    )
    sample = training.sample(1_000, random_state=0, replace=True)
    same = {name: sample[name].tolist() for name in ("x", "n", "carrier", "on")}
    same["at"] = [stamp.isoformat() for stamp in sample["at"]]
    found = input_psi(stored(tmp_path, pair_rows([0.5] * 1_000, [0.5] * 1_000, same)), training)
    assert set(found) == {f"input_psi:{name}" for name in training.columns}
    assert max(values(found).values()) < 0.03
    moved = {
        "x": (sample["x"] * 60).tolist(),
        "n": [9] * 1_000,
        "carrier": ["ZZ"] * 1_000,
        "on": [None] * 1_000,
        "at": ["2025-01-01T00:00:00Z"] * 1_000,
    }
    found = input_psi(stored(tmp_path, pair_rows([0.5] * 1_000, [0.5] * 1_000, moved)), training)
    assert min(values(found).values()) > 1


def test_s1_a_column_that_is_only_known_later_is_seen_in_scores_and_inputs(tmp_path: Path) -> None:
    """A candidate trained on the departure delay, which callers do not have yet: it calls nearly nothing late."""
    rng = np.random.default_rng(3)
    training = pd.DataFrame({"dep_delay": rng.exponential(20, 5_000), "hour": rng.integers(0, 24, 5_000)})
    incumbent = rng.beta(2, 4, 2_769)
    leak = rng.beta(1, 19, 2_769)
    honest = np.clip(incumbent + rng.normal(0, 0.03, 2_769), 0, 1)
    inputs = {"dep_delay": [None] * 2_769, "hour": rng.integers(0, 24, 2_769).tolist()}
    caught = stored(tmp_path, pair_rows(incumbent, leak, inputs))
    found = measured(caught, BINARY)
    assert found["score_psi"].value > 1 and found["score_mean_shift"].value < -0.2
    moved = input_psi(caught, training)
    assert moved["input_psi:dep_delay"].value > 5
    assert moved["input_psi:hour"].value < 0.05
    fine = measured(stored(tmp_path, pair_rows(incumbent, honest, inputs)), BINARY)
    assert fine["score_psi"].value < 0.1


def test_features_that_no_body_named_have_no_index(tmp_path: Path) -> None:
    rows = pair_rows([0.5] * 9, [0.5] * 9).assign(**{"input:x": None})
    assert input_psi(stored(tmp_path, rows), pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})) == {}


def test_the_interval_of_a_rate_covers_the_truth_also_where_rows_of_a_request_go_together() -> None:
    rng = np.random.default_rng(4)
    requests = np.repeat(np.arange(60), 5)
    covered = 0
    for _ in range(200):
        flags = (rng.random(60) < 0.9)[requests] ^ (rng.random(300) < 0.02)
        low, high = rate_of(flags, requests).interval or (0, 0)
        covered += low <= 0.9 * 0.98 + 0.1 * 0.02 <= high
    assert 0.9 <= covered / 200 <= 0.995


def test_the_interval_of_a_mean_covers_the_truth_where_rows_of_a_request_go_together() -> None:
    rng = np.random.default_rng(5)
    requests = np.repeat(np.arange(50), 8)
    covered = 0
    for _ in range(200):
        low, high = mean_of(rng.normal(1, 1, 50)[requests] + rng.normal(0, 1, 400), requests).interval or (0, 0)
        covered += low <= 1 <= high
    assert 0.9 <= covered / 200 <= 0.985


def test_the_interval_of_an_index_covers_nought_where_nothing_moved(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    training = pd.DataFrame({"x": rng.normal(size=50_000)})
    covered = 0
    for _ in range(40):
        pairs = stored(tmp_path, pair_rows([0.5] * 500, [0.5] * 500, {"x": rng.normal(size=500).tolist()}))
        found = input_psi(pairs, training)["input_psi:x"]
        low, high = found.interval or (1, 0)
        assert low <= found.value <= high
        covered += low <= 0.002
    assert covered >= 34


def test_the_interval_of_a_latency_ratio_covers_the_truth(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(60):
        ms = (rng.exponential(10, 400) + 1, (rng.exponential(10, 400) + 1) * 2)
        pairs = stored(tmp_path, pair_rows([0.5] * 400, [0.5] * 400, ms=ms))
        counts = {"eligible": 400, "mirrored": 400, "dropped": 0, "failed": 0}
        low, high = dict(request_measures(pairs, counts, Resamples(400, 0)))["latency_p50_ratio"].interval or (0, 0)
        covered += low <= 2 <= high
    assert covered >= 52


def test_many_requests_are_resampled_in_bundles_and_vary_as_much() -> None:
    rng = np.random.default_rng(8)
    resamples = Resamples(50_000, 0)
    drawn = resamples.counts((rng.random(50_000) < 0.3).astype(np.int64), np.arange(50_000), 2)
    shares = drawn[:, 1] / drawn.sum(axis=1)
    assert shares.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 50_000), rel=0.15)


def test_quantiles_are_values_that_came() -> None:
    assert [quantile_of(np.array([4.0, 1, 3, 2]), share) for share in (0.25, 0.5, 0.95)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("shadow.input_psi:größe (cm)", "shadow.input_psi:größe _cm_"),
        ("psi[a=b=c/d]", "psi/a.b_c_d"),
        ("psi[a=..]", "psi/a"),
        ("psi[=]", "psi/_"),
    ],
)
def test_metrics_have_the_keys_that_the_worker_gives_them(name: str, key: str) -> None:
    assert metric_key(name) == key
