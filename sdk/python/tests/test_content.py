"""Digests, column types and splits: what must not depend on order, width or neighbours."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelyard.columns import ColumnMismatch, conform, types_of
from modelyard.digests import content_digest, row_hashes
from modelyard.documents import FractionHoldout, Holdout, LastHoldout, ParquetSource, TrainedOn
from modelyard.filedigests import folder_files, model_digest
from modelyard.holdout import Question, held_out_by_fraction, load_holdout, load_split, trained_on_mask
from modelyard.sources import open_source
from tests.support.jobs import sample_rows

CUTOFF = datetime(2024, 1, 31, tzinfo=timezone.utc)


def test_the_content_digest_ignores_the_order_of_rows_and_columns() -> None:
    rows = sample_rows(days=3)
    shuffled = rows.sample(frac=1, random_state=1)[rows.columns[::-1]]
    assert content_digest(rows) == content_digest(shuffled)


def test_the_content_digest_ignores_the_width_of_a_number() -> None:
    rows = pd.DataFrame({"n": np.array([1, 2, 3], dtype="int8"), "flag": [True, False, True]})
    assert content_digest(rows) == content_digest(rows.astype({"n": "float64", "flag": "int64"}))


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"n": [1, 2, 2], "t": ["a", "b", None]}),
        pd.DataFrame({"n": [1, 2, 3], "t": ["a", "b", "c"]}),
        pd.DataFrame({"n": [1, 2, 3], "t": ["b", "a", None]}),
        pd.DataFrame({"n": [1, 2, 3, 3], "t": ["a", "b", None, None]}),
        pd.DataFrame({"m": [1, 2, 3], "t": ["a", "b", None]}),
        pd.DataFrame({"n": [1, 2, 3], "t": ["a", "b", ""]}),
    ],
)
def test_the_content_digest_sees_every_change(other: pd.DataFrame) -> None:
    assert content_digest(pd.DataFrame({"n": [1, 2, 3], "t": ["a", "b", None]})) != content_digest(other)


def test_integers_beyond_a_floats_precision_stay_apart() -> None:
    hashes = row_hashes(pd.DataFrame({"n": [2**60, 2**60 + 1, 5]}), 0)
    assert len(set(hashes)) == 3
    assert hashes[2] == row_hashes(pd.DataFrame({"n": [5.0]}), 0)[0]


def test_a_model_digest_is_over_sorted_lines_of_digest_and_path(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_text("1")
    (tmp_path / "a").write_text("2")
    files = folder_files(tmp_path)
    assert [file["path"] for file in files] == ["a", "b/x"]
    assert model_digest(files) == model_digest(files[::-1])
    swapped = [{**files[0], "sha256": files[1]["sha256"]}, {**files[1], "sha256": files[0]["sha256"]}]
    assert model_digest(files) != model_digest(swapped)


def test_a_row_keeps_its_side_of_a_fraction_when_rows_come_and_go() -> None:
    spec = FractionHoldout(0.3, 7, ())
    rows = sample_rows()
    columns = ["x", "carrier", "n"]
    before = held_out_by_fraction(rows, spec, columns)
    more = pd.concat([sample_rows(days=40, seed=9), rows.sample(frac=1, random_state=2)])
    after = pd.Series(held_out_by_fraction(more, spec, columns), index=more.index)[len(sample_rows(days=40)) * 0 :]
    sides = pd.Series(after.to_numpy()[-len(rows) :], index=more.index[-len(rows) :]).sort_index()
    assert (sides.to_numpy() == before).all()
    assert 0.25 < before.mean() < 0.35


def test_a_fraction_by_key_keeps_rows_of_a_key_together_and_differs_by_seed() -> None:
    rows = sample_rows().assign(user=lambda r: r["id"] // 10)
    held = held_out_by_fraction(rows, FractionHoldout(0.4, 1, ("user",)), ["user"])
    assert pd.Series(held).groupby(rows["user"]).nunique().max() == 1
    assert (held != held_out_by_fraction(rows, FractionHoldout(0.4, 2, ("user",)), ["user"])).any()


def question(tmp_path: Path, rows: pd.DataFrame, holdout: Holdout, **changes: Any) -> Question:
    rows.to_parquet(tmp_path / "rows.parquet")
    source = ParquetSource(str(tmp_path / "rows.parquet"), "at", changes.pop("window", None), ())
    defaults = {"label_delay": timedelta(0), "cutoff": CUTOFF}
    return Question(source, ["x", "n"], "label", holdout, **{**defaults, **changes})


def test_last_counts_back_from_the_newest_labelled_row_not_from_the_clock(tmp_path: Path) -> None:
    asked = question(
        tmp_path, sample_rows(), LastHoldout(timedelta(days=7)), cutoff=datetime(2025, 1, 1, tzinfo=timezone.utc)
    )
    split = load_split(open_source(asked.source), asked)
    newest = sample_rows()["at"].max()
    assert split.holdout["at"].max() == newest
    assert split.holdout["at"].min() > newest - timedelta(days=7) >= split.train["at"].max()


def test_no_row_after_the_cut_off_or_younger_than_the_label_delay_is_used(tmp_path: Path) -> None:
    cutoff = datetime(2024, 1, 20, tzinfo=timezone.utc)
    asked = question(
        tmp_path, sample_rows(), LastHoldout(timedelta(days=2)), cutoff=cutoff, label_delay=timedelta(days=3)
    )
    split = load_split(open_source(asked.source), asked)
    assert split.holdout["at"].max() <= pd.Timestamp(cutoff) - timedelta(days=3)
    # At midnight on both ends there is a row: the older one is used, the newer one is too young.
    assert split.too_young == 60


def test_the_window_counts_back_from_the_holdouts_start(tmp_path: Path) -> None:
    asked = question(tmp_path, sample_rows(), LastHoldout(timedelta(days=7)), window=timedelta(days=10))
    split = load_split(open_source(asked.source), asked)
    assert len(split.train) == 200 and len(split.holdout) == 140


def test_unlabelled_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = sample_rows().astype({"label": "float64"})
    rows.loc[rows.index[-20:], "label"] = None
    asked = question(tmp_path, rows, LastHoldout(timedelta(days=7)))
    split = load_split(open_source(asked.source), asked)
    assert split.unlabelled == 20 and len(split.train) + len(split.holdout) == 580
    assert split.holdout["at"].max() == rows["at"].iloc[-21]


@pytest.mark.parametrize(
    "holdout", [LastHoldout(timedelta(days=5)), FractionHoldout(0.2, 1, ())], ids=["last", "fraction"]
)
def test_training_and_evaluation_hold_out_the_same_rows(tmp_path: Path, holdout: Holdout) -> None:
    asked = question(tmp_path, sample_rows(), holdout)
    table = open_source(asked.source)
    assert content_digest(load_split(table, asked).holdout) == content_digest(load_holdout(table, asked))


def test_rows_a_model_was_trained_on_follow_its_times_and_its_fraction(tmp_path: Path) -> None:
    spec = FractionHoldout(0.2, 1, ())
    asked = question(tmp_path, sample_rows(), spec)
    split = load_split(open_source(asked.source), asked)
    trained_on = TrainedOn(None, CUTOFF, spec, "at")
    columns = [*asked.features, "label", "at"]
    assert trained_on_mask(split.train, trained_on, columns).all()
    assert not trained_on_mask(split.holdout, trained_on, columns).any()


def test_columns_take_the_types_of_training() -> None:
    trained = pd.DataFrame({"n": np.array([1, 2], "int8"), "t": ["a", "b"], "f": [0.5, 1.0], "flag": [True, False]})
    given = pd.DataFrame(
        {"f": [1, 2], "flag": [False, True], "n": [3.0, 4.0], "t": [None, "z"], "more": [1, 1]}, dtype=object
    )
    made = conform(given, types_of(trained))
    assert types_of(made) == types_of(trained) == {"n": "int8", "t": "string", "f": "float64", "flag": "bool"}


def test_integers_with_nulls_or_fractions_become_float() -> None:
    for values in ([1, None], [1.5, 2]):
        made = conform(pd.DataFrame({"n": pd.Series(values, dtype=object)}), {"n": "int64"})
        assert str(made["n"].dtype) == "float64"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int64", "1"), ("float64", True), ("string", 1), ("bool", 1), ("timestamp", "soon"), ("int64", [1])],
)
def test_a_value_of_another_type_is_named_with_its_column(kind: str, value: Any) -> None:
    with pytest.raises(ColumnMismatch, match="'c'"):
        conform(pd.DataFrame({"c": pd.Series([value], dtype=object)}), {"c": kind})


def test_timestamps_are_utc_whatever_their_offset() -> None:
    made = conform(pd.DataFrame({"c": ["2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00"]}), {"c": "timestamp"})
    assert made["c"].nunique() == 1 and str(made["c"].dtype) == "datetime64[us, UTC]"
