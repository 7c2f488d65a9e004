"""An approved version as a table: every reader below reads through the checks of its file system.

Rules:

1. The table is made of those files that the listing calls tables; what else lies there is read with ``open``.
2. A format that Arrow's datasets do not read is refused by name, never left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
from pyarrow import csv, json
from pyarrow.fs import FSSpecHandler, PyFileSystem

from poisonguard.dataset.names import shown
from poisonguard.dataset.sniff import ARROW, CSV, JSON, JSONL, PARQUET, TABLES
from poisonguard.dataset.verified_fsspec import VerifiedFileSystem
from poisonguard.errors import UsageError
from poisonguard.workflow.gate_decision import GateDecision

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

DELIMITERS = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""Delimiters by the ending of a name; a comma otherwise."""
SMALLEST_BLOCK = 1 << 20
LARGEST_BLOCK = 1 << 30
"""Bytes of JSON Lines that Arrow is asked to parse at once."""
COMPRESSED = 20
"""How many times larger a compressed file may become; text seldom exceeds it."""
READABLE = {PARQUET: "parquet", ARROW: "ipc", CSV: "csv", JSONL: "json"}
"""Arrow's names of the formats that its datasets read."""


@dataclass(frozen=True, slots=True)
class ApprovedDataset:
    """One approved version.

    Attributes:
        filesystem: Its files as an fsspec file system, for pandas, polars, Hugging Face ``datasets`` and ``open``.
        decision: What the gate said, and on what evidence.
    """

    filesystem: VerifiedFileSystem
    decision: GateDecision

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, sorted."""
        return self.filesystem.files.paths

    @property
    def arrow_filesystem(self) -> PyFileSystem:
        """The same files as an Arrow file system."""
        return PyFileSystem(FSSpecHandler(self.filesystem))

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """One file, to be read as Python's own ``open`` would."""
        return self.filesystem.open(path, mode, **options)

    def dataset(self, **options: Any) -> ds.Dataset:
        """The tables as an Arrow dataset, with options of ``pyarrow.dataset.dataset``, such as ``schema``.

        Raises:
            UsageError: There is no table, or one in a format that Arrow's datasets do not read.
        """
        parts = [self._part(form, paths, options) for form, paths in self._tables()]
        if not parts:
            raise UsageError("the version holds no table", hint="Read its files with open().")
        return parts[0] if len(parts) == 1 else ds.dataset(parts)

    def to_table(self, columns: Sequence[str] | None = None, filter: ds.Expression | None = None) -> pa.Table:  # noqa: A002 - Arrow's own word
        """The tables' rows.

        Args:
            columns: Only these columns.
            filter: Only rows for which this holds.

        Raises:
            DataChanged: Some bytes are not the approved ones.
        """
        return self.dataset().to_table(columns=columns, filter=filter)

    def to_pandas(self, columns: Sequence[str] | None = None, filter: ds.Expression | None = None) -> pd.DataFrame:  # noqa: A002 - the same
        """The same as a pandas frame."""
        frame: pd.DataFrame = self.to_table(columns, filter).to_pandas()
        return frame

    def _part(self, form: Any, paths: list[str], options: dict[str, Any]) -> ds.Dataset:
        chosen = {"partitioning": "hive", "format": form} | options
        return ds.dataset(paths, filesystem=self.arrow_filesystem, **chosen)

    def _tables(self) -> Iterator[tuple[Any, list[str]]]:
        """Arrow formats, each with the paths of its files."""
        groups: dict[tuple[str, str], list[str]] = {}
        largest = 0
        for entry in self.filesystem.files.listing:
            kind, _, compression = entry.format.partition("+")
            if kind not in TABLES:
                continue
            if kind not in READABLE or (compression and kind not in {CSV, JSONL}):
                raise _unreadable(entry.path, entry.format)
            delimiter = DELIMITERS.get(PurePosixPath(entry.path).suffix.lower(), ",") if kind == CSV else ""
            groups.setdefault((kind, delimiter), []).append(entry.path)
            if kind == JSONL:
                largest = max(largest, entry.size * (COMPRESSED if compression else 1))
        for (kind, delimiter), paths in groups.items():
            yield _format(kind, delimiter, largest), paths


def _format(kind: str, delimiter: str, largest: int) -> Any:
    if kind == JSONL:
        return _json_lines(largest)
    if kind != CSV:
        return READABLE[kind]
    return ds.CsvFileFormat(parse_options=csv.ParseOptions(delimiter=delimiter))


def _json_lines(largest: int) -> ds.JsonFileFormat:
    """JSON Lines, each file parsed as one block.

    Arrow's JSON reader waits for a second block on the threads that should parse it: where four files of two blocks are
    read at once on two processors, all threads wait for ever (seen with Arrow 26).
    """
    block = min(max(largest + 1, SMALLEST_BLOCK), LARGEST_BLOCK)
    return ds.JsonFileFormat(read_options=json.ReadOptions(block_size=block))


def _unreadable(path: str, form: str) -> UsageError:
    what = "a JSON document" if form == JSON else form
    return UsageError(f"{shown(path)}: {what} cannot be read as part of a table", hint="Read the file with open().")
