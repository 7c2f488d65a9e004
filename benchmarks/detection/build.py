"""Makes the files of a case: what a steward would have on disk, and apart from it, the truth.

::

    candidate/part-1.jsonl part-2.jsonl     what is scanned
    reference/part-1.jsonl                  the approved version, if the case has one: the same bytes
    holdout.jsonl                           evaluation items, if the case is about them
    files.parquet                           files beside the tables, if the case is about them: path, poisoned
    truth.parquet                           per row: poisoned; the honest label, where only labels changed; whether it
                                            held before what was planted, and so does not count

    candidate/CLASS/1-000001.png            where the data are a folder of pictures; the truth names their paths, and
    table/part-1.parquet                    has the same rows for whoever reads no such folder

With a reference, poison stands in the new rows only (``NEW`` of all), as it does in life.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from dataclasses import dataclass, replace
from functools import cache as cached
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.detection.beside import honest_files
from benchmarks.detection.cache import HERE, PROJECT, Cache, code_digest, digest_of
from benchmarks.detection.cases import POISON, Case, Kind
from benchmarks.detection.changes import CHANGES, Versions, cut, honest
from benchmarks.detection.dataset import TEXTUAL, Dataset, Split
from benchmarks.detection.overlap import holding
from poisonguard.domain.roles import Role, Roles
from poisonguard.redteam.attack import Attack, Poisoned
from poisonguard.redteam.catalogue import attack_named
from poisonguard.redteam.contamination import Contamination

NEW = 0.4
MOST_NEW = 0.5
"""Share of the new rows that may be poison, for attacks at high rates."""
ROWS_PER_GROUP = 1_000
HELD_OUT = 0.1
CONTENT = "content-digest"


class NotPossible(Exception):
    """The attack cannot run on this data set."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one case; ``digest`` is that of what they hold, so that results outlive a rewording of the code."""

    folder: Path
    digest: str

    @property
    def candidate(self) -> Path:
        """What is scanned."""
        return self.folder / "candidate"

    @property
    def reference(self) -> Path | None:
        """The version compared with."""
        path = self.folder / "reference"
        return path if path.is_dir() else None

    @property
    def holdout(self) -> Path | None:
        """Evaluation items."""
        path = self.folder / "holdout.jsonl"
        return path if path.is_file() else None

    def truth(self) -> pa.Table:
        """``poisoned`` of every row of the candidate, and ``honest_label``."""
        return pyarrow.parquet.read_table(self.folder / "truth.parquet")

    def counted(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each row is poisoned or honest, and not both at once; shape (rows,)."""
        truth = self.truth()
        if "alike" not in truth.column_names:
            return np.ones(truth.num_rows, np.bool_)
        return np.asarray(~truth.column("alike").to_numpy())

    def beside(self) -> pa.Table | None:
        """``path`` and ``poisoned`` of every file beside the tables, where the case is about them."""
        path = self.folder / "files.parquet"
        return pyarrow.parquet.read_table(path) if path.is_file() else None

    @property
    def table(self) -> Path:
        """Folder with the candidate's rows as tables."""
        path = self.folder / "table"
        return path if path.is_dir() else self.candidate

    def parts(self) -> list[Path]:
        """Tables of the candidate, in order."""
        return sorted(path for path in self.table.iterdir() if path.name.startswith("part-"))


def build(case: Case, dataset: Dataset, cache: Cache) -> Files:
    """The files of ``case`` on ``dataset``, made on first use.

    Raises:
        NotPossible: The attack cannot run on this data set.
    """
    digest = digest_of(case.name, case.rate, case.count, _code(case.kind, case.split))
    folder = cache.folder("cases") / digest
    if not folder.is_dir():
        versions, holdout = _versions(case, dataset, cache)
        part = folder.with_name(digest + ".part")
        shutil.rmtree(part, ignore_errors=True)
        _write(part, versions, holdout, dataset)
        (part / CONTENT).write_text(_content(part), encoding="utf-8")
        part.rename(folder)
    return Files(folder, (folder / CONTENT).read_text(encoding="utf-8"))


def _content(folder: Path) -> str:
    """Digest of every file's place and bytes."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


@cached
def _code(kind: Kind, split: Split) -> str:
    """Digest of the code that makes such a case, as it was loaded: a changed attack makes new files."""
    ours = (HERE / name for name in ("beside.py", "build.py", "changes.py", "dataset.py", "overlap.py", "prose.py"))
    attacks = (PROJECT / "poisonguard" / "redteam").glob("*.py") if kind in POISON else ()
    return code_digest([*ours, *_loaders(split), *attacks])


def _loaders(split: Split) -> list[Path]:
    """The code of the data sets; sets for reporting also use loaders of the tuning sets, never the other way."""
    return [*HERE.glob("sets_*.py"), *(HERE.glob("reporting_*.py") if split is Split.REPORTING else ())]


def _versions(case: Case, dataset: Dataset, cache: Cache) -> tuple[Versions, pa.Table | None]:
    table = _cached_table(dataset, cache, by_period=case.what == "new-period")
    roles = dataset.roles(table)
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    if case.kind is Kind.POISONED:
        return _attacked(case, table, roles, rng), None
    if case.kind is Kind.CONTAMINATED:
        return _contaminated(case, table, roles, rng)
    return CHANGES[case.what](table, roles, rng), None


def _cached_table(dataset: Dataset, cache: Cache, *, by_period: bool) -> pa.Table:
    code = code_digest([*_loaders(dataset.split), HERE / "dataset.py", HERE / "prose.py", HERE / "packages.py"])
    path = cache.folder("tables") / f"{dataset.name}-{code}{'-ordered' if by_period else ''}.parquet"
    if not path.is_file():
        pyarrow.parquet.write_table(dataset.table(cache, by_period=by_period), path)
    return pyarrow.parquet.read_table(path)


def _attacked(case: Case, table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    attack = attack_named(case.what)
    if attack.plants:
        return _planted(attack, case, table, roles, rng)
    if not case.reference:
        done = _apply(attack, table, roles, case.rate, rng)
        return Versions((done.table,), None, _mask(done), _honest_labels(table, done, roles), _alike(done, 0))
    if attack.between_versions:
        done = _apply(attack, table, roles, case.rate, rng)
        return Versions((done.table,), table, _mask(done), _honest_labels(table, done, roles))
    first, rest = cut(table, 1 - NEW)
    done = _apply(attack, rest, roles, min(case.rate / NEW, MOST_NEW), rng)
    labels = _honest_labels(rest, done, roles)
    before = () if labels is None else _labels(first, roles)
    poisoned = np.concatenate([np.zeros(first.num_rows, np.bool_), _mask(done)])
    known = None if labels is None else before + labels
    return Versions((first, done.table), first, poisoned, known, _alike(done, first.num_rows))


def _planted(attack: Attack, case: Case, table: pa.Table, roles: Roles, rng: np.random.Generator) -> Versions:
    """Files planted among honest ones; the rows are honest, and some of them new where there is a reference."""
    done = _apply(attack, table, roles, case.rate, rng)
    first, rest = cut(table, 1 - NEW)
    versions = honest((first, rest), first) if case.reference else honest((table,), None)
    return replace(versions, files={**honest_files(table), **done.files}, planted=frozenset(done.files))


def _apply(attack: Attack, table: pa.Table, roles: Roles, rate: float, rng: np.random.Generator) -> Poisoned:
    obstacle = attack.obstacle(table, roles)
    if obstacle is not None:
        raise NotPossible(obstacle)
    return attack.apply(table, roles, rate, rng)


def _mask(done: Poisoned) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.zeros(done.table.num_rows, np.bool_)
    mask[done.rows] = True
    return mask


def _alike(done: Poisoned, before: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    """The honest rows that cannot be told from the poison, after ``before`` others."""
    mask = np.zeros(before + done.table.num_rows, np.bool_)
    mask[before + done.alike] = True
    return mask if mask.any() else None


def _labels(table: pa.Table, roles: Roles) -> tuple[str, ...]:
    return tuple(str(value) for value in table.column(roles.first(Role.LABEL)).to_pylist())


def _honest_labels(before: pa.Table, done: Poisoned, roles: Roles) -> tuple[str, ...] | None:
    """The labels before the attack, if it changed nothing else."""
    label = roles.first(Role.LABEL)
    if label is None or before.num_rows != done.table.num_rows:
        return None
    only_labels = before.drop_columns([label]).equals(done.table.drop_columns([label]))
    return _labels(before, roles) if only_labels else None


def _contaminated(case: Case, table: pa.Table, roles: Roles, rng: np.random.Generator) -> tuple[Versions, pa.Table]:
    """A tenth of the rows are evaluation items; some of them stand inside other rows."""
    items, training = cut(table, HELD_OUT)
    column = roles.first(Role.TEXT) or roles.first(Role.RESPONSE)
    wanted = [str(text) for text in items.column(column).to_pylist()]
    done = _apply(Contamination(tuple(wanted)), training, roles, case.rate, rng)
    planted = _mask(done)
    alike = holding([str(text) for text in done.table.column(column).to_pylist()], wanted) & ~planted
    return Versions((done.table,), None, planted, alike=alike if alike.any() else None), items


def _write(folder: Path, versions: Versions, holdout: pa.Table | None, dataset: Dataset) -> None:
    tables = folder / ("table" if dataset.folders else "candidate")
    for place, table in enumerate(versions.parts, start=1):
        _write_part(tables, place, table, dataset)
    if versions.reference is not None and not dataset.folders:
        _write_part(folder / "reference", 1, versions.reference, dataset)
    if holdout is not None:
        _write_lines(folder / "holdout.jsonl", holdout)
    truth = {"poisoned": pa.array(versions.poisoned)}
    if dataset.folders:
        parts = enumerate(versions.parts, start=1)
        truth["path"] = pa.array(
            [path for place, part in parts for path in _write_pictures(folder / "candidate", place, part)]
        )
        if versions.reference is not None:
            _write_pictures(folder / "reference", 1, versions.reference)
    if versions.files:
        _write_beside(folder, versions)
    if versions.honest_labels is not None:
        truth["honest_label"] = pa.array(versions.honest_labels)
    if versions.alike is not None:
        truth["alike"] = pa.array(versions.alike)
    pyarrow.parquet.write_table(pa.table(truth), folder / "truth.parquet")


def _write_beside(folder: Path, versions: Versions) -> None:
    """The files beside the tables; the approved version has the honest ones."""
    for path, content in versions.files.items():
        for version in ("candidate", "reference"):
            if version == "candidate" or (versions.reference is not None and path not in versions.planted):
                (folder / version / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / version / path).write_bytes(content)
    paths = sorted(versions.files)
    truth = pa.table({"path": paths, "poisoned": [path in versions.planted for path in paths]})
    pyarrow.parquet.write_table(truth, folder / "files.parquet")


def _write_part(folder: Path, place: int, table: pa.Table, dataset: Dataset) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if dataset.modality in TEXTUAL:
        _write_lines(folder / f"part-{place}.jsonl", table)
    else:
        pyarrow.parquet.write_table(table, folder / f"part-{place}.parquet", row_group_size=ROWS_PER_GROUP)


def _write_pictures(folder: Path, place: int, table: pa.Table) -> list[str]:
    """One file for each row, in the folder of its class; their paths below ``folder``."""
    paths = []
    for number, (image, label) in enumerate(zip(table["image"].to_pylist(), table["label"].to_pylist(), strict=True)):
        path = folder / label / f"{place}-{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
        paths.append(path.relative_to(folder).as_posix())
    return paths


def _write_lines(path: Path, table: pa.Table) -> None:
    lines = (json.dumps(row, ensure_ascii=False) for row in table.to_pylist())
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
