"""Every data set of the benchmark, and the split between tuning and reporting."""

from __future__ import annotations

from benchmarks.detection import (
    reporting_documents,
    reporting_folders,
    reporting_images,
    reporting_instructions,
    reporting_tabular,
    reporting_text,
    sets_documents,
    sets_images,
    sets_instructions,
    sets_tabular,
    sets_text,
)
from benchmarks.detection.dataset import Dataset

DATASETS: tuple[Dataset, ...] = (
    *sets_tabular.SETS,
    *sets_text.SETS,
    *sets_instructions.SETS,
    *sets_documents.SETS,
    *sets_images.SETS,
    *reporting_tabular.SETS,
    *reporting_text.SETS,
    *reporting_instructions.SETS,
    *reporting_documents.SETS,
    *reporting_images.SETS,
    *reporting_folders.SETS,
)


def dataset_named(name: str) -> Dataset:
    """The data set called ``name``."""
    return next(dataset for dataset in DATASETS if dataset.name == name)
