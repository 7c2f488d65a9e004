"""Instructions: talks of the figures of two games, and questions about programs, places, the sky and a dungeon.

The talks are the games' own but for the question which tale a line is from. As in the tuning sets, the answers and
the subjects of the questions are the works' own and the phrasings are ours.
"""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.prose import one_line, plain, read_text
from benchmarks.detection.reporting_packages import (
    AIRPORTS,
    ASTROPY_DOC,
    CRAWL,
    FREEDROID,
    FRENCH_PAGES,
    KERBEROS_DOC,
    KSTARS,
    MAGICK_DOC,
    SCIPY_DOC,
    TALES,
)
from benchmarks.detection.reporting_tabular import OBJECTS
from benchmarks.detection.reporting_text import CAMPAIGN, MARKUP, MESSAGE, described, roff_text
from benchmarks.detection.sets_more_instructions import FEWEST_WORDS, Pair, phrased, short
from benchmarks.detection.sets_more_text import html_text

SEED = 41
DOC = "usr/share/doc"
DIALOGS = "usr/share/freedroidrpg/data/storyline"
NODE = re.compile(
    r'^\t\tid = "[^"]+",\n(?:\t\t[^\n]*\n)*?\t\ttext = _"((?:[^"\\]|\\.)*)",\n(.*?)^\t\},', re.MULTILINE | re.DOTALL
)
SAYS = re.compile(r'\b(Npc|Tux):says\(_"((?:[^"\\]|\\.)*)"')
BRANCH = re.compile(r"^\s*else", re.MULTILINE)
NAMED = re.compile(r'Npc:set_name\(_?"([^"]+)"')
FOLLOWS = re.compile(r"\s*\[/message\]\s*")
NOBODY = frozenset({"narrator", "unit", "second_unit"})
ROLES = ("user", "assistant")
MOST_EXCHANGES = 2
MOST_LINES = 300
TALE = ("Which tale is this line from? {0}", "Name the tale in which somebody says: {0}")
SPEAKERS = {"Tux": "user", "Npc": "assistant"}
CALL = re.compile(r'<dt class="sig sig-object py" id="([\w.]+)">.*?</dt>\s*<dd>(<p>.*?</p>)', re.DOTALL)
ROUTINE = re.compile(r"<h1>(krb5_\w+) -\s+(.*?)<a", re.DOTALL)
OPTION = re.compile(
    r'<h3><a class="anchor" id="[^"]+"/>(-[\w-]+).*?</h3>\s*</div>\s*<p class="magick-description">(.*?)</p>', re.DOTALL
)
PURPOSE = re.compile(r"^\.SH NOM\s*\n(?:\.\\\".*\n)*(\S+) \\- (.+)$", re.MULTILINE)
SPECIFIED = re.compile(r"[\w.'-]+(?: [\w.'-]+)*")

FUNCTION = ("What does {0} do?", "Summarise {0} in one line.", "When do I need {0}?", "What is {0} for?")
OF_KERBEROS = ("What does the routine {0} do?", "Describe the Kerberos routine {0}.")
OF_PICTURES = ("What does {0} do in ImageMagick?", "Explain convert's option {0}.")
IN_FRENCH = ("À quoi sert {0} ?", "Décris {0} en une ligne.", "Que fait la commande {0} ?")
IN_DUNGEON = ("Describe: {0}.", "In the dungeon, what is {0}?", "Tell me about {0}.")
AIRPORT = ("Which airport has the code {0}?", "What does the airport code {0} stand for?")
CODE = ("What is the airport code of {0}?", "Give the three letters of {0}.")
COUNTRY = ("In which country is {0}?", "Which country does the city of {0} lie in?")
PROVINCE = ("In which state or province is {0}?", "Which region does {0} belong to?")
OBJECT = ("What kind of object is {0}?", "Is {0} a galaxy, a cluster, a nebula or a star?")


def figures(cache: Cache) -> pa.Table:
    """Chats: what the player says to a figure, whose name leads, and the answers; what figures say to each other.

    Some ask which tale a line is from.
    """
    rng = np.random.default_rng(SEED)
    rows: dict[str, list[dict[str, str]]] = {}
    lines: list[Pair] = []
    for path in sorted((unpacked(FREEDROID, cache) / DIALOGS).glob("*/dialogs/*.lua")):
        for chat in chats(read_text(path)):
            rows.setdefault(repr(chat[-2:]), chat)
    for tale, source in _tales(cache):
        for chat in talks(source):
            rows.setdefault(repr(chat[-2:]), chat)
        lines += [(text, tale) for _, text in map(_line, MESSAGE.finditer(source)) if len(text.split()) >= FEWEST_WORDS]
    for turns in phrased(lines, TALE, MOST_LINES, rng):
        rows[repr(turns)] = [{"role": role, "content": text} for role, text in zip(ROLES, turns, strict=True)]
    chosen = list(rows.values())
    return pa.table({"messages": [chosen[place] for place in rng.permutation(len(chosen))]})


def _tales(cache: Cache) -> Iterator[tuple[str, str]]:
    """Name of a tale, and the text of each of its files."""
    for package in TALES:
        folder = next((unpacked(package, cache) / CAMPAIGN).iterdir())
        yield from ((folder.name.replace("_", " "), read_text(path)) for path in sorted(folder.rglob("*.cfg")))


def chats(source: str) -> Iterator[list[dict[str, str]]]:
    """Every exchange of a figure's dialogue, up to where it depends on what happened before."""
    named = NAMED.search(source)
    scene = [{"role": "system", "content": named.group(1)}] if named else []
    for asked, body in NODE.findall(source):
        turns = [{"role": "user", "content": _unescaped(asked)}]
        for speaker, said in SAYS.findall(BRANCH.split(body, maxsplit=1)[0]):
            role, text = SPEAKERS[speaker], _unescaped(said)
            if turns[-1]["role"] == role:
                turns[-1]["content"] = short(f"{turns[-1]['content']} {text}")
            else:
                turns.append({"role": role, "content": text})
        if turns[-1]["role"] == "user":
            turns.pop()
        if turns:
            yield [*scene, *turns]


def talks(source: str) -> Iterator[list[dict[str, str]]]:
    """What one figure says to another, and the answer; with what they say next, if they go on in turn."""
    held: list[tuple[str, str]] = []
    ended = 0
    for found in [*MESSAGE.finditer(source), None]:
        if found is not None and FOLLOWS.fullmatch(source[ended : found.start()]):
            held.append(_line(found))
        else:
            yield from _in_turn(held)
            held = [] if found is None else [_line(found)]
        ended = found.end() if found is not None else ended


def _line(found: re.Match[str]) -> tuple[str, str]:
    return found.group(1).strip(), one_line(MARKUP.sub("", found.group(2)))


def _in_turn(lines: list[tuple[str, str]]) -> Iterator[list[dict[str, str]]]:
    place = 0
    while place + 1 < len(lines):
        first, second = lines[place][0], lines[place + 1][0]
        if first == second or NOBODY.intersection({first, second}):
            place += 1
            continue
        spoken = lines[place : place + 2 * MOST_EXCHANGES]
        size = next((n for n, (name, _) in enumerate(spoken) if name != (first, second)[n % 2]), len(spoken)) // 2 * 2
        yield [{"role": ROLES[n % 2], "content": text} for n, (_, text) in enumerate(spoken[:size])]
        place += size


def _unescaped(said: str) -> str:
    return one_line(said.replace("\\n", " ").replace('\\"', '"').replace("%s", "Linarian").replace("\\", ""))


def almanac(cache: Cache) -> pa.Table:
    """Functions, options, commands, airports, cities, the sky and a dungeon, asked for."""
    rng = np.random.default_rng(SEED)
    pairs = [
        *phrased(_calls(cache), FUNCTION, 1_200, rng),
        *phrased(_routines(cache), OF_KERBEROS, 300, rng),
        *phrased(_options(cache), OF_PICTURES, 200, rng),
        *phrased(_commands(cache), IN_FRENCH, 450, rng),
        *phrased(_dungeon(cache), IN_DUNGEON, 900, rng),
        *phrased([(code, name) for code, name in _airports(cache)], AIRPORT, 400, rng),
        *phrased([(name, code) for code, name in _airports(cache)], CODE, 250, rng),
        *phrased(
            [(f"{city}, {province}" if province else city, country) for city, province, country in _cities(cache)],
            COUNTRY,
            450,
            rng,
        ),
        *phrased(
            [(f"{city}, {country}", province) for city, province, country in _cities(cache) if province],
            PROVINCE,
            300,
            rng,
        ),
        *phrased(_objects(cache), OBJECT, 250, rng),
    ]
    rows = [pairs[place] for place in rng.permutation(len(pairs))]
    return pa.table({"prompt": [asked for asked, _ in rows], "response": [answer for _, answer in rows]})


def _calls(cache: Cache) -> list[Pair]:
    scipy = unpacked(SCIPY_DOC, cache) / DOC / "python-scipy-doc" / "html" / "reference" / "generated"
    astropy = unpacked(ASTROPY_DOC, cache) / DOC / "python-astropy-doc" / "html" / "api"
    paths = [*sorted(scipy.glob("scipy.*.html")), *sorted(astropy.glob("astropy.*.html"))]
    found = (CALL.search(read_text(path)) for path in paths)
    pairs = [(each.group(1), short(one_line(html_text(each.group(2))))) for each in found if each is not None]
    return _told(pairs)


def _routines(cache: Cache) -> list[Pair]:
    folder = unpacked(KERBEROS_DOC, cache) / DOC / "krb5-doc" / "appdev" / "refs" / "api"
    found = (ROUTINE.search(read_text(path)) for path in sorted(folder.glob("*.html")))
    return _told([(each.group(1), one_line(plain(each.group(2)))) for each in found if each is not None])


def _options(cache: Cache) -> list[Pair]:
    page = unpacked(MAGICK_DOC, cache) / DOC / "imagemagick-6-common" / "html" / "www" / "command-line-options.html"
    return _told([(name, one_line(plain(what))) for name, what in OPTION.findall(read_text(page))])


def _commands(cache: Cache) -> list[Pair]:
    root = unpacked(FRENCH_PAGES, cache) / "usr" / "share" / "man" / "fr"
    found = (PURPOSE.search(read_text(path)) for path in sorted(root.glob("man*/*.gz")) if not path.is_symlink())
    return [(roff_text(each.group(1)), one_line(roff_text(each.group(2)))) for each in found if each is not None]


def _dungeon(cache: Cache) -> list[Pair]:
    return [(name, short(text)) for name, text, _ in described(cache) if SPECIFIED.fullmatch(name)]


def _airports(cache: Cache) -> list[Pair]:
    path = unpacked(AIRPORTS, cache) / "airportsdata" / "airports.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["iata"], row["name"]) for row in csv.DictReader(file) if row["iata"] and row["name"]]


def _cities(cache: Cache) -> list[tuple[str, str, str]]:
    path = unpacked(KSTARS, cache) / "usr" / "share" / "kstars" / "citydb.sqlite"
    with closing(sqlite3.connect(path)) as opened:
        return list(opened.execute("SELECT Name, Province, Country FROM city ORDER BY id"))


def _objects(cache: Cache) -> list[Pair]:
    path = unpacked(KSTARS, cache) / "usr" / "share" / "kstars" / "OpenNGC.kscat"
    with closing(sqlite3.connect(path)) as opened:
        found = opened.execute("SELECT name, type FROM cat ORDER BY catalog_identifier").fetchall()
    return [(name, OBJECTS[kind]) for name, kind in found if kind in OBJECTS]


def _told(pairs: list[Pair]) -> list[Pair]:
    """The pairs whose answer says something."""
    return [(name, answer) for name, answer in pairs if len(answer.split()) >= FEWEST_WORDS]


SETS = (
    Dataset(
        name="figures",
        modality=Modality.INSTRUCTION,
        split=Split.REPORTING,
        packages=(FREEDROID, *TALES),
        columns={},
        what="What is said to and among the figures of two games, as chats (messages); some ask for a line's tale",
        load=figures,
        rows=1_500,
    ),
    Dataset(
        name="almanac",
        modality=Modality.INSTRUCTION,
        split=Split.REPORTING,
        packages=(SCIPY_DOC, ASTROPY_DOC, KERBEROS_DOC, MAGICK_DOC, FRENCH_PAGES, CRAWL, AIRPORTS, KSTARS),
        columns={"prompt": "prompt", "response": "response"},
        what="Questions about functions, options, French commands, airports, cities, the sky and a dungeon",
        load=almanac,
        rows=4_000,
    ),
)
