"""Evaluation items that must not stand in training data, as a check is given them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class Holdout:
    """One evaluation set.

    Attributes:
        name: How to call it in a sentence.
        version: Name of its content, ``pg1:<sha256>``: what a scan was held against can be told afterwards.
        items: Its rows; item numbers count from 0 over all files in order.
        texts: Its texts, shape (texts,): an item may have several (a question, an answer).
        owners: The item that each text belongs to, int64, shape (texts,).
    """

    name: str
    version: str
    items: int
    texts: pa.Array = field(repr=False)
    owners: pa.Array = field(repr=False)
