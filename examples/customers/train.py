"""Predicts whether a customer cancels within a month."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def train(features: pd.DataFrame, labels: pd.Series, params: dict) -> Pipeline:
    """`params.C` is the inverse of the regularisation."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=params.get("C", 1.0)))
    return model.fit(features, labels)
