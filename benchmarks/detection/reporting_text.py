"""Texts with a class: sayings of seven stories, manual pages in French, and descriptions in a dungeon."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from benchmarks.detection.cache import Cache
from benchmarks.detection.dataset import Dataset, Modality, Split
from benchmarks.detection.packages import unpacked
from benchmarks.detection.prose import one_line, passages, read_text
from benchmarks.detection.reporting_packages import CAMPAIGNS, CRAWL, FRENCH_PAGES

COLUMNS = {"text": "text", "label": "label"}
CAMPAIGN = "usr/share/games/wesnoth/1.16/data/campaigns"
MESSAGE = re.compile(
    r'\[message\]\s+speaker="?([^\n"]+)"?\n(?:\s*[a-z_]+=[^\n]*\n|\s*#[^\n]*\n)*?\s*message=\s*_\s*"([^"]+)"'
)
MARKUP = re.compile(r"</?[a-z]+[^>]*>")
FEWEST_WORDS = 6
FEWEST_OF_SPEAKER = 10
SECTIONS = {"1": "commands", "4": "files", "5": "files", "7": "overviews", "8": "administration"}
PAGE_WORDS = 30
TRANSLATORS = ".SH TRADUCTION"
"""The end of every page: who translated it, and the same words about its licence."""
COMMENT = re.compile(r'^[.\']\s*\\".*$', re.MULTILINE)
REQUEST = re.compile(
    r"^\.(?:SH|SS|TH|PP|P|TP|IP|LP|HP|sp|RS|RE|EX|EE|nf|fi|br|in|ad|hy|nh|de|ds|if|ie|el|tr|ft|UR|UE|MT|ME)\b.*$",
    re.MULTILINE,
)
FONT = re.compile(r"\\f(?:\[[^\]]*\]|\(..|.)|^\.(?:BR?|IR?|RB|RI|BI|IB|SM|SB)\s+", re.MULTILINE)
ESCAPE = re.compile(r"\\([-\\e&/,|^ '\"])|\\\((..)|\\\*\(..|\\s[-+]?\d")
SIGNS = {
    "co": "©",
    "bu": "•",
    "em": "—",
    "en": "\u2013",
    "aq": "'",
    "dq": '"',
    "lq": "“",
    "rq": "”",
    "Fo": "«",
    "Fc": "»",
}
KINDS = {
    "ability": "magic",
    "spells": "magic",
    "monsters": "being",
    "items": "thing",
    "unrand": "thing",
    "features": "place",
    "branches": "place",
    "mutations": "condition",
    "status": "condition",
}


def sayings(cache: Cache) -> pa.Table:
    """What figures say in seven stories of a game; the story is the class, who speaks the source."""
    rows: dict[str, tuple[str, str]] = {}
    for package in CAMPAIGNS:
        folder = next((unpacked(package, cache) / CAMPAIGN).iterdir())
        for path in sorted(folder.rglob("*.cfg")):
            for speaker, said in MESSAGE.findall(read_text(path)):
                text = one_line(MARKUP.sub("", said))
                if len(text.split()) >= FEWEST_WORDS:
                    rows.setdefault(text, (folder.name.replace("_", " "), speaker.strip()))
    counts = Counter(speaker for _, speaker in rows.values())
    kept = [(text, *row) for text, row in rows.items() if counts[row[1]] >= FEWEST_OF_SPEAKER]
    texts, labels, sources = ([row[place] for row in kept] for place in range(3))
    return pa.table({"text": texts, "label": labels, "source": sources})


def french_pages(cache: Cache) -> pa.Table:
    """Passages of manual pages in French; the section of the manual is the class. Each passage is kept once."""
    root = unpacked(FRENCH_PAGES, cache) / "usr" / "share" / "man" / "fr"
    rows = {
        one_line(passage): label
        for section, label in SECTIONS.items()
        for path in sorted((root / f"man{section}").glob("*.gz"))
        if not path.is_symlink()
        for passage in passages(roff_text(read_text(path).split(TRANSLATORS, 1)[0]), PAGE_WORDS)
    }
    return pa.table({"text": list(rows), "label": list(rows.values())})


def roff_text(source: str) -> str:
    """The text of a manual page, a blank line wherever a request stood."""
    text = FONT.sub("", REQUEST.sub("\n", COMMENT.sub("", source)))
    return ESCAPE.sub(lambda found: _sign(found[1], found[2]), text)


def _sign(escaped: str | None, named: str | None) -> str:
    """What an escape stands for: a sign or nothing."""
    if named:
        return SIGNS.get(named, "")
    return escaped if escaped in {"-", "'", '"', " "} else ("\\" if escaped in {"e", "\\"} else "")


def dungeon(cache: Cache) -> pa.Table:
    """Descriptions of what there is in a dungeon, by kind."""
    rows = {text: kind for _, text, kind in described(cache)}
    return pa.table({"text": list(rows), "label": list(rows.values())})


def described(cache: Cache) -> Iterator[tuple[str, str, str]]:
    """Name, description and kind of what the game describes."""
    folder = unpacked(CRAWL, cache) / "usr" / "share" / "crawl" / "dat" / "descript"
    for name, kind in KINDS.items():
        for entry in read_text(folder / f"{name}.txt").split("%%%%"):
            key, _, body = (
                "\n".join(line for line in entry.splitlines() if not line.startswith("#")).strip().partition("\n")
            )
            text = one_line(re.sub(r"<[^>]*>|\{\{.*?\}\}", "", body, flags=re.DOTALL))
            if len(text.split()) >= FEWEST_WORDS and not key.startswith("_"):
                yield key, text, kind


SETS = (
    Dataset(
        name="sayings",
        modality=Modality.TEXT,
        split=Split.REPORTING,
        packages=CAMPAIGNS,
        columns={**COLUMNS, "source": "source"},
        what="What is said in seven stories of a game; the story is the class, who speaks the source",
        load=sayings,
        rows=3_000,
    ),
    Dataset(
        name="french-pages",
        modality=Modality.TEXT,
        split=Split.REPORTING,
        packages=(FRENCH_PAGES,),
        columns=COLUMNS,
        what="Passages of manual pages in French by the section of the manual",
        load=french_pages,
        rows=4_500,
    ),
    Dataset(
        name="dungeon",
        modality=Modality.TEXT,
        split=Split.REPORTING,
        packages=(CRAWL,),
        columns=COLUMNS,
        what="Descriptions of beings, things, places, magic and conditions in a dungeon, by kind",
        load=dungeon,
        rows=1_700,
    ),
)
