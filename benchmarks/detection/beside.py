"""Honest files beside the tables of a data set, made of its own rows: nothing here may be called unsafe.

What people keep beside data: a readme, word lists, arrays of numbers, archives of texts, weights, pictures, pages.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile

import numpy as np
import pyarrow as pa

from poisonguard.redteam import png

MOST_ROWS = 200
SIDE = 24
"""Pixels of the picture's side."""


def honest_files(table: pa.Table) -> dict[str, bytes]:
    """Path and content of each file, for the first rows of ``table``."""
    lines = [json.dumps(row, default=str, ensure_ascii=False) for row in table.slice(0, MOST_ROWS).to_pylist()]
    sizes = np.array([len(line) for line in lines], dtype=np.float64)
    words = sorted({word for line in lines for word in line.split()})
    text = "\n".join(lines).encode()
    members = {f"rows/{number:04d}.txt": line.encode() for number, line in enumerate(lines)}
    return {
        "README.md": b"# Rows\n\n" + "\n".join(f"- {name}" for name in table.column_names).encode(),
        ".gitattributes": b"*.npy filter=lfs diff=lfs merge=lfs -text\n",
        "notes.txt": b"(see the paper)\ncopied from the archive\nin two parts.\n",
        "words.txt": "\n".join(words).encode(),
        "words.bin": "\0".join(words).encode(),
        "arrays/lengths.npy": _saved(sizes),
        "arrays/both.npz": _zipped({"lengths.npy": _saved(sizes), "squares.npy": _saved(sizes**2)}),
        "arrays/lengths.safetensors": _tensors(sizes),
        "old data/rows.zip": _zipped(members),
        "old data/rows.tar.gz": gzip.compress(_tarred(members), mtime=0),
        "assets/noise.bin": text[::-1],
        "assets/lengths.png": png.encode(_drawn(sizes)),
        "assets/lengths.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "assets/index.html": b"<!doctype html><html><body><p>" + words[0].encode() + b"</p></body></html>",
    }


def _saved(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    held = io.BytesIO()
    np.save(held, values, allow_pickle=False)
    return held.getvalue()


def _tensors(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    data = values.tobytes()
    header = json.dumps({"lengths": {"dtype": "F64", "shape": [len(values)], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def _drawn(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    grey = np.resize(values % 256, (SIDE, SIDE, 1)).astype(np.uint8)
    return np.repeat(grey, 3, axis=2)


def _zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return held.getvalue()


def _tarred(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return held.getvalue()
