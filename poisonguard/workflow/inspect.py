"""Hash a dataset and describe it, without any check."""

from __future__ import annotations

from poisonguard.dataset.manifest import build_manifest
from poisonguard.dataset.opening import Dataset, open_dataset
from poisonguard.domain.dataset import Manifest
from poisonguard.engine.executor import local
from poisonguard.engine.fold import Folded, fold
from poisonguard.engine.progress import Progress, Silent
from poisonguard.engine.source import DatasetSource, DigestColumn, RowIndex
from poisonguard.engine.spool import Spool
from poisonguard.sketches.digests import RowDigests

DEFAULT_WORKERS = 2


def inspect(
    location: str, *, workers: int = DEFAULT_WORKERS, progress: Progress | None = None
) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest of the data at ``location``, and notes a reader should know.

    Raises:
        DataError: Nothing is there, or it cannot be read as what it declares to be.
    """
    observer = progress or Silent()
    with open_dataset(location, workers=workers, progress=None) as dataset, Spool() as spool:
        source = DatasetSource(dataset, dataset.name)
        folded = fold(source, [RowDigests()], local(workers), spool, observer)
        return manifest_of(dataset, folded), dataset.notes


def manifest_of(dataset: Dataset, folded: Folded) -> Manifest:
    """The manifest of an open dataset whose row digests were folded."""
    state = folded.states.get(RowDigests().key)
    if state is None:
        return build_manifest(dataset, ())
    digests = DigestColumn(state)
    index = RowIndex(folded.runs, [item.path for item in dataset.files])
    return build_manifest(
        dataset,
        (
            (run.file, run.first_row, digests.of(index.globally(run.file, run.first_row), run.rows))
            for run in folded.runs
        ),
    )
