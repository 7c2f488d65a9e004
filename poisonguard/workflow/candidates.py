"""The versions of a registry that the data at a location may be, as bundles, most likely first.

Choosing proves nothing: each one goes through the whole gate. All versions whose files have the names and sizes
of the data are tried, newest first; when there is none, that one of the newest that differs in the fewest files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path, PurePath

from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.predicates_v1 import ManifestDocument, document_of
from poisonguard.attest.statement import parse_statement
from poisonguard.dataset.discover import FoundFiles, Tree, discover
from poisonguard.dataset.pairing import pairs
from poisonguard.errors import DataError, IntegrityError
from poisonguard.store.bundle import Bundle
from poisonguard.store.log import RESTORE
from poisonguard.store.registry import Kind, Reader, open_registry
from poisonguard.workflow.bundles import export
from poisonguard.workflow.context import NamedVersion, resolve_version
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.index import check_index
from poisonguard.workflow.registry_location import registry_of

MAX_TRIED = 8
"""Versions with the same names and sizes that are tried; each one costs a reading of the data."""


def candidates(request: GateRequest, folder: Path | None) -> Iterator[Bundle]:
    """Bundles of the versions that the data may be, out of the registry that the request names.

    Raises:
        UsageError: There is no registry.
        UnknownVersion: The version asked for is not published.
        IntegrityError: The registry was altered.
    """
    location = request.registry if request.registry is not None else registry_of(folder or Path())
    registry = open_registry(location)
    with closing(registry), registry.read() as reader:
        chain = tuple(item.envelope for item in reader.statements(Kind.TRUST_ROOT))
        if not chain:
            raise IntegrityError(f"registry {registry.name} holds no trust root", hint=RESTORE)
        chosen = list(_chosen(reader, request))
        check_index(reader, {named.version for named in chosen})
        for named in chosen:
            yield export(reader, chain, named)


def _chosen(reader: Reader, request: GateRequest) -> Sequence[NamedVersion]:
    if request.version is not None:
        return [resolve_version(reader, request.version)]
    dataset, files = _listing(reader, request)
    newest_first = sorted(published_manifests(reader, dataset), key=lambda item: -item.release.number)
    equal = [item for item in newest_first if is_of(reader, item, files)]
    if equal:
        return [_named(item) for item in equal[:MAX_TRIED]]
    near = [(_differences(reader, item, files), -item.release.number, item) for item in newest_first[:MAX_TRIED]]
    return [_named(item) for _, _, item in sorted(near, key=lambda found: found[:2])[:1]]


def published_manifests(reader: Reader, dataset: str) -> Iterator[ManifestDocument]:
    """What is published under a name, oldest first; signatures are not checked."""
    for item in reader.statements(Kind.MANIFEST, dataset=dataset):
        document = document_of(parse_statement(parse_envelope(item.envelope).payload))
        if isinstance(document, ManifestDocument):
            yield document


def is_of(reader: Reader, document: ManifestDocument, files: FoundFiles) -> bool:
    """Whether a version's files have these names and sizes; most versions are told by their counts alone."""
    manifest = document.manifest
    if (manifest.file_count, manifest.size) != (len(files), files.total_bytes):
        return False
    return not any(_differing(reader, document, files))


def _differences(reader: Reader, document: ManifestDocument, files: FoundFiles) -> int:
    """In how many files names or sizes differ; a file of another size counts once gone and once new."""
    return sum(_differing(reader, document, files))


def _differing(reader: Reader, document: ManifestDocument, files: FoundFiles) -> Iterator[int]:
    """For each path, how many of what was published there and what is there now are not in the other."""
    for _, entry, found in pairs(reader.listing(document.version, document.manifest), files):
        if entry is not None and found is not None:
            yield 2 * (entry.size != found.size)
        else:
            yield 1


def _named(document: ManifestDocument) -> NamedVersion:
    release = document.release
    return NamedVersion(release.dataset, release.number, release.version)


def _listing(reader: Reader, request: GateRequest) -> tuple[str, FoundFiles]:
    """The dataset's name, as given or as it was published, and the files that are there."""
    try:
        tree = discover(request.data)
    except DataError:
        # The gate itself says what is wrong with the data.
        return request.name or _last_part(request.data), FoundFiles(())
    return request.name or _published_name(reader, request.data, tree), tree.files


def _published_name(reader: Reader, location: str, tree: Tree) -> str:
    """The last part of the location, as 'scan' names datasets: a table's file without the suffixes of its format.

    Which suffixes those are is not known here, for the formats are heavy: the longest published name is taken.
    """
    last = location.rstrip("/").rsplit("/", 1)[-1]
    if last in {"", ".", ".."} or (not tree.single and not tree.root.rstrip("/").endswith(last)):
        last = _last_part(tree.root)
    published = reader.datasets()
    while tree.single and last not in published and "." in last[1:]:
        last = last.rpartition(".")[0]
    return last


def _last_part(location: str) -> str:
    # Asks the disk for nothing, so that no name, however strange, is an error.
    return PurePath(os.path.abspath(location)).name  # noqa: PTH100 - Path.resolve raises for a name that is too long
