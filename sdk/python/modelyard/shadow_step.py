"""`shadow`: what two models answered to the same requests, measured for the shadow report."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelyard.bootstrap import Job
from modelyard.documents import ShadowDocument
from modelyard.failures import BadData, IntegrityError
from modelyard.filedigests import file_digest, folder_files
from modelyard.output import publish_json
from modelyard.registry import Metric, Registry, upload_checked
from modelyard.shadow_figures import draw_shadow
from modelyard.shadow_inputs import input_measures, training_rows
from modelyard.shadow_measures import answer_measures, request_measures, slices_of
from modelyard.shadow_pairs import Answers, Pairs, answers_of, read_pairs
from modelyard.stores import fetch_file
from modelyard.tracking import Tracking
from modelyard.uncertainty import Estimate, Resamples

_KEY_CHARACTERS = 250


def run_shadow(job: Job) -> None:
    """Publishes the evidence for `job.document`."""
    document = job.document
    assert isinstance(document, ShadowDocument)
    registry = Registry(Tracking.from_environment(), document.registry)
    pairs = _pairs(document)
    answers = answers_of(pairs, document.task)
    # Sums of scores at the edge of what a double holds are no numbers, and JSON has no word for those.
    measures = {name: each for name, each in _measures(document, pairs, answers) if each.is_finite}
    result = _evidence(document, answers, measures)
    with tempfile.TemporaryDirectory(prefix="modelyard-shadow-") as temporary:
        folder = Path(temporary)
        models = (document.candidate, document.incumbent)
        figures = draw_shadow(folder / "shadow", answers, pairs.frame["at"], models)
        result["figures"] = [f"shadow/{name}" for name in figures]
        publish_json(folder / "shadow", "evidence.json", result)
        upload_checked(registry.run_store()[1], folder, folder_files(folder), whole=False)
    registry.log_metrics(Metric(metric_key(f"shadow.{name}"), each.value) for name, each in measures.items())
    job.publish(result)


def _pairs(document: ShadowDocument) -> Pairs:
    with tempfile.TemporaryDirectory(prefix="modelyard-pairs-") as temporary:
        copy = Path(temporary) / "pairs.parquet"
        fetch_file(document.pairs.uri, copy)
        got = "sha256:" + file_digest(copy)
        if got != document.pairs.digest:
            raise IntegrityError(f"the pairs at {document.pairs.uri}: expected {document.pairs.digest}, got {got}")
        pairs = read_pairs(copy)
    print(f"{len(pairs.frame)} rows of {pairs.count} requests", flush=True)
    return pairs


def _measures(document: ShadowDocument, pairs: Pairs, answers: Answers) -> Iterator[tuple[str, Estimate]]:
    resamples = Resamples(pairs.count, document.seed)
    yield from request_measures(pairs, document.requests, resamples)
    yield from answer_measures(answers, slices_of(pairs, document.slices), resamples)
    yield from _input_measures(document, pairs, resamples)


def _input_measures(document: ShadowDocument, pairs: Pairs, resamples: Resamples) -> Iterator[tuple[str, Estimate]]:
    if document.training is None or pairs.count == 0:
        return
    try:
        rows = training_rows(document.training, document.features)
    except BadData as problem:
        # The data may have moved on since the training; what the two models answered is worth reporting all the same.
        print(f"the inputs are not compared with training: {problem}", flush=True)
        return
    yield from input_measures(pairs, rows, resamples)


def _evidence(document: ShadowDocument, answers: Answers, measures: dict[str, Estimate]) -> dict[str, Any]:
    return {
        "schema": 1,
        "step": "shadow",
        "key": document.key,
        "candidate": document.candidate,
        "incumbent": document.incumbent,
        "window": document.window,
        "requests": document.requests,
        "rows": len(answers.rows),
        "compared": answers.compared,
        "measures": {name: each.as_json() for name, each in measures.items()},
        "figures": [],
    }


def metric_key(name: str) -> str:
    """'name[column=value]' as 'name/column.value', and what MLflow takes in no key as '_'.

    The worker writes keys the same way (metricKey in activities/registry/mlflow/metrics.ts).
    """
    match = re.fullmatch(r"([^\[]+)\[(.*)\]", name, re.DOTALL)
    parts = [name] if match is None else [match.group(1), match.group(2).replace("=", ".", 1)]
    kept = ["".join(c if c.isalnum() or c in "_.- :" else "_" for c in part).strip(" .") or "_" for part in parts]
    return "/".join(kept)[:_KEY_CHARACTERS]
