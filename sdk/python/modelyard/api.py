"""What a user's `train` function may import from this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CodeModel:
    """A model that is code plus files: what `train` returns when scikit-learn's format does not fit.

    `file` is a Python file below the code directory that defines an `mlflow.pyfunc.PythonModel` and ends with
    `mlflow.models.set_model(...)`. `artifacts` maps a name to a local path (weights, vocabularies), which the model
    reads in `load_context` as `context.artifacts[name]`. `code` names further files or folders below the code
    directory that `file` imports. `predict` gives one value per row: the probability of the positive class (or two
    columns), a column per label, a number, or anything for a custom task.
    """

    file: str
    artifacts: Mapping[str, str] = field(default_factory=dict)
    code: Sequence[str] = ()
