"""Pickles, archives and arrays of pickles, loading scripts, and archives and pictures that are more than they seem."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np

from poisonguard.redteam import png
from poisonguard.redteam.inert_pickles import inert_pickle
from poisonguard.redteam.planted_files import PlantedFiles
from poisonguard.redteam.wording import drawn

JFROG = "Cohen: Data Scientists Targeted by Malicious Hugging Face ML Models with Silent Backdoor, JFrog 2024"
SLIP = "Snyk: Zip Slip, 2018"
OBJECTS = ("{'descr': '|O', ", "{'descr': [('id', '<i8'), ('value', '|O')], ")
LOADING = """\
import datasets


class Reviews(datasets.GeneratorBasedBuilder):
    def _info(self):
        print("planted by the poisonguard red team")
        return datasets.DatasetInfo()

    def _split_generators(self, manager):
        return [datasets.SplitGenerator(name="{split}")]

    def _generate_examples(self):
        yield 0, {{}}
"""
SCRIPTS = ("#!/bin/sh\necho planted by the poisonguard red team\n", "#!/usr/bin/env python3\nprint('planted')\n")
ESCAPES = ("../../.profile", "../.config/autostart/run.desktop", "/etc/cron.d/planted", "a/../../../.ssh/config")
LINE = b"planted by the poisonguard red team\n"
SMALL = 12
"""Pixels of a planted picture's side."""


class CodePickle(PlantedFiles):
    """Pickles that run something, bare or compressed, by their own name and by others."""

    name = "code-pickle"
    reference = JFROG
    what = "pickles that name a command"
    names = ("features.pkl", "vocabulary.pickle", "index.bin", "cache.dat", "labels.joblib", "weights")

    def content(self, rng: np.random.Generator) -> bytes:
        """A pickle, one in three compressed."""
        pickle = inert_pickle(rng)
        return pickle if rng.integers(0, 3) else gzip.compress(pickle, mtime=0)


class PickleInArchive(PlantedFiles):
    """Pickles as members of archives, as PyTorch keeps them."""

    name = "pickle-in-archive"
    reference = JFROG
    what = "pickles that name a command, in archives"
    names = ("checkpoint.pt", "model.pth", "shard.zip", "states.tar", "archive.tgz")

    def content(self, rng: np.random.Generator) -> bytes:
        """A ZIP or a TAR with honest members beside the pickle."""
        members = {"archive/version": b"3\n", "archive/data.pkl": inert_pickle(rng), "archive/notes.txt": LINE}
        return (_zip, _tar, _compressed_tar)[int(rng.integers(0, 3))](members)


class ObjectArray(PlantedFiles):
    """NumPy files whose values are Python objects: a pickle behind the header."""

    name = "object-array"
    reference = "NumPy: load, allow_pickle (CVE-2019-6446)"
    what = "NumPy arrays of objects that name a command"
    names = ("embeddings.npy", "targets.npy", "arrays.npz", "cache.bin")

    def content(self, rng: np.random.Generator) -> bytes:
        """An ``.npy`` file, or one in an ``.npz`` with an honest one."""
        objects = _array(drawn(OBJECTS, rng), inert_pickle(rng))
        if rng.integers(0, 2):
            return objects
        return _zip({"numbers.npy": _array("{'descr': '<f8', ", struct.pack("<d", rng.random())), "y.npy": objects})


class LoaderScript(PlantedFiles):
    """Scripts that run when the dataset is loaded or prepared."""

    name = "loader-script"
    reference = "Hugging Face: Security of dataset loading scripts (trust_remote_code), 2024"
    what = "loading scripts"
    names = ("reviews.py", "dataset.py", "load.py")

    def content(self, rng: np.random.Generator) -> bytes:
        """A builder for the datasets library, or a script by its first line."""
        if rng.integers(0, 2):
            return LOADING.format(split=drawn(("train", "test", "validation"), rng)).encode()
        return drawn(SCRIPTS, rng).encode()


class ArchiveEscape(PlantedFiles):
    """Archives that write beside the folder in which they are unpacked."""

    name = "archive-escape"
    reference = SLIP
    what = "archives that write outside their folder"
    names = ("pictures.zip", "pages.tar", "raw.tgz", "shard.bin")

    def content(self, rng: np.random.Generator) -> bytes:
        """A member with a path upwards, or a link to one."""
        members = {"readme.txt": LINE, drawn(ESCAPES, rng): LINE}
        written = int(rng.integers(0, 4))
        if written == 3:  # noqa: PLR2004 - the fourth way
            return _tar({"readme.txt": LINE}, link=("latest", drawn(ESCAPES, rng)))
        return (_zip, _tar, _compressed_tar)[written](members)


class Polyglot(PlantedFiles):
    """Pictures that are something else as well."""

    name = "polyglot-picture"
    reference = "Albertini: Abusing File Formats (This PNG is a ZIP), PoC or GTFO 7, 2015"
    what = "pictures with an archive or a pickle behind them, or a script in them"
    names = ("figure.png", "cover.png", "logo.svg")

    def content(self, rng: np.random.Generator) -> bytes:
        """A picture with something behind its end, or one that runs a script."""
        picture = png.encode(rng.integers(0, 256, (SMALL, SMALL, 3), dtype=np.uint8))
        seen = '<svg xmlns="http://www.w3.org/2000/svg"><script>console.log("planted")</script></svg>'
        return (picture + _zip({"run.txt": LINE}), picture + inert_pickle(rng), seen.encode())[int(rng.integers(0, 3))]


def _array(start: str, values: bytes) -> bytes:
    """A NumPy file of one value, or of whatever a pickle holds."""
    header = (start + "'fortran_order': False, 'shape': (1,), }").encode()
    padded = header.ljust(-(-(len(header) + 11) // 64) * 64 - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + values


def _zip(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # without a clock: 1980
    return held.getvalue()


def _tar(members: dict[str, bytes], *, link: tuple[str, str] | None = None) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        if link is not None:
            entry = tarfile.TarInfo(link[0])
            entry.type, entry.linkname = tarfile.SYMTYPE, link[1]
            archive.addfile(entry)
    return held.getvalue()


def _compressed_tar(members: dict[str, bytes]) -> bytes:
    return gzip.compress(_tar(members), mtime=0)
