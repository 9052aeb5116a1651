"""The user's code of the stack tests: quick to fit, and badly behaved when `params.behave` says so."""

import json
import os
import pathlib
import time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


class OwnClass(DummyClassifier):
    """A type that nobody has allowed to be loaded."""


def train(features: pd.DataFrame, labels: pd.Series, params: dict):
    note(params)
    behave = params.get("behave")
    if behave == "raise" and not pathlib.Path(params.get("cured_by", "/none")).exists():
        raise ValueError("the label column is upside down")
    if behave == "none":
        return None
    if behave == "own-class":
        return OwnClass().fit(features, labels)
    if behave == "hang":
        time.sleep(3600)
    if behave == "slow":
        time.sleep(params.get("seconds", 8))
    if behave == "constant":
        return DummyClassifier(strategy="prior").fit(features, labels)
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    numbers = [name for name in features if name not in texts]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts),
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=200)).fit(features, labels)
    if behave == "nan":
        model[-1].coef_ = np.full_like(model[-1].coef_, np.nan)
    return model


def note(params: dict) -> None:
    """One line for each time this really ran, with what it was given, where the test asked for it."""
    if "trace" in params:
        with pathlib.Path(params["trace"]).open("a") as file:
            file.write(json.dumps({"pid": os.getpid(), "params": params}) + "\n")
