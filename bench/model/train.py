"""A model in a blink: what is measured is the platform."""

from sklearn.linear_model import LinearRegression


def train(features, labels, params):
    return LinearRegression().fit(features, labels)
