"""Parses and checks the job documents. Standard library only."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from modelyard.documents import (
    Code,
    EvaluateDocument,
    FractionHoldout,
    Holdout,
    ImageCode,
    LastHoldout,
    ModelRef,
    ParquetSource,
    PeriodHoldout,
    RegistryRun,
    RowFilter,
    ShadowDocument,
    Source,
    SqlSource,
    StoredRows,
    TrainDocument,
    TrainedOn,
    TrainingRows,
)
from modelyard.reading import Reader, parse_document

TASKS = ("binary-classification", "multiclass-classification", "regression", "custom")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_IMAGE = re.compile(r"^[^\s@]+@(sha256:[0-9a-f]{64})$")
_ENTRY = re.compile(r"^(?!/)(?!.*\.\.)[^:]+\.py:[A-Za-z_]\w*$")
_ZERO = timedelta(0)
_EPOCH = datetime.fromtimestamp(0, timezone.utc)


def parse_train(value: Any) -> TrainDocument:
    """The train document; BadJob names everything that is wrong with it."""
    return parse_document(value, lambda reader: _train(reader, _python_code(reader.child("code"))))


def parse_image_train(value: Any) -> TrainDocument:
    """The train document of a definition whose code is an image; BadJob names everything that is wrong with it."""
    return parse_document(value, lambda reader: _train(reader, _image_code(reader.child("code"))))


def parse_evaluate(value: Any) -> EvaluateDocument:
    """The evaluate document; BadJob names everything that is wrong with it."""
    return parse_document(value, _evaluate)


def parse_shadow(value: Any) -> ShadowDocument:
    """The shadow document; BadJob names everything that is wrong with it."""
    return parse_document(value, _shadow)


def _train(reader: Reader, code: Code | ImageCode) -> TrainDocument:
    _header(reader, "train")
    source = _source(reader.child("data"))
    features, label = _columns(reader)
    return TrainDocument(
        key=reader.text("key"),
        tag=reader.text("tag"),
        task=reader.choice("task", TASKS),
        workflow_id=reader.text("workflowId", ""),
        definition_digest=reader.text("definitionDigest", ""),
        code_revision=reader.text("codeRevision", ""),
        code=code,
        source=source,
        features=features,
        label=label,
        holdout=_holdout(reader.child("holdout"), source, periods=False),
        holdout_spec=reader.mapping("holdout"),
        label_delay=_label_delay(reader, source),
        cutoff=reader.instant("cutoff") or _EPOCH,
        min_holdout_rows=reader.integer("minHoldoutRows", 1),
        params=reader.mapping("params"),
        registry=_registry(reader.child("registry")),
        allowed_types=reader.texts("allowedTypes", []),
        evaluation_columns=reader.texts("evaluationColumns", []),
    )


def _evaluate(reader: Reader) -> EvaluateDocument:
    _header(reader, "evaluate")
    source = _source(reader.child("data"))
    code, incumbent, own = (reader.optional_child(key) for key in ("code", "incumbent", "ownEvaluation"))
    features, label = _columns(reader)
    return EvaluateDocument(
        key=reader.text("key"),
        tag=reader.text("tag"),
        task=reader.choice("task", TASKS),
        workflow_id=reader.text("workflowId", ""),
        code=None if code is None else _evaluation_code(code),
        source=source,
        features=features,
        label=label,
        label_delay=_label_delay(reader, source),
        cutoff=reader.instant("cutoff") or _EPOCH,
        holdout=_holdout(reader.child("holdout"), source, periods=True),
        slices=reader.texts("slices", []),
        cluster=reader.texts("cluster", []),
        confidences=_confidences(reader),
        candidate=_model(reader.child("candidate")),
        incumbent=None if incumbent is None else _model(incumbent),
        own_evaluation=None if own is None else StoredRows(own.text("uri"), _digest(own, "digest")),
        registry=_registry(reader.child("registry")),
        allowed_types=reader.texts("allowedTypes", []),
        seed=reader.integer("seed", 0),
    )


def _shadow(reader: Reader) -> ShadowDocument:
    _header(reader, "shadow")
    requests, window, pairs = (reader.child(key) for key in ("requests", "window", "pairs"))
    training = reader.optional_child("training")
    return ShadowDocument(
        key=reader.text("key"),
        tag=reader.text("tag"),
        task=reader.choice("task", TASKS),
        workflow_id=reader.text("workflowId", ""),
        code=None,
        candidate=reader.text("candidate"),
        incumbent=reader.text("incumbent"),
        features=reader.texts("features"),
        slices=reader.texts("slices", []),
        requests={key: requests.integer(key) for key in ("eligible", "mirrored", "dropped", "failed")},
        window={key: window.text(key) for key in ("from", "until")},
        pairs=StoredRows(pairs.text("uri"), _digest(pairs, "digest")),
        training=None if training is None else _training(training),
        registry=_registry(reader.child("registry")),
        seed=reader.integer("seed", 0),
    )


def _training(reader: Reader) -> TrainingRows:
    return TrainingRows(_source(reader.child("data")), reader.text("label"), _trained_on(reader.child("trainedOn")))


def _header(reader: Reader, step: str) -> None:
    if reader.value.get("schema") != 1:
        reader.problem("schema", "1 (this harness reads no other schema)", reader.value.get("schema"))
    if reader.value.get("step") != step:
        reader.problem("step", repr(step), reader.value.get("step"))


def _columns(reader: Reader) -> tuple[tuple[str, ...], str]:
    features, label = reader.texts("features"), reader.text("label")
    if not features and isinstance(reader.value.get("features"), list):
        reader.problem("features", "at least one column", reader.value.get("features"))
    doubled = sorted({name for name in features if features.count(name) > 1})
    if doubled:
        reader.problems.append(f"features: expected each column once, got {', '.join(doubled)} more than once")
    if label in features:
        reader.problems.append(f"features: expected columns other than the label, got the label {label!r} among them")
    return features, label


def _label_delay(reader: Reader, source: Source) -> timedelta:
    delay = reader.duration("labelDelay", "0s") or _ZERO
    if delay > _ZERO and source.time_column is None:
        reader.problems.append("labelDelay: needs data.timeColumn, got no time column; name it in data.timeColumn")
    return delay


def _code(reader: Reader) -> Code:
    entry = reader.optional_text("entry")
    if entry is not None and not _ENTRY.match(entry):
        reader.problem("entry", "'file.py:function' below the code directory", entry)
    return Code(reader.text("uri"), _digest(reader, "digest"), entry)


def _python_code(reader: Reader) -> Code:
    code = _code(reader)
    if code.entry is None:
        reader.problems.append("code.entry: expected 'file.py:function', got nothing")
    return code


def _image_code(reader: Reader) -> ImageCode:
    image = reader.text("image")
    match = _IMAGE.match(image)
    if image and match is None:
        reader.problem("image", "an image by digest, 'name@sha256:…'", image)
    return ImageCode(image, match.group(1) if match else "")


def _evaluation_code(reader: Reader) -> Code | None:
    """None for an image: it brings no code that the harness could run."""
    if "image" not in reader.value:
        return _code(reader)
    entry = reader.optional_text("entry")
    if entry is not None:
        reader.problem("entry", "nothing, because an evaluation of one's own needs Python code", entry)
    return None


def _digest(reader: Reader, key: str) -> str:
    text = reader.text(key)
    if text and not _DIGEST.match(text):
        reader.problem(key, "'sha256:' and 64 hexadecimal digits", text)
    return text


def _source(reader: Reader) -> Source:
    time_column = reader.optional_text("timeColumn")
    if reader.choice("kind", ("parquet", "sql")) == "sql":
        return SqlSource(reader.text("connection"), reader.text("query"), time_column)
    window = reader.duration("window", None)
    if window is not None and time_column is None:
        reader.problems.append(f"{reader.path}.window: needs timeColumn, got no time column; name it in timeColumn")
    filters = tuple(
        RowFilter(item.text("column"), item.choice("op", OPERATORS), _filter_value(item))
        for item in reader.children("where")
    )
    return ParquetSource(reader.text("uri"), time_column, window, filters)


def _filter_value(reader: Reader) -> Any:
    value = reader.value.get("value")
    if reader.value.get("op") == "in" and not isinstance(value, list):
        reader.problem("value", "a list for op 'in'", value)
    if reader.value.get("op") != "in" and (value is None or isinstance(value, (list, dict))):
        reader.problem("value", "one value to compare with", value)
    return value


def _holdout(reader: Reader, source: Source | None, periods: bool) -> Holdout:
    kinds = ("last", "fraction", "period") if periods else ("last", "fraction")
    kind = reader.choice("kind", kinds)
    if kind != "fraction" and source is not None and source.time_column is None:
        reader.problems.append(
            f"{reader.path}: a holdout of kind {kind!r} needs data.timeColumn, "
            "got no time column; name it or hold out a fraction"
        )
    if kind == "fraction":
        return FractionHoldout(reader.number("fraction", 0, 1), reader.integer("seed"), reader.texts("key", []))
    if kind == "period":
        return PeriodHoldout(reader.instant("from") or _EPOCH, reader.instant("until") or _EPOCH)
    return LastHoldout(reader.duration("duration") or _ZERO)


def _registry(reader: Reader) -> RegistryRun:
    return RegistryRun(reader.text("experimentId"), reader.text("runId"))


def _model(reader: Reader) -> ModelRef:
    trained_on = reader.optional_child("trainedOn")
    return ModelRef(
        model_id=reader.text("modelId"),
        uri=reader.text("uri"),
        digest=_digest(reader, "digest"),
        features=reader.texts("features"),
        trained_on=None if trained_on is None else _trained_on(trained_on),
    )


def _trained_on(reader: Reader) -> TrainedOn:
    holdout = reader.optional_child("holdout")
    return TrainedOn(
        start=None if reader.value.get("from") is None else reader.instant("from"),
        until=None if reader.value.get("until") is None else reader.instant("until"),
        holdout=None if holdout is None else _holdout(holdout, None, periods=False),
        time_column=reader.optional_text("timeColumn"),
    )


def _confidences(reader: Reader) -> tuple[float, ...]:
    values = reader.value.get("confidences", [0.8, 0.9, 0.95, 0.98, 0.99])
    fits = isinstance(values, list) and all(isinstance(v, (int, float)) and 0 < v < 1 for v in values)
    if not fits:
        reader.problem("confidences", "a list of numbers between 0 and 1", values)
        return ()
    return tuple(float(value) for value in values)
