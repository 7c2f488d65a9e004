"""Approved versions on disk, with bundle and pin, whose files tests may then alter."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evidence_project
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from evidence_project import Project

from poisonguard.attest.keys import generate
from poisonguard.attest.trust import RoleName, pin_of
from poisonguard.dataset.chunktree import BLAKE3_TREE, ChunkTree
from poisonguard.domain.finding import Finding
from poisonguard.workflow.bundles import export_file
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.publish import Published
from poisonguard.workflow.trust_request import TrustRequest

ROWS = 60_000
GROUP = 10_000
BIG, SMALL = "part-0.parquet", "more/part-1.parquet"
CSV, LINES, PICTURE = "table.csv", "lines.jsonl", "images/dot.bin"


class TrainingProject(Project):
    """A project in which Tess is the trainer, and whose manifests are made as ``poisonguard sign`` makes them."""

    tree: ChunkTree = BLAKE3_TREE

    def init(self, **options: Any) -> Any:
        self.keys["tess"] = generate()
        return super().init(**options)

    def request(self, **options: Any) -> TrustRequest:
        request = super().request(**options)
        request.roles[RoleName.TRAINER] = ("tess",)  # type: ignore[index]  # the mapping is a plain dict
        return request

    def publish(self, *, findings: Sequence[Finding] = (), **options: Any) -> Published:
        content, _ = inspect(str(self.data), tree=self.tree)
        with _inventory(content):
            return super().publish(findings=findings, **options)


class _inventory:  # noqa: N801 - used like a function
    """While it lasts, the project takes the inventory that was really made."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def __enter__(self) -> None:
        self._real = evidence_project.inventory_of_folder
        evidence_project.inventory_of_folder = lambda _: self._content

    def __exit__(self, *_: object) -> None:
        evidence_project.inventory_of_folder = self._real


@dataclass(frozen=True)
class Approval:
    """An approved version's data and evidence.

    Attributes:
        data: The data, which may be altered.
        bundle: The evidence.
        pin: The pinned trust root.
    """

    data: Path
    bundle: Path
    pin: str

    @property
    def options(self) -> dict[str, Any]:
        """Evidence, as the API takes it."""
        return {"bundle": str(self.bundle), "trust": self.pin}

    @property
    def storage(self) -> dict[str, Any]:
        """Data and evidence, as fsspec's ``storage_options``."""
        return {"data": str(self.data), **self.options}

    def copy(self, to: Path) -> "Approval":
        """The same with data of its own."""
        shutil.copytree(self.data, to)
        return Approval(to, self.bundle, self.pin)

    def flip(self, name: str, place: int = -1) -> int:
        """Flip a bit of one byte, in the middle when no place is given; its place."""
        path = self.data / name
        place = path.stat().st_size // 2 if place < 0 else place
        with path.open("r+b") as file:
            file.seek(place)
            old = file.read(1)
            file.seek(place)
            file.write(bytes([old[0] ^ 4]))
        return place


def rows(seed: int = 3) -> pa.Table:
    """Rows that do not compress, so that the Parquet file has several chunks."""
    draw = np.random.default_rng(seed)
    numbers = {f"x{index}": draw.normal(size=ROWS) for index in range(20)}
    return pa.table({"id": np.arange(ROWS), **numbers, "label": draw.choice(["yes", "no"], ROWS)})


def fill(folder: Path, seed: int = 3) -> None:
    """Write the tables."""
    for name in (SMALL, PICTURE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows(seed), folder / BIG, row_group_size=GROUP)
    pq.write_table(rows(seed).slice(0, 1000), folder / SMALL)


def approved(
    folder: Path, *, others: bool = True, tree: ChunkTree = BLAKE3_TREE, seed: int = 3
) -> tuple[TrainingProject, Approval]:
    """A project with an approved version, and its evidence."""
    project = TrainingProject.start(folder)
    assert isinstance(project, TrainingProject)
    project.tree = tree
    for path in project.data.iterdir():
        path.unlink()
    fill(project.data, seed)
    if others:
        few = rows().slice(0, 300).to_pandas()[["id", "x0", "label"]]
        few.to_csv(project.data / CSV, index=False)
        few.to_json(project.data / LINES, orient="records", lines=True)
    (project.data / PICTURE).write_bytes(np.random.default_rng(1).bytes(70_000))
    project.publish()
    project.approve("ann")
    bundle = folder / "reviews.pgbundle"
    with project.workspace as workspace:
        export_file(workspace, "reviews@1", bundle)
        pin = f"sha256:{pin_of(workspace.pinned)}"
    return project, Approval(project.data, bundle, pin)
