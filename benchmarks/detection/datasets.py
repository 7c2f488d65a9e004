"""Every data set of the benchmark, and the split between tuning and reporting."""

from __future__ import annotations

from benchmarks.detection import (
    reporting_choices,
    reporting_documents,
    reporting_images,
    reporting_instructions,
    reporting_tabular,
    reporting_text,
    sets_choices,
    sets_documents,
    sets_fourth_choices,
    sets_fourth_documents,
    sets_fourth_images,
    sets_fourth_instructions,
    sets_fourth_tabular,
    sets_fourth_text,
    sets_images,
    sets_instructions,
    sets_more_documents,
    sets_more_folders,
    sets_more_images,
    sets_more_instructions,
    sets_more_tabular,
    sets_more_text,
    sets_tabular,
    sets_text,
    sets_third_choices,
    sets_third_documents,
    sets_third_images,
    sets_third_instructions,
    sets_third_tabular,
    sets_third_text,
)
from benchmarks.detection.dataset import Dataset

MODULES = (
    sets_tabular,
    sets_text,
    sets_instructions,
    sets_documents,
    sets_images,
    sets_more_tabular,
    sets_more_text,
    sets_more_instructions,
    sets_more_documents,
    sets_more_images,
    sets_more_folders,
    sets_third_tabular,
    sets_third_text,
    sets_third_instructions,
    sets_third_documents,
    sets_third_images,
    sets_third_choices,
    sets_choices,
    sets_fourth_tabular,
    sets_fourth_text,
    sets_fourth_instructions,
    sets_fourth_choices,
    sets_fourth_documents,
    sets_fourth_images,
    reporting_tabular,
    reporting_text,
    reporting_instructions,
    reporting_choices,
    reporting_documents,
    reporting_images,
)
"""Sets whose results were looked at, in the order in which they came, are for tuning; the last ones for reporting."""
DATASETS: tuple[Dataset, ...] = tuple(dataset for module in MODULES for dataset in module.SETS)


def dataset_named(name: str) -> Dataset:
    """The data set called ``name``."""
    return next(dataset for dataset in DATASETS if dataset.name == name)
