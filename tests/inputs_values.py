"""Inputs that are read, by what stands in them: values, labels, references."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
from inputs import GOOD, ROWS, Case, Columns, columns, good, parquet, with_column

# --- values ----------------------------------------------------------------------------------------------------


@good(1)
def one_row() -> list[str]:
    return [parquet("a.parquet", columns(1))]


@good(2)
def two_rows() -> list[str]:
    return [parquet("a.parquet", columns(2))]


@good()
def columns_of_nulls() -> list[str]:
    kinds = {"null": pa.null(), "string": pa.string(), "float": pa.float64(), "integer": pa.int64()}
    return with_column(**{name: pa.nulls(ROWS, kind) for name, kind in kinds.items()})


@good()
def nothing_but_nulls() -> list[str]:
    return [parquet("a.parquet", {"a": pa.nulls(ROWS), "b": pa.nulls(ROWS, pa.string())})]


@good()
def constants() -> list[str]:
    return [parquet("a.parquet", {"f": [1.0] * ROWS, "s": ["x"] * ROWS, "b": [True] * ROWS, "label": ["a"] * ROWS})]


def every_type() -> Columns:
    rows = range(ROWS)
    day = dt.date(2020, 1, 1)
    return columns() | {
        "boolean": [row % 2 == 0 for row in rows],
        "date": [day + dt.timedelta(row) for row in rows],
        "decimal": [decimal.Decimal(row) / 4 for row in rows],
        "large_decimal": [decimal.Decimal(10) ** 30 + row for row in rows],
        "local": [dt.datetime(2020, 1, 1) + dt.timedelta(hours=row) for row in rows],  # noqa: DTZ001 - a local time
        "instant": pa.array([0] * ROWS, pa.timestamp("ns", "Europe/Berlin")),
        "clock": pa.array([dt.time(1, 2, 3)] * ROWS),
        "list": [[1, 2, row] for row in rows],
        "maybe_list": pa.array([[] if row % 2 else None for row in rows], pa.list_(pa.string())),
        "struct": [{"a": row, "b": str(row)} for row in rows],
        "map": pa.array([[("k", row)] for row in rows], pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["x", "y", "z"] * (ROWS // 3)).dictionary_encode(),
        "binary": [b"\x89PNG" + bytes([row]) for row in rows],
        "image": [{"bytes": b"\xff\xd8" + bytes([row]), "path": f"{row}.jpg"} for row in rows],
        "unsigned": pa.array([2**64 - 1 - row for row in rows], pa.uint64()),
        "hash": pa.array([2**62 + row * 10**15 for row in rows], pa.int64()),
        "half": pa.array(np.arange(ROWS, dtype=np.float16)),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(4.0 * ROWS)), 4),
    }


@good()
def a_column_of_every_type() -> list[str]:
    return [parquet("a.parquet", every_type())]


@good()
def every_type_against_itself() -> list[str]:
    return [parquet("a.parquet", every_type()), "--reference", parquet("reference.parquet", every_type())]


@good()
def every_type_in_feather() -> list[str]:
    pyarrow.feather.write_feather(pa.table(every_type()), "a.feather")
    return ["a.feather"]


def not_finite() -> Columns:
    width = np.linspace(1, 2, ROWS)
    width[:30], width[30:33], width[33] = np.nan, np.inf, -np.inf
    return columns() | {
        "width": width,
        "nan": np.full(ROWS, np.nan),
        "infinite": np.full(ROWS, np.inf),
        "huge": np.arange(-1.0, 1.0, 2 / ROWS) * 1.7e308,
        "tiny": np.repeat([0.0, 5e-324], ROWS // 2),
    }


@good()
def numbers_that_are_not_finite() -> list[str]:
    return [parquet("a.parquet", not_finite())]


@good()
def numbers_that_are_not_finite_against_themselves() -> list[str]:
    return [parquet("a.parquet", not_finite()), "--reference", parquet("reference.parquet", not_finite())]


@good()
def an_id_that_repeats() -> list[str]:
    return with_column(id=["same"] * ROWS)


@good(20)
def a_cell_of_ten_megabytes() -> list[str]:
    content = columns(20)
    content["text"][5] = "lorem ipsum " * 900_000
    pyarrow.csv.write_csv(pa.table(content), "a.csv")
    return ["a.csv"]


@good()
def names_that_attack_terminals_and_pages() -> list[str]:
    names = ["", "\x1b[31mred", "a\nb", "=cmd()", "[bold]x", "<script>", "x" * 5000, "\u202eevil"]
    return [parquet("a.parquet", {name: list(range(ROWS)) for name in names})]


@good()
def values_that_attack_terminals_and_pages() -> list[str]:
    return with_column(colour=["\x1b[2J", "=1+1", "<b>", "[red]", "\u202e", "\r\n"] * (ROWS // 6))


# --- labels and roles ------------------------------------------------------------------------------------------

LABELS: dict[str, Any] = {
    "one class": ["x"] * ROWS,
    "a class for each row": [f"c{row}" for row in range(ROWS)],
    "no value": pa.nulls(ROWS, pa.string()),
    "boolean": [row % 3 == 0 for row in range(ROWS)],
    "float": np.linspace(0, 1, ROWS),
    "decimal": [decimal.Decimal("1.5"), decimal.Decimal("2.5")] * (ROWS // 2),
    "date": [dt.date(2020, 1, 1)] * ROWS,
    "binary": [b"\xff", b"\x00"] * (ROWS // 2),
}


def label_case(values: Any) -> Case:
    return lambda: [*with_column(label=values), "--column", "label=label"]


GOOD |= {f"label: {name}": (label_case(values), ROWS) for name, values in LABELS.items()}


@good()
def roles_of_unlikely_columns() -> list[str]:
    roles = ["source=list", "id=width", "timestamp=colour"]
    return [*with_column(list=[[1]] * ROWS), *(word for role in roles for word in ("--column", role))]


# --- references ------------------------------------------------------------------------------------------------


@good()
def the_reference_is_the_data() -> list[str]:
    return [parquet("a.parquet"), "--reference", "a.parquet"]


@good()
def a_reference_without_a_column_in_common() -> list[str]:
    return [parquet("a.parquet"), "--reference", parquet("reference.parquet", {"z": list(range(ROWS))})]


@good()
def a_reference_of_other_types() -> list[str]:
    other = columns() | {"width": [[row] for row in range(ROWS)], "colour": list(range(ROWS))}
    return [parquet("a.parquet", other), "--reference", parquet("reference.parquet")]


@good()
def a_reference_of_one_row() -> list[str]:
    return [parquet("a.parquet"), "--reference", parquet("reference.parquet", columns(1))]


@good(1)
def one_row_against_a_reference() -> list[str]:
    return [parquet("a.parquet", columns(1)), "--reference", parquet("reference.parquet")]


@good()
def nulls_against_values() -> list[str]:
    nulls = {"width": pa.nulls(ROWS, pa.float64()), "colour": pa.nulls(ROWS, pa.string())}
    return [parquet("a.parquet", columns() | nulls), "--reference", parquet("reference.parquet")]
