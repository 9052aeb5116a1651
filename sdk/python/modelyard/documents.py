"""The shapes of the job documents. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class RowFilter:
    column: str
    op: str
    value: Any


@dataclass(frozen=True)
class ParquetSource:
    uri: str
    time_column: str | None
    window: timedelta | None
    where: tuple[RowFilter, ...]


@dataclass(frozen=True)
class SqlSource:
    connection: str
    query: str
    time_column: str | None


Source = ParquetSource | SqlSource


@dataclass(frozen=True)
class LastHoldout:
    duration: timedelta


@dataclass(frozen=True)
class FractionHoldout:
    fraction: float
    seed: int
    key: tuple[str, ...]


@dataclass(frozen=True)
class PeriodHoldout:
    start: datetime
    until: datetime


Holdout = LastHoldout | FractionHoldout | PeriodHoldout


@dataclass(frozen=True)
class Code:
    uri: str
    digest: str
    entry: str | None


@dataclass(frozen=True)
class ImageCode:
    """A container image that trains, and its digest."""

    image: str
    digest: str


@dataclass(frozen=True)
class RegistryRun:
    experiment_id: str
    run_id: str


@dataclass(frozen=True)
class TrainDocument:
    key: str
    tag: str
    task: str
    workflow_id: str
    definition_digest: str
    code_revision: str
    code: Code | ImageCode
    source: Source
    features: tuple[str, ...]
    label: str
    holdout: Holdout
    holdout_spec: dict[str, Any]
    label_delay: timedelta
    cutoff: datetime
    min_holdout_rows: int
    params: dict[str, Any]
    registry: RegistryRun
    allowed_types: tuple[str, ...]
    evaluation_columns: tuple[str, ...]


@dataclass(frozen=True)
class TrainedOn:
    """Which rows a model was fitted on: times from (inclusive) to until (exclusive), and what it held out."""

    start: datetime | None
    until: datetime | None
    holdout: Holdout | None
    time_column: str | None


@dataclass(frozen=True)
class ModelRef:
    model_id: str
    uri: str
    digest: str
    features: tuple[str, ...]
    trained_on: TrainedOn | None


@dataclass(frozen=True)
class StoredRows:
    uri: str
    digest: str


@dataclass(frozen=True)
class TrainingRows:
    source: Source
    label: str
    trained_on: TrainedOn


@dataclass(frozen=True)
class ShadowDocument:
    """`requests`: how many were eligible, mirrored, dropped and failed."""

    key: str
    tag: str
    task: str
    workflow_id: str
    code: None
    candidate: str
    incumbent: str
    features: tuple[str, ...]
    slices: tuple[str, ...]
    requests: dict[str, int]
    window: dict[str, str]
    pairs: StoredRows
    training: TrainingRows | None
    registry: RegistryRun
    seed: int


@dataclass(frozen=True)
class EvaluateDocument:
    key: str
    tag: str
    task: str
    workflow_id: str
    code: Code | None
    source: Source
    features: tuple[str, ...]
    label: str
    label_delay: timedelta
    cutoff: datetime
    holdout: Holdout
    slices: tuple[str, ...]
    cluster: tuple[str, ...]
    confidences: tuple[float, ...]
    candidate: ModelRef
    incumbent: ModelRef | None
    own_evaluation: StoredRows | None
    registry: RegistryRun
    allowed_types: tuple[str, ...]
    seed: int
