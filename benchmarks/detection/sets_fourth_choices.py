"""Pairs of answers: the right one or another's, and the language that was asked for or another."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.prose import one_line, plain, read_text
from benchmarks.detection.sets_fourth_documents import HELP
from benchmarks.detection.sets_fourth_instructions import SETS as ASKED
from benchmarks.detection.sets_fourth_instructions import workshop
from benchmarks.detection.sets_fourth_packages import GNOME_HELP
from benchmarks.detection.sets_more_instructions import FEWEST_WORDS, short
from benchmarks.detection.sets_third_choices import COLUMNS, Triple, as_choices, judged

SEED = 31
LANGUAGES = {"Czech": "cs", "German": "de", "Spanish": "es", "French": "fr", "Italian": "it", "Swedish": "sv"}
ORIGINAL = "C"
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
WISH = ("{0} Please answer in {1}.", "In {1}: {0}", "I only read {1}. {0}")


def choices(cache: Cache) -> pa.Table:
    """Both kinds of pairs."""
    rows = [*judged(workshop(cache), SEED), *_languages(cache)]
    return as_choices([rows[place] for place in np.random.default_rng(SEED).permutation(len(rows))])


def _languages(cache: Cache) -> list[Triple]:
    """Titles of help pages; what the page begins with in the language asked for, if translated, and in another one."""
    rng = np.random.default_rng(SEED)
    original = _begun(ORIGINAL, cache)
    begun = {language: _begun(folder, cache) for language, folder in LANGUAGES.items()}
    rows: list[Triple] = []
    for language, other in pairwise([*LANGUAGES, next(iter(LANGUAGES))]):
        for stem, (_, answer) in begun[language].items():
            if stem in original and stem in begun[other] and answer != original[stem][1]:
                asked = WISH[int(rng.integers(len(WISH)))].format(original[stem][0], language)
                rows.append((asked, answer, begun[other][stem][1]))
    return [row for row in rows if row[1] != row[2]]


def _begun(folder: str, cache: Cache) -> dict[str, tuple[str, str]]:
    """Title and first paragraph of every page."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((unpacked(GNOME_HELP, cache) / HELP.format(folder)).glob("*.page")):
        body = read_text(path).split("</info>", 1)[-1]
        title, texts = TITLE.search(body), [one_line(plain(text)) for text in PARAGRAPH.findall(body)]
        told = next((text for text in texts if len(text.split()) >= FEWEST_WORDS), "")
        if title is not None and told:
            found[path.stem] = one_line(plain(title.group(1))), short(told)
    return found


SETS = (
    Dataset(
        name="choices",
        modality=Modality.INSTRUCTION,
        split=Split.TUNING,
        packages=(*next(each.packages for each in ASKED if each.name == "workshop"), GNOME_HELP),
        columns=COLUMNS,
        what="Pairs of answers: the right one before another's, the language asked for before another",
        load=choices,
        rows=3_500,
    ),
)
