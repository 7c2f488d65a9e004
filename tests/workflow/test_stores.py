"""Data in a store are judged by what the store holds now, and local data are not made to look like a store's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from evidence_project import START, Project
from evidence_world import inventory_of_folder
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractFileSystem

from poisonguard.dataset.chunktree import BLAKE3_TREE
from poisonguard.dataset.discover import changed_paths, discover, local_path
from poisonguard.dataset.verify import verify_files
from poisonguard.errors import UsageError
from poisonguard.workflow.folder import find_folder, lies_beside_data
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gating import run_gate

NOW = START + timedelta(minutes=30)
PLACE = "remembering://reviews"


class RememberingStore(MemoryFileSystem):  # type: ignore[misc] # fsspec is untyped
    """A client that lists a folder once and then answers from memory, as those of S3 and GCS do."""

    protocol = "remembering"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    find = AbstractFileSystem.find  # by way of ls

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(path.removeprefix("remembering://"))
        return stripped

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:  # noqa: FBT001, FBT002 - fsspec's signature
        if path not in self.dircache:
            self.dircache[path] = super().ls(path, detail=True, **options)
        found = self.dircache[path]
        return found if detail else [item["name"] for item in found]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.dircache.clear()

    @classmethod
    def put_elsewhere(cls, name: str, data: bytes) -> None:
        """Put an object as another process does: this one's client does not hear of it."""
        other = cls(skip_instance_cache=True)
        other.pipe_file(f"/reviews/{name}", data)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An approved version, and the same files in the store."""
    fsspec.register_implementation("remembering", RememberingStore, clobber=True)
    made = Project.start(tmp_path / "project")
    made.publish()
    made.approve("ann")
    for path in made.data.iterdir():
        RememberingStore.put_elsewhere(path.name, path.read_bytes())
    yield made
    RememberingStore.store.clear()
    RememberingStore.clear_instance_cache()


def gate(project: Project) -> tuple[int, list[str]]:
    gated = run_gate(GateRequest(data=PLACE, start=project.folder, name="reviews", version="reviews@1"), NOW)
    return gated.decision.exit_code, [item.message for item in gated.decision.decision.reasons if item.exit_code]


def test_the_fake_client_forgets_nothing_by_itself(project: Project) -> None:
    client = fsspec.filesystem("remembering")
    before = client.find("/reviews")
    RememberingStore.put_elsewhere("c.csv", b"id,label\n4,neg\n")
    assert client.find("/reviews") == before


def test_the_gate_sees_an_object_that_was_added_since_this_process_listed(project: Project) -> None:
    assert gate(project) == (0, [])
    RememberingStore.put_elsewhere("c.csv", b"id,label\n4,neg\n")
    code, messages = gate(project)
    assert code == 6
    assert any(message.startswith("c.csv: ") for message in messages)


def test_verification_sees_an_object_that_is_added_while_it_reads(project: Project) -> None:
    def adding() -> Iterator[tuple[Any, bytes]]:
        for entry in inventory_of_folder(project.data).files:
            yield entry, b""
        RememberingStore.put_elsewhere("c.csv", b"id,label\n4,neg\n")

    problems = {item.path: item.problem for item in verify_files(PLACE, adding(), tree=BLAKE3_TREE)}
    assert problems == {"c.csv": "changed while the data were verified"}


def test_a_second_listing_is_not_compared_with_itself(project: Project) -> None:
    tree = discover(PLACE)
    assert list(changed_paths(tree)) == []
    RememberingStore.put_elsewhere("c.csv", b"id,label\n4,neg\n")
    assert list(changed_paths(tree)) == ["c.csv"]


@pytest.mark.parametrize("location", ["dir:///tmp/x", "zip://a::memory://none.zip", "nosuchprotocol://x"])
def test_a_url_that_opens_no_store_is_refused_in_one_line(location: str) -> None:
    with pytest.raises(UsageError) as caught:
        discover(location)
    assert caught.value.message.startswith(location)
    assert caught.value.hint
    assert "\n" not in caught.value.message


DISGUISES = [
    "simplecache::file://{}",
    "filecache::local://{}",
    "simplecache://{0}::{0}",
    "simplecache://{0}::file:{0}",
    "zip://*.csv::file://{}/x.zip",
    "simplecache::memory://x::file",
]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_chain_of_urls_makes_local_data_look_like_a_stores(project: Project, disguise: str) -> None:
    """The data bring a workspace of their own: it must not be believed, whatever the data are called."""
    (project.data / ".poisonguard").mkdir()
    location = disguise.format(project.data)
    with pytest.raises(UsageError, match="ends in a local path"):
        find_folder(project.data, data=location)
    with pytest.raises(UsageError, match="ends in a local path"):
        lies_beside_data(project.folder / ".poisonguard", location)
    assert find_folder(project.data, data=str(project.data)) == project.folder / ".poisonguard"


@pytest.mark.parametrize("location", ["simplecache::s3://bucket/x", "s3://bucket/x", "zip://a.csv::s3://bucket/x.zip"])
def test_chains_that_end_in_a_store_are_a_stores(location: str) -> None:
    assert local_path(location) is None
