"""Writes the made-up customers the examples learn from: `python make_customers.py`.

Ninety days, eighty customers a day; `left` says whether the customer cancelled within the month after `seen_at`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

DAYS, CUSTOMERS_A_DAY = 90, 80
FIRST_DAY = "2025-01-01T06:00:00Z"


def customers() -> pd.DataFrame:
    random = np.random.default_rng(7)
    rows = DAYS * CUSTOMERS_A_DAY
    months = random.integers(1, 72, rows)
    price = random.choice([9.0, 19.0, 39.0], rows)
    tickets = random.poisson(0.8, rows)
    late_payments = random.poisson(0.5, rows)
    day = np.repeat(np.arange(DAYS), CUSTOMERS_A_DAY)
    odds = -1.2 - 0.03 * months + 0.015 * price + 0.9 * tickets + 0.7 * late_payments
    return pd.DataFrame(
        {
            "seen_at": pd.Timestamp(FIRST_DAY) + pd.to_timedelta(day, unit="D"),
            "plan": np.select([price == 9.0, price == 19.0], ["small", "medium"], "large"),
            "months": months.astype("int16"),
            "price": price.astype("float32"),
            "tickets": tickets.astype("int16"),
            "late_payments": late_payments.astype("int16"),
            "left": (random.random(rows) < 1 / (1 + np.exp(-odds))).astype("int8"),
        }
    )


if __name__ == "__main__":
    out = Path(__file__).with_name("customers.parquet")
    customers().to_parquet(out, index=False, compression="zstd")
    print(f"{DAYS * CUSTOMERS_A_DAY} rows: {out}")
