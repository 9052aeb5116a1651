"""`prepare`: gives an image the rows to train on, and keeps from it what it is judged by."""

from __future__ import annotations

from modelyard.bootstrap import Job
from modelyard.documents import TrainDocument
from modelyard.imagerows import folder_of, give_rows, keep
from modelyard.trainingrows import load_training


def run_prepare(job: Job) -> None:
    """Reads the data once: the rows go to MODELYARD_ROWS, the holdout and the digests to MODELYARD_KEPT."""
    document = job.document
    assert isinstance(document, TrainDocument)
    rows, kept = folder_of("MODELYARD_ROWS"), folder_of("MODELYARD_KEPT")
    split = load_training(document)
    give_rows(rows, document, split)
    facts = keep(kept, document, split)
    job.publish({"schema": 1, "step": "prepare", "key": document.key, "rows": facts["rows"]})
