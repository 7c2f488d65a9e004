"""Instructions: talks with the figures of two games, and questions about programs, music and codes.

The talks are the games' own but for the question whether a saying accepts an offer. As in the tuning sets, the answers
and the subjects of the questions are the works' own and the phrasings are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import Package, unpacked
from benchmarks.detection.prose import one_line, plain, read_text
from benchmarks.detection.sets_fourth_conversations import Exchange, exchanges, outcomes
from benchmarks.detection.sets_fourth_packages import (
    CATACLYSM,
    ENDLESS_SKY,
    GIMP_HELP,
    ISO_CODES,
    LILYPOND_DOC,
    PANDAS_DOC,
    PROLOG_DOC,
    RUST_DOC,
    SQLALCHEMY_DOC,
)
from benchmarks.detection.sets_fourth_text import KINDS, entries, said
from benchmarks.detection.sets_more_instructions import FEWEST_WORDS, Pair, phrased, short
from benchmarks.detection.sets_more_text import html_text

SEED = 23
DOC = "usr/share/doc"
MOST_PARTS = 8

ERROR = re.compile(r'<h2 id="(E\d{4})".*?</h2>(.*?)(?=<div class="error-described"|</main>|\Z)', re.DOTALL)
CALL = re.compile(r'<dt class="sig sig-object py" id="(pandas[\w.]+)">.*?</dt>\s*<dd>(<p>.*?</p>)', re.DOTALL)
PREDICATE = re.compile(
    r'<dt class="pubdef">.*?<strong>([\w:]+)</strong>.*?</dt>\s*<dd class="defbody">(.*?)</dd>', re.DOTALL
)
TERM = re.compile(r'<dt id="term-[^"]*">([^<]+)<.*?<dd>(<p>.*?</p>)', re.DOTALL)
GLOSS = re.compile(r'<span class="phrase">([^<]+)</span>.*?<dd class="glossdef">\s*(<p>.*?</p>)', re.DOTALL)
SECTION = re.compile(r'<h2 class="section">[\d.]+ ([^<]+)</h2>(.*?)(?=<hr|<table|<h[23])', re.DOTALL)
ABROAD = re.compile(r"\b(ES|I|F|D|NL|DK|S|FI): ([^,.;\n<]{3,40}?)[,.]")
FOREIGN = {
    "ES": "Spanish",
    "I": "Italian",
    "F": "French",
    "D": "German",
    "NL": "Dutch",
    "DK": "Danish",
    "S": "Swedish",
    "FI": "Finnish",
}
CODE = re.compile(r"<pre.*?</pre>|<div class=.information.*?</div></div>", re.DOTALL)

MISTAKE = (
    "What does the Rust error {0} mean?",
    "rustc stops with {0}. Why?",
    "Explain error {0} of the Rust compiler.",
)
PANDAS = ("What does {0} do?", "Describe {0} in one line.", "When would I call {0}?", "Summarise the pandas API {0}.")
LOGIC = ("What does the Prolog predicate {0} do?", "Explain {0} in SWI-Prolog.", "When is {0} true?")
DATABASE = ("In SQLAlchemy, what is {0}?", "What do people who work with databases mean by {0}?", "Define {0}.")
PICTURE = ("What is {0} in GIMP?", "Explain the term {0} to somebody who edits pictures.")
MUSIC = ("What is meant by {0} in music?", "Explain the musical term {0}.", "Define {0} for a musician.")
SCORE = ("What is the musical term {0} called in {1}?", "Translate the musical term {0} to {1}.")
CRAFT = ("What do I need to make {0}?", "List the parts of {0}.", "I want to craft {0}. Which materials does it take?")
SORT = (
    "Is {0} food, clothes, a tool, a weapon, ammunition, a book or another thing?",
    "Sort this into food, clothes, tool, weapon, ammunition, book or thing: {0}",
)
COUNTRY = ("What is the country code of {0}?", "Give the two letters that stand for {0}.")
TONGUE = ("Which three letters stand for the language {0}?", "What is the ISO 639-3 code of {0}?")
REGION = ("What kind of region is {0}?", "Is {0} a province, a district or something else?")
OFFER = ("Does this accept, decline or defer the offer? {0}", "Offer, and reply: {0} Accept, decline or defer?")
GLOSSARY = f"{DOC}/lilypond/html/Documentation/music-glossary"
WORKS = (
    ((RUST_DOC, f"{DOC}/rust-doc/html", "error-index.html", ERROR), MISTAKE, 500),
    ((PANDAS_DOC, f"{DOC}/python-pandas-doc/html", "reference/api/*.html", CALL), PANDAS, 900),
    ((PROLOG_DOC, "usr/share/swi-prolog/doc", "Manual/*.html", PREDICATE), LOGIC, 700),
    ((SQLALCHEMY_DOC, f"{DOC}/python-sqlalchemy-doc/html", "glossary.html", TERM), DATABASE, 100),
    ((GIMP_HELP, "usr/share/gimp/2.0/help/en", "glossary.html", GLOSS), PICTURE, 100),
    ((LILYPOND_DOC, GLOSSARY, "*.html", SECTION), MUSIC, 400),
)
"""Where the descriptions stand, how they are asked for, and how many at most."""
SORTED = frozenset({"AMMO", "ARMOR", "BOOK", "COMESTIBLE", "GENERIC", "GUN", "TOOL"})


def talks(cache: Cache) -> pa.Table:
    """Chats: what a player says, and what the figure answers; some with what stood before, or with another turn."""
    folder = unpacked(ENDLESS_SKY, cache) / "usr/share/games/endless-sky/data"
    found: list[Exchange] = []
    decided: list[Pair] = []
    for path in sorted(folder.rglob("*.txt")):
        lines = read_text(path).splitlines()
        found += exchanges(lines)
        decided += outcomes(lines)
    found += _topics(cache)
    found += (("", (pair,)) for pair in phrased(decided, OFFER, len(decided), np.random.default_rng(SEED)))
    rows = [_chat(*each) for each in dict.fromkeys(found)]
    return pa.table({"messages": [rows[place] for place in np.random.default_rng(SEED).permutation(len(rows))]})


def _chat(scene: str, turns: tuple[Pair, ...]) -> list[dict[str, str]]:
    chat = [{"role": "system", "content": short(scene)}] if scene else []
    for asked, answer in turns:
        chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": short(answer)}]
    return chat


def _topics(cache: Cache) -> Iterator[Exchange]:
    """Talks of the other game, whose answers stand under the topic that a saying leads to."""
    topics = [entry for _, entry in entries(cache) if entry.get("type") == "talk_topic"]
    lines = {
        name: one_line(topic["dynamic_line"])
        for topic in topics
        if isinstance(topic.get("dynamic_line"), str)
        for name in (topic["id"] if isinstance(topic["id"], list) else [topic["id"]])
    }
    for topic in topics:
        for response in topic.get("responses", ()):
            answer = lines.get(str(response.get("topic")), "")
            asked = response.get("text")
            if isinstance(asked, str) and len(answer.split()) >= FEWEST_WORDS:
                yield "", ((one_line(asked), answer),)


def workshop(cache: Cache) -> pa.Table:
    """Errors, calls, predicates, terms of databases, pictures and music, recipes and codes, asked for."""
    rng = np.random.default_rng(SEED)
    pairs = [pair for work, asked, most in WORKS for pair in phrased(_described(*work, cache), asked, most, rng)]
    pairs += phrased(_recipes(cache), CRAFT, 800, rng)
    pairs += phrased(_sorts(cache), SORT, 700, rng)
    pairs += phrased(_codes(cache, "3166-1", "alpha_2"), COUNTRY, 150, rng)
    pairs += phrased(_codes(cache, "639-3", "alpha_3"), TONGUE, 250, rng)
    pairs += phrased(_codes(cache, "3166-2", "type"), REGION, 400, rng)
    for language, words in _abroad(cache).items():
        pairs += phrased(words, [asked.format("{0}", language) for asked in SCORE], 60, rng)
    rows = [pairs[place] for place in rng.permutation(len(pairs))]
    return pa.table({"prompt": [asked for asked, _ in rows], "response": [answer for _, answer in rows]})


def _described(package: Package, folder: str, files: str, form: re.Pattern[str], cache: Cache) -> list[Pair]:
    """What a work calls something, and what it says about it."""
    paths = sorted((unpacked(package, cache) / folder).glob(files))
    found = (pair for path in paths for pair in form.findall(read_text(path)))
    pairs = [(one_line(plain(name)), short(one_line(html_text(CODE.sub(" ", body))))) for name, body in found]
    return [(name, answer) for name, answer in pairs if len(answer.split()) >= FEWEST_WORDS]


def _abroad(cache: Cache) -> dict[str, list[Pair]]:
    """Terms of music, and what they are called in each language."""
    found: dict[str, list[Pair]] = {language: [] for language in FOREIGN.values()}
    for path in sorted((unpacked(LILYPOND_DOC, cache) / GLOSSARY).glob("*.html")):
        for name, body in SECTION.findall(read_text(path)):
            for sign, word in ABROAD.findall(plain(body)):
                found[FOREIGN[sign]].append((one_line(plain(name)), one_line(word)))
    return found


def _names(cache: Cache) -> dict[str, tuple[str, str]]:
    """Name and type of everything in the game."""
    return {
        str(entry["id"]): (said(entry["name"]), str(entry["type"]))
        for _, entry in entries(cache)
        if isinstance(entry.get("id"), str) and "name" in entry and entry.get("type") in KINDS
    }


def _sorts(cache: Cache) -> list[Pair]:
    return [(name, KINDS[kind]) for name, kind in _names(cache).values() if kind in SORTED]


def _recipes(cache: Cache) -> list[Pair]:
    """What the game makes, and the first choice of every material."""
    names = _names(cache)
    pairs: list[Pair] = []
    for _, entry in entries(cache):
        parts = [choices[0][:2] for choices in entry.get("components", ()) if entry.get("type") == "recipe"]
        known = [f"{count} {names[part][0]}" for part, count in parts if part in names]
        if known and len(known) == len(parts) <= MOST_PARTS and entry.get("result") in names:
            pairs.append((names[entry["result"]][0], ", ".join(known)))
    return pairs


def _codes(cache: Cache, standard: str, field: str) -> list[Pair]:
    path = unpacked(ISO_CODES, cache) / "usr" / "share" / "iso-codes" / "json" / f"iso_{standard}.json"
    return [(entry["name"], entry[field]) for entry in json.loads(path.read_text(encoding="utf-8"))[standard]]


SETS = (
    Dataset(
        name="talks",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(ENDLESS_SKY, CATACLYSM),
        columns={},
        what="What players say to the figures of two games, and the answers, as chats (messages), some with a scene",
        load=talks,
        rows=2_200,
    ),
    Dataset(
        name="workshop",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(RUST_DOC, PANDAS_DOC, PROLOG_DOC, SQLALCHEMY_DOC, GIMP_HELP, LILYPOND_DOC, CATACLYSM, ISO_CODES),
        columns={"prompt": "prompt", "response": "response"},
        what="Questions about errors, calls, predicates, terms of music and pictures, recipes, kinds and codes",
        load=workshop,
        rows=4_500,
    ),
)
