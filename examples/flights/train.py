"""Predicts whether a flight arrives more than 30 minutes late."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def train(features: pd.DataFrame, labels: pd.Series, params: dict) -> Pipeline:
    """`params.kind` is 'hgb' (gradient boosting) or 'logreg'; the others are the estimator's own."""
    texts = list(features.select_dtypes(exclude="number"))
    numbers = [name for name in features if name not in texts]
    fit = {"hgb": boosting, "logreg": regression}[params.get("kind", "hgb")]
    return fit(texts, numbers, params).fit(features, labels)


def boosting(texts: list, numbers: list, params: dict) -> Pipeline:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    return make_pipeline(
        make_column_transformer((codes, texts), ("passthrough", numbers)),
        HistGradientBoostingClassifier(
            categorical_features=list(range(len(texts))),
            learning_rate=params.get("learning_rate", 0.04),
            max_iter=params.get("max_iter", 150),
            max_leaf_nodes=params.get("max_leaf_nodes", 15),
            l2_regularization=1.0,
            early_stopping=False,
            random_state=params.get("seed", 0),
        ),
    )


def regression(texts: list, numbers: list, params: dict) -> Pipeline:
    """For columns that always have a value."""
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", min_frequency=20), texts),
            (StandardScaler(), numbers),
        ),
        LogisticRegression(C=params.get("C", 1.0), max_iter=300),
    )
