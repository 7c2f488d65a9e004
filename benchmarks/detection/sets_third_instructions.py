"""Instructions: small talk in eight languages, and questions about programs, words and elements.

As in the other sets, the answers and the subjects asked for are the works' own and the phrasings are ours; the small
talk is wholly the work's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import (
    ACRONYMS,
    CHATTERBOT,
    CMAKE_DOC,
    DEBIAN_FAQ,
    ELEMENTS,
    ENGLISH_FRENCH,
    ENGLISH_GERMAN,
    ENGLISH_SPANISH,
    GIT_DOC,
    MAXIMA_DOC,
    NEW_BIBLE,
    OCTAVE_DOC,
    Package,
    unpacked,
)
from benchmarks.detection.prose import one_line, plain, read_text
from benchmarks.detection.sets_more_instructions import FEWEST_WORDS, Pair, phrased, short
from benchmarks.detection.sets_more_text import html_text
from benchmarks.detection.sets_third_text import verse_text, verses

LANGUAGES = ("english", "dutch", "french", "german", "italian", "portuguese", "spanish", "swedish")
SEED = 17
SPEAKERS = ("human", "gpt")

FUNCTION = re.compile(r"<dt[^>]*>.*?<strong>([\w.]+)</strong>.*?</dt>\s*<dd>(.*?)(?=<dt|</dd>)", re.DOTALL)
QUESTION = re.compile(
    r'<h[2-4] class="title"><a[^>]*></a>[\d.]+\s*(.+?)</h[2-4]>(.*?)(?=<div class="section"|<div class="navfooter")',
    re.DOTALL,
)
PURPOSE = re.compile(r"<p>\s*(git-[\w-]+) -\s*(.*?)\s*</p>", re.DOTALL)
ENTRY = re.compile(r"^(\w[^\n/{}]*?) /[^/\n]*/\n((?:.+\n?)+)", re.MULTILINE)
USAGE = re.compile(r"<[^>]*>|\[[^\]]*\]|^\d+\. ?|\{[^}]*\}", re.MULTILINE)
SEE = re.compile(r"^ *(see:|Note:|Synonyms?:|\"|\().*$", re.MULTILINE)
ACRONYM = re.compile(r"^([A-Z][A-Z0-9/-]+)\n +(\w[^\n]+)$", re.MULTILINE)
ELEMENT = re.compile(r"^([a-z]+)\nSymbol: .*?\nAtomic weight: [^\n]*\n(.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
NOUN = re.compile(r"^([A-ZÄÖÜ][a-zäöüß]{3,}) <(masc|fem|neut)>", re.MULTILINE)
DIRECTIVE = re.compile(r"^\.\. .*$|:[a-z_]+:|`{1,2}", re.MULTILINE)

OCTAVE = ("What does the Octave function {0} do?", "Explain {0} in GNU Octave.", "How is {0} used in Octave?")
MAXIMA = ("What is {0} in Maxima?", "Describe Maxima's {0}.", "I came across {0} in a Maxima session. What is it?")
CMAKE = ("What is {0} for in CMake?", "Explain CMake's {0}.", "When would I set or call {0}?")
GIT = ("What does {0} do?", "Which job is {0} for?")
FAQ = ("{0}",)
MEANING = ("What does {0} stand for?", "Expand the acronym {0}.", "In computing, what is {0}?")
ATOM = ("Tell me about the element {0}.", "Describe {0}.", "What should I know about {0}?")
GENDERS = {"masc": "masculine", "fem": "feminine", "neut": "neuter"}
GENDER = ("Is the German noun {0} masculine, feminine or neuter?", "Which gender has {0} in German?")
TESTAMENTS = {"ot": "Old Testament", "nt": "New Testament"}
TESTAMENT = ("Is this verse of the Old or the New Testament? {0}", "Old Testament or New Testament: {0}")
TRANSLATE = {
    "German": (ENGLISH_GERMAN, "freedict-eng-deu"),
    "French": (ENGLISH_FRENCH, "freedict-eng-fra"),
    "Spanish": (ENGLISH_SPANISH, "freedict-eng-spa"),
}
SAID = ("Translate to {1}: {{0}}", "How do you say {{0}} in {1}?", "{{0}} in {1}, please.")


def small_talk(cache: Cache) -> pa.Table:
    """Dialogues of a chat bot's corpus, as ShareGPT has them; of several answers to one question, the first."""
    root = unpacked(CHATTERBOT, cache) / "chatterbot_corpus" / "data"
    found = [
        tuple(one_line(str(turn)) for turn in turns)
        for language in LANGUAGES
        for path in sorted((root / language).glob("*.yml"))
        for turns in _dialogues(path, whole=language == LANGUAGES[0])
    ]
    rows = [
        [{"from": SPEAKERS[place % 2], "value": turn} for place, turn in enumerate(turns)]
        for turns in dict.fromkeys(found)
        if all(turns)
    ]
    return pa.table({"conversations": rows})


def _dialogues(path: Path, *, whole: bool) -> Iterator[list[str]]:
    """Dialogues that end with an answer; only the first exchange where more turns are other answers."""
    for turns in yaml.safe_load(path.read_text(encoding="utf-8"))["conversations"]:
        size = len(turns) // 2 * 2 if whole else 2
        if len(turns) >= 2:  # noqa: PLR2004 - a question and its answer
            yield turns[:size]


def reference_desk(cache: Cache) -> pa.Table:
    """Questions about functions, commands, acronyms, elements and words of other languages, with the works' answers."""
    rng = np.random.default_rng(SEED)
    pairs = [
        *phrased(_functions(OCTAVE_DOC, "octave/octave.html", cache), OCTAVE, 900, rng),
        *phrased(_functions(MAXIMA_DOC, "maxima-doc/html", cache), MAXIMA, 900, rng),
        *phrased(_variables(cache), CMAKE, 700, rng),
        *phrased(_commands(cache), GIT, 200, rng),
        *phrased(_questions(cache), FAQ, 200, rng),
        *phrased(ACRONYM.findall(_dictionary(ACRONYMS, "vera", cache)), MEANING, 800, rng),
        *phrased(_elements(cache), ATOM, 120, rng),
        *phrased(_genders(_dictionary(*TRANSLATE["German"], cache)), GENDER, 450, rng),
        *phrased(_testaments(cache), TESTAMENT, 450, rng),
    ]
    for language, (package, name) in TRANSLATE.items():
        phrasings = [said.format("", language) for said in SAID]
        pairs += phrased(_words(_dictionary(package, name, cache)), phrasings, 500, rng)
    rows = [pairs[place] for place in rng.permutation(len(pairs))]
    return pa.table({"prompt": [asked for asked, _ in rows], "response": [answer for _, answer in rows]})


def _functions(package: Package, folder: str, cache: Cache) -> list[Pair]:
    root = unpacked(package, cache) / "usr" / "share" / "doc" / folder
    found = (pair for path in sorted(root.glob("*.html")) for pair in FUNCTION.findall(read_text(path)))
    pairs = [(name, _first(html_text(body))) for name, body in found]
    return [(name, answer) for name, answer in pairs if len(answer.split()) >= FEWEST_WORDS]


def _variables(cache: Cache) -> list[Pair]:
    root = unpacked(CMAKE_DOC, cache) / "usr" / "share" / "doc" / "cmake-data" / "html" / "_sources"
    pairs = []
    for folder in ("variable", "prop_tgt", "prop_gbl", "prop_sf", "command"):
        for path in sorted((root / folder).glob("*.rst.txt")):
            paragraphs = DIRECTIVE.sub("", read_text(path)).split("\n\n")
            answer = next((one_line(part) for part in paragraphs[1:] if len(part.split()) >= FEWEST_WORDS), "")
            pairs.append((path.name.removesuffix(".rst.txt"), short(answer)))
    return [(name, answer) for name, answer in pairs if answer]


def _commands(cache: Cache) -> list[Pair]:
    root = unpacked(GIT_DOC, cache) / "usr" / "share" / "doc" / "git-doc"
    found = (pair for path in sorted(root.glob("git-*.html")) for pair in PURPOSE.findall(read_text(path)))
    return [(name.replace("-", " ", 1), one_line(plain(what)) + ".") for name, what in found]


def _questions(cache: Cache) -> list[Pair]:
    root = unpacked(DEBIAN_FAQ, cache) / "usr" / "share" / "doc" / "debian" / "FAQ"
    found = (pair for path in sorted(root.glob("*.en.html")) for pair in QUESTION.findall(read_text(path)))
    pairs = [(one_line(plain(asked)), short(one_line(html_text(answer)))) for asked, answer in found]
    return [(asked, answer) for asked, answer in pairs if asked.endswith("?") and answer]


def _elements(cache: Cache) -> list[Pair]:
    return [(name, one_line(said)) for name, said in ELEMENT.findall(_dictionary(ELEMENTS, "elements", cache))]


def _genders(text: str) -> list[Pair]:
    return [(noun, GENDERS[gender]) for noun, gender in NOUN.findall(text)]


def _testaments(cache: Cache) -> list[Pair]:
    """Verses, and where they stand; as many of each."""
    found: dict[str, list[Pair]] = {name: [] for name in TESTAMENTS}
    for book, entry in verses(NEW_BIBLE, cache):
        verse = verse_text(entry)
        if len(verse.split()) >= FEWEST_WORDS:
            found[book[:2]].append((verse, TESTAMENTS[book[:2]]))
    fewest = min(map(len, found.values()))
    return [pair for pairs in found.values() for pair in pairs[:: len(pairs) // fewest]]


def _words(text: str) -> list[Pair]:
    """Words and what they are called elsewhere, without grammar, synonyms and notes."""
    pairs = [(word, one_line(USAGE.sub(" ", SEE.sub("", said)))) for word, said in ENTRY.findall(text)]
    return [(word, said.replace(" ,", ",")) for word, said in pairs if said and ":" not in said]


def _dictionary(package: Package, name: str, cache: Cache) -> str:
    return read_text(unpacked(package, cache) / "usr" / "share" / "dictd" / f"{name}.dict.dz")


def _first(text: str) -> str:
    """The first paragraphs of a description, up to the usual length."""
    return short(one_line(text))


SETS = (
    Dataset(
        name="small-talk",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(CHATTERBOT,),
        columns={},
        what="Small talk and trivia in eight languages as conversations of two and more turns (ShareGPT)",
        load=small_talk,
        rows=2_600,
    ),
    Dataset(
        name="reference-desk",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(
            OCTAVE_DOC,
            MAXIMA_DOC,
            CMAKE_DOC,
            GIT_DOC,
            DEBIAN_FAQ,
            ACRONYMS,
            ELEMENTS,
            NEW_BIBLE,
            *(package for package, _ in TRANSLATE.values()),
        ),
        columns={"prompt": "prompt", "response": "response"},
        what="Questions about functions, commands, acronyms, elements, verses and words of other languages",
        load=reference_desk,
        rows=4_500,
    ),
)
