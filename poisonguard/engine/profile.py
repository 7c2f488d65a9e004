"""A version's evidence in one file, so that the next version can be compared with it when its bytes are gone.

A zip of Arrow IPC streams, one per sketch, members sorted, times fixed: the same evidence gives the same bytes.
Bulky states are kept while they are small: comparing copies needs them, and they grow with the rows.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.ipc

from poisonguard.domain.dataset import Column, Kind
from poisonguard.errors import IntegrityError
from poisonguard.plugin.check import Evidence
from poisonguard.sketches.base import Sketch

FORMAT = "poisonguard-profile/v1"
HEADER = "profile.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
LARGEST_BULKY_STATE = 64 << 20
"""Bytes of one bulky state that is kept; a larger one is left out and the next scan says so in its coverage."""

LARGEST_PROFILE = 4 << 30
"""Bytes all members may unpack to: a profile is written by us, but read from a shared registry."""


def dump_profile(evidence: Evidence, sketches: tuple[Sketch, ...]) -> bytes:
    """The evidence as bytes; deterministic."""
    states = {sketch.key: sketch.kept(evidence[sketch]) for sketch in sketches if _is_kept(sketch, evidence)}
    kept = sorted(states)
    header = {
        "format": FORMAT,
        "rows": evidence.rows,
        "seed": str(evidence.seed),
        "columns": [[column.name, column.kind.value, column.type] for column in evidence.columns],
        "sketches": kept,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _add(archive, HEADER, json.dumps(header, sort_keys=True, indent=1).encode())
        for number, key in enumerate(kept):
            _add(archive, f"{number:05d}.arrow", _to_ipc(states[key]))
    return buffer.getvalue()


def _is_kept(sketch: Sketch, evidence: Evidence) -> bool:
    return not sketch.bulky or evidence[sketch].nbytes <= LARGEST_BULKY_STATE


def load_profile(content: bytes, name: str, kinds: Collection[type[Sketch]] | None = None) -> Evidence:
    """The evidence that ``dump_profile`` wrote, to be called ``name`` in sentences.

    Args:
        content: The profile.
        name: What to call the version.
        kinds: The only sketches of ours that are wanted, where not all are: others are not even unpacked.

    Raises:
        IntegrityError: It is not a profile.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST_PROFILE:
                raise IntegrityError(f"the stored profile of {name} unpacks to more than {LARGEST_PROFILE} bytes")
            header = json.loads(archive.read(HEADER))
            if header["format"] != FORMAT:
                raise IntegrityError(f"the stored profile of {name} has the unknown format {header['format']!r}")
            wanted = [(i, key) for i, key in enumerate(header["sketches"]) if kinds is None or _is_of(key, kinds)]
            states = {key: _from_ipc(archive.read(f"{i:05d}.arrow")) for i, key in wanted}
    except (zipfile.BadZipFile, KeyError, ValueError, pa.ArrowException) as error:
        raise IntegrityError(f"the stored profile of {name} is not readable: {error}") from error
    identity = f"profile:{hashlib.sha256(content).hexdigest()}"
    return replace(_evidence(header, name, states), identity=identity)


def _is_of(key: str, kinds: Collection[type[Sketch]]) -> bool:
    return key.partition("(")[0] in {kind.__name__ for kind in kinds}


def _evidence(header: Mapping[str, object], name: str, states: dict[str, pa.Table]) -> Evidence:
    columns = header["columns"]
    if not isinstance(columns, list):
        raise IntegrityError(f"the stored profile of {name} names no columns")
    named = tuple(Column(column, Kind(kind), exact) for column, kind, exact in columns)
    return Evidence(name, named, int(str(header["rows"])), int(str(header["seed"])), states)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, LONG_AGO)
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, content)


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _from_ipc(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()
