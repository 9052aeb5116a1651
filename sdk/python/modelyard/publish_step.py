"""`publish`: takes the model an image left and publishes it as the result of a training."""

from __future__ import annotations

import json
import math
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from modelyard.bootstrap import Job
from modelyard.documents import TrainDocument
from modelyard.failures import NotAModel
from modelyard.imagemodel import take_model
from modelyard.imagerows import Kept, folder_of, kept_in
from modelyard.publication import Made, check_scores, earlier_result, open_model, record, store_model
from modelyard.registry import Registry
from modelyard.saving import Description
from modelyard.tracking import Tracking

_METRIC = re.compile(r"^[A-Za-z][\w.-]{0,99}$")
_OWN_METRICS = ("train_seconds", "train_rows", "holdout_rows")
_MAX_METRICS = 100


def run_publish(job: Job) -> None:
    """Publishes the result for the model in MODELYARD_TRAINED, or that of an earlier attempt of this job."""
    document = job.document
    assert isinstance(document, TrainDocument)
    registry = Registry(Tracking.from_environment(), document.registry)
    result = earlier_result(registry, document) or _publish(registry, document)
    record(registry, document, result)
    job.publish(result)


def _publish(registry: Registry, document: TrainDocument) -> dict[str, Any]:
    kept = kept_in(folder_of("MODELYARD_KEPT"), document)
    trained = folder_of("MODELYARD_TRAINED")
    # From the end of `prepare`: the start of the image's container is part of it.
    seconds = round(max(0.0, time.time() - kept.prepared_at), 3)
    metrics = {**_metrics_of(trained / "result.json"), "train_seconds": seconds}
    model = open_model(registry, document)
    with tempfile.TemporaryDirectory(prefix="modelyard-publish-") as temporary:
        folder = Path(temporary) / "model"
        kind = take_model(trained / "model", folder, _description(document, kept, model.model_id))
        check_scores(document, folder, kept.holdout)
        return store_model(registry, document, model, Made(folder, kind, kept.facts, metrics))


def _description(document: TrainDocument, kept: Kept, model_id: str) -> Description:
    return Description(model_id, document.task, kept.types, kept.classes, pd.DataFrame())


def _metrics_of(file: Path) -> dict[str, float]:
    """The numbers an image tells of its training; none when it tells nothing."""
    if not file.exists():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        metrics = {str(name): float(number) for name, number in value.get("metrics", {}).items()}
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise NotAModel(
            f'expected MODELYARD_OUTPUT/result.json to be {{"metrics": {{"name": number}}}}, got: {problem}'
        ) from problem
    wrong = [name for name, number in metrics.items() if not (_METRIC.match(name) and math.isfinite(number))]
    wrong += [name for name in metrics if name in _OWN_METRICS]
    if wrong or len(metrics) > _MAX_METRICS:
        raise NotAModel(
            f"expected at most {_MAX_METRICS} finite metrics in MODELYARD_OUTPUT/result.json, with names of letters, "
            f"digits, '_', '.' and '-' other than {', '.join(_OWN_METRICS)}; got {len(metrics)}, wrong: "
            f"{', '.join(wrong[:10]) or 'none'}"
        )
    return metrics
