"""Which types a stored scikit-learn model may hold.

The platform decides this, never the model's own files: a file that brings its list of trusted types along protects
from nothing.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from modelyard.failures import TypeNotAllowed

# Exact names only. A function or class here must be harmless when called with arguments an attacker chose.
_HELPERS = frozenset(
    {
        "collections.Counter",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "datetime.timezone",
        "functools.partial",
        "numpy.bool",
        "numpy.bool_",
        "numpy.dtype",
        "numpy.max",
        "numpy.mean",
        "numpy.median",
        "numpy.min",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._interpolate.interp1d",
        "scipy.interpolate._bsplines.BSpline",
        "scipy.sparse._csr.csr_matrix",
        "scipy.sparse._csc.csc_matrix",
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.feature_selection._univariate_selection.r_regression",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
    }
)
# Compiled or private classes that hold a fitted model's numbers, and the metrics scorers name: they compute, no more.
_HELPER_MODULES = re.compile(
    r"^sklearn\.("
    r"_loss\.(_loss|link|loss)"
    r"|calibration"
    r"|cluster\._(birch|bisect_k_means)"
    r"|decomposition\._online_lda_fast"
    r"|ensemble\._gb_losses"
    r"|gaussian_process\.kernels"
    r"|linear_model\._(sgd_fast|linear_loss)"
    r"|linear_model\._glm\._newton_solver"
    r"|metrics\._(classification|dist_metrics|ranking|regression|scorer)"
    r"|model_selection\._split"
    r"|neighbors\._(kd_tree|ball_tree)"
    r"|neural_network\._stochastic_optimizers"
    r"|tree\._tree"
    r"|utils\._metadata_requests"
    r")\.\w+$"
)
_ESTIMATOR = re.compile(r"^sklearn(\.[A-Za-z_]\w*)+$")


def refused_types(names: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Those of `names` that neither the platform's own list nor `allowed` (the worker's configuration) covers."""
    return sorted({name for name in names if name not in allowed and not is_built_in(name)})


def check_types(names: Iterable[str], allowed: Sequence[str], model: str) -> None:
    """TypeNotAllowed that names every refused type and where to allow it."""
    refused = refused_types(names, allowed)
    if refused:
        raise TypeNotAllowed(
            f"{model} holds types outside the allow-list: {', '.join(refused)}; use scikit-learn's own estimators, "
            "return a CodeModel, or have the operator add the types to artifacts.allowedTypes in the worker's "
            "configuration"
        )


def is_built_in(name: str) -> bool:
    """Whether the platform allows `name` of itself: scikit-learn's own estimator classes and listed helpers.

    Other functions below `sklearn.` are not covered: a model file can have one called with arguments of its choice.
    """
    if name in _HELPERS:
        return True
    if not _ESTIMATOR.match(name) or ".tests." in name or ".externals." in name:
        return False
    found = _resolve(name)
    # A module also holds what it imports, which is not its own.
    if not str(getattr(found, "__module__", "")).startswith("sklearn."):
        return False
    return bool(_HELPER_MODULES.match(name)) or _is_estimator(found)


def _is_estimator(found: Any) -> bool:
    from sklearn.base import BaseEstimator

    return isinstance(found, type) and issubclass(found, BaseEstimator)


def _resolve(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return None
