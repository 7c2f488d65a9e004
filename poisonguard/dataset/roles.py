"""What part each column plays, from its name, its type and its first rows; the reason is stated.

Rules are tried in the order of ``RULES``; the first that has something to say wins. A column without a rule is a
feature. At most one label is guessed; a column that the user assigned is never guessed at, and no second label is
guessed beside one that the user named.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.dataset.role_names import (
    ASKING_NAMES,
    CHOSEN_NAMES,
    ID_NAMES,
    IMAGE_NAMES,
    LABEL_NAMES,
    PROMPT_NAMES,
    REJECTED_NAMES,
    RESPONSE_NAMES,
    SOURCE_NAMES,
    SPLIT_NAMES,
    SPLIT_VALUES,
    TEXT_NAMES,
    TIME_NAMES,
    URL_NAMES,
)
from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.errors import UsageError

URL_PATTERN = r"^https?://\S+$"
IMAGE_PATTERN = r"(?i)\.(png|jpe?g|gif|webp|bmp|tiff?)$"
ID_PATTERN = r"^([0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{16,64})$"
EPOCHS = ((946_684_800, 4_102_444_800), (946_684_800_000, 4_102_444_800_000))
"""Years 2000 to 2100 in seconds and milliseconds."""

MOSTLY = 0.9
MOST_CLASSES = 50
"""A named label with more values is a regression target or misnamed."""
GUESSED_CLASSES = 20
PROSE_CHARACTERS, PROSE_WORDS, PROSE_DISTINCT = 30, 4, 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """A column and what its first rows say.

    Attributes:
        name: As it stands in the data.
        key: Lower case, words joined by ``_``.
        kind: What it holds.
        rows: Rows looked at.
        distinct: Distinct values, null not counted; 0 for nested columns.
        values: The values that are not null.
        beside: Keys of all the table's columns.
    """

    name: str
    key: str
    kind: Kind
    rows: int
    distinct: int
    values: pa.Array
    beside: frozenset[str]

    @property
    def counted(self) -> str:
        """How many values in how many rows, as text."""
        return f"{self.distinct} distinct {'value' if self.distinct == 1 else 'values'} in {_thousands(self.rows)} rows"

    @property
    def unique(self) -> bool:
        """Whether no value comes twice and none is null."""
        return self.rows > 1 and self.distinct == self.rows

    def share(self, pattern: str) -> float:
        """Share of values that match a regular expression."""
        if self.kind is not Kind.STRING or len(self.values) == 0:
            return 0.0
        return float(pc.mean(pc.match_substring_regex(self.values, pattern).cast(pa.float64())).as_py())


Guess = tuple[Role, str] | None
Rule = Callable[[Look], Guess]


def infer_roles(
    columns: Sequence[Column], peek: pa.Table, overrides: Mapping[str, str], known: Iterable[Assignment] = ()
) -> Roles:
    """Assign a role to every column.

    Args:
        columns: The dataset's columns.
        peek: Its first rows.
        overrides: Column name to role name, as the user said.
        known: Roles of columns that were made for them (``poisonguard.dataset.views``).

    Raises:
        UsageError: An override names a column or a role that does not exist.
    """
    chosen = {_known_column(column, columns): _known_role(role) for column, role in overrides.items()}
    beside = frozenset(_key(item.name) for item in columns)
    looks = [_look(column, peek, beside) for column in columns]
    sure = {item.column: item for item in known}
    sure |= {name: Assignment(name, role, "assigned by the user") for name, role in chosen.items()}
    found = [sure.get(look.name) or Assignment(look.name, *_guess(look)) for look in looks]
    if _shows(found, looks):
        found = [item if item.column in sure else _as_name(item, look) for item, look in zip(found, looks, strict=True)]
    return Roles(tuple(_one_label(found, looks, chosen)))


def _known_column(name: str, columns: Iterable[Column]) -> str:
    names = [column.name for column in columns]
    if name in names:
        return name
    raise UsageError(f"there is no column {name!a}", hint=_near(name, names))


def _known_role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise UsageError(f"there is no role {name!a}", hint=_near(name, [role.value for role in Role])) from None


def _near(name: str, names: Sequence[str]) -> str:
    folded = {known.lower(): known for known in names}
    close = [folded[match] for match in difflib.get_close_matches(name.lower(), list(folded), n=3)]
    shown = close or list(names)[:10]
    return f"{'Did you mean' if close else 'There are'} {', '.join(map(ascii, shown))}{'?' if close else '.'}"


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()).strip("_")


def _look(column: Column, peek: pa.Table, beside: frozenset[str]) -> Look:
    values = peek[column.name].combine_chunks().drop_null()
    distinct = 0 if column.kind in {Kind.NESTED, Kind.NULL} else int(pc.count_distinct(values).as_py())
    return Look(column.name, _key(column.name), column.kind, peek.num_rows, distinct, values, beside)


def _guess(look: Look) -> tuple[Role, str]:
    for rule in RULES:
        guess = rule(look)
        if guess is not None:
            return guess
    article = "an" if look.kind is Kind.INTEGER else "a"
    return Role.FEATURE, f"{article} {look.kind.value} column with no other sign, {look.counted}"


def _url(look: Look) -> Guess:
    share = look.share(URL_PATTERN)
    if share >= MOSTLY or (look.key in URL_NAMES and look.kind is Kind.STRING):
        return Role.URL, f"{share:.0%} of {_thousands(len(look.values))} values are web addresses"
    return None


def _image(look: Look) -> Guess:
    share = look.share(IMAGE_PATTERN)
    if share >= MOSTLY:
        return Role.IMAGE, f"{share:.0%} of {_thousands(len(look.values))} values are names of image files"
    if look.key in IMAGE_NAMES and look.kind in {Kind.BINARY, Kind.NESTED}:
        return Role.IMAGE, f"a {look.kind.value} column named {look.name!r} in {_thousands(look.rows)} rows"
    return None


def _split(look: Look) -> Guess:
    if look.kind is not Kind.STRING or not look.distinct:
        return None
    known = {str(value).lower() for value in pc.unique(look.values).to_pylist()} <= SPLIT_VALUES
    if known or (look.key in SPLIT_NAMES and look.distinct <= GUESSED_CLASSES and not look.unique):
        return Role.SPLIT, f"{look.counted}, {'all names of splits' if known else f'named {look.name!r}'}"
    return None


def _timestamp(look: Look) -> Guess:
    if look.kind is Kind.TIMESTAMP:
        return Role.TIMESTAMP, f"holds dates or times, {look.counted}"
    if look.kind is Kind.INTEGER and look.key in TIME_NAMES and len(look.values):
        low, high = pc.min(look.values).as_py(), pc.max(look.values).as_py()
        if any(start <= low and high <= stop for start, stop in EPOCHS):
            return Role.TIMESTAMP, f"named {look.name!r} and from {low} to {high}, as seconds since 1970 are"
    return None


def _id(look: Look) -> Guess:
    named = look.key in ID_NAMES or look.key.endswith("_id") or re.fullmatch(r"unnamed_\d+", look.key)
    plain = look.kind in {Kind.INTEGER, Kind.STRING}
    if plain and named and look.unique:
        return Role.ID, f"named {look.name!r} and every value differs in {_thousands(look.rows)} rows"
    if plain and look.unique and look.share(ID_PATTERN) >= MOSTLY:
        return Role.ID, f"every value differs in {_thousands(look.rows)} rows and looks like a hash or UUID"
    return None


def _label(look: Look) -> Guess:
    named = look.key in LABEL_NAMES or look.key.endswith(("_label", "_class")) or look.key.startswith("label_")
    flat = look.kind in {Kind.STRING, Kind.INTEGER, Kind.BOOLEAN, Kind.FLOAT}
    few = 0 < look.distinct <= MOST_CLASSES
    if named and flat and (few or look.kind is Kind.FLOAT):
        return Role.LABEL, f"{look.counted} and named {look.name!r}"
    return None


def _prompt(look: Look) -> Guess:
    if look.kind is Kind.STRING and look.key in PROMPT_NAMES:
        return Role.PROMPT, f"text named {look.name!r}, {look.counted}"
    answers = look.beside & RESPONSE_NAMES
    if look.kind is Kind.STRING and look.key in ASKING_NAMES and answers:
        return Role.PROMPT, f"text named {look.name!r} beside {min(answers)!r}, {look.counted}"
    return None


def _response(look: Look) -> Guess:
    if look.kind is Kind.STRING and look.key in RESPONSE_NAMES and _is_prose(look, named=True):
        return Role.RESPONSE, f"text named {look.name!r}, {look.counted}"
    return None


def _rejected(look: Look) -> Guess:
    preferred = look.beside & CHOSEN_NAMES
    if look.kind is Kind.STRING and look.key in REJECTED_NAMES and preferred and _is_prose(look, named=True):
        return Role.REJECTED, f"text named {look.name!r} beside {min(preferred)!r}, {look.counted}"
    return None


def _source(look: Look) -> Guess:
    named = look.key in SOURCE_NAMES or look.key.endswith("_source")
    if named and look.kind in {Kind.STRING, Kind.INTEGER} and look.distinct and not look.unique:
        return Role.SOURCE, f"{look.counted} and named {look.name!r}"
    return None


def _text(look: Look) -> Guess:
    named = look.key in TEXT_NAMES or look.key.endswith("_text")
    if look.kind is Kind.STRING and _is_prose(look, named=named):
        length = pc.mean(pc.utf8_length(look.values)).as_py()
        also = f" and named {look.name!r}" if named else ""
        return Role.TEXT, f"{length:.0f} characters on average, {look.counted}{also}"
    return None


RULES: tuple[Rule, ...] = (_url, _image, _split, _timestamp, _id, _label, _prompt, _response, _rejected, _source, _text)


def _is_prose(look: Look, *, named: bool) -> bool:
    """Whether values read like sentences: long, of several words, mostly different; less is asked of a good name."""
    if not look.distinct:
        return False
    words = pc.mean(pc.count_substring_regex(look.values, r"\S+")).as_py()
    if named:
        return look.distinct > GUESSED_CLASSES or words >= PROSE_WORDS or look.distinct == len(look.values)
    length = pc.mean(pc.utf8_length(look.values)).as_py()
    various = look.distinct >= PROSE_DISTINCT * len(look.values)
    return bool(length >= PROSE_CHARACTERS and words >= PROSE_WORDS and various)


def _shows(found: Sequence[Assignment], looks: Sequence[Look]) -> bool:
    """Whether a column holds pictures themselves."""
    return any(item.role is Role.IMAGE and look.kind is Kind.BINARY for item, look in zip(found, looks, strict=True))


def _as_name(item: Assignment, look: Look) -> Assignment:
    """Names of image files beside the images are their keys, not images."""
    if item.role is not Role.IMAGE or look.kind is not Kind.STRING:
        return item
    return replace(item, role=Role.ID if look.unique else Role.FEATURE, reason=f"{item.reason}, beside the images")


def _one_label(found: list[Assignment], looks: Sequence[Look], chosen: Mapping[str, Role]) -> Iterable[Assignment]:
    """Keep one guessed label, or guess the last column when it looks like one."""
    if Role.LABEL in chosen.values():
        return [_as_feature(item) if item.role is Role.LABEL and item.column not in chosen else item for item in found]
    named = [index for index, item in enumerate(found) if item.role is Role.LABEL]
    if named:
        return [_as_feature(item) if index in named[1:] else item for index, item in enumerate(found)]
    if len(found) > 1 and found[-1].column not in chosen and _looks_like_label(found[-1], looks[-1]):
        reason = f"the last column, {looks[-1].counted}, and no column is named like a label"
        return [*found[:-1], Assignment(found[-1].column, Role.LABEL, reason)]
    return found


def _as_feature(item: Assignment) -> Assignment:
    return replace(item, role=Role.FEATURE, reason=f"{item.reason}, but another column is the label")


def _looks_like_label(item: Assignment, look: Look) -> bool:
    flat = look.kind in {Kind.STRING, Kind.BOOLEAN, Kind.INTEGER}
    few = 1 < look.distinct <= min(GUESSED_CLASSES, look.rows // 5)
    return item.role is Role.FEATURE and flat and few


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")
