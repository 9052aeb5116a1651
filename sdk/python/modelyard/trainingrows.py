"""The rows of a training: read, split and checked, and what a result says of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from modelyard.digests import content_digest
from modelyard.documents import TrainDocument
from modelyard.durations import instant_text
from modelyard.failures import BadData
from modelyard.holdout import Question, Split, load_split, times_of
from modelyard.manifest import dataset_entry
from modelyard.sources import open_source

_TICK = pd.Timedelta(milliseconds=1).to_pytimedelta()


def load_training(document: TrainDocument) -> Split:
    """BadData when a column is missing, or too few rows are left to train on or to hold out."""
    table = open_source(document.source)
    table.require([*document.features, document.label], "of the definition")
    table.require(document.evaluation_columns, "for evaluation.slices and evaluation.cluster")
    split = load_split(table, _question(document))
    print(
        f"{len(split.train)} training rows, {len(split.holdout)} held out, {split.unlabelled} without a label, "
        f"{split.too_young} too young",
        flush=True,
    )
    needed = max(1, document.min_holdout_rows)
    if len(split.holdout) < needed:
        raise BadData(
            f"expected at least {needed} labelled rows in the holdout, got {len(split.holdout)}; "
            "hold out more, or lower gate.minHoldoutRows"
        )
    if split.train.empty:
        raise BadData(
            "expected training rows before the holdout, got none; check data.window and the holdout's duration"
        )
    _check_labels(document, split.train[document.label])
    return split


def classes_of(document: TrainDocument, split: Split) -> tuple[Any, ...]:
    """The labels of a classification, in order; none for other tasks."""
    if not document.task.endswith("classification"):
        return ()
    return tuple(sorted(split.train[document.label].unique().tolist()))


def facts_of(document: TrainDocument, split: Split) -> dict[str, Any]:
    """The part of a training's result that rests on its rows alone."""
    time_column = document.source.time_column
    data_digest, holdout_digest = content_digest(split.train), content_digest(split.holdout)
    train_from, _ = times_of(split.train, time_column)
    held_from, held_to = times_of(split.holdout, time_column)
    last = document.holdout_spec.get("kind") == "last"
    until = held_from if last else instant_text(document.cutoff + _TICK) if time_column else None
    return {
        "features": list(document.features),
        "dataDigest": data_digest,
        "rows": {
            "train": len(split.train),
            "holdout": len(split.holdout),
            "unlabelled": split.unlabelled,
            "tooYoung": split.too_young,
        },
        "holdout": {"digest": holdout_digest, "rows": len(split.holdout), "from": held_from, "to": held_to},
        "trainedOn": {
            "from": train_from,
            "until": until,
            "holdout": document.holdout_spec,
            "timeColumn": time_column,
        },
        "datasets": [
            dataset_entry(f"{document.tag} training", data_digest, document.source, split.train, "training"),
            dataset_entry(f"{document.tag} holdout", holdout_digest, document.source, split.holdout, "evaluation"),
        ],
    }


def _question(document: TrainDocument) -> Question:
    return Question(
        document.source, document.features, document.label, document.holdout, document.label_delay, document.cutoff
    )


def _check_labels(document: TrainDocument, labels: pd.Series[Any]) -> None:
    classes = labels.nunique()
    if document.task == "binary-classification" and classes != 2:
        raise BadData(f"label {document.label!r}: expected two classes in the training rows, got {classes}")
    if document.task == "multiclass-classification" and classes < 2:
        raise BadData(f"label {document.label!r}: expected at least two classes in the training rows, got {classes}")
    if document.task == "regression" and not pd.api.types.is_numeric_dtype(labels):
        raise BadData(f"label {document.label!r}: expected numbers for regression, got {labels.dtype}")
