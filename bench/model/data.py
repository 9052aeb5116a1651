"""Writes a small table with a time column to the Parquet file that is named as the argument."""

import sys

import numpy as np
import pandas as pd

ROWS = 2_000

random = np.random.default_rng(0)
distance = random.uniform(100, 3_000, ROWS)
pd.DataFrame(
    {
        "at": pd.date_range("2026-01-01", periods=ROWS, freq="30min", tz="UTC"),
        "distance": distance,
        "delay": distance / 100 + random.normal(0, 1, ROWS),
    }
).to_parquet(sys.argv[1])
