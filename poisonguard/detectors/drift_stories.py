"""What each test of each column would say if it turned out significant.

A story is one test with its effect, its p-value and the sentence to tell. All stories of all columns are
made first, because the false discovery rate is held over everything that was tested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.detectors.drift_columns import Compared, Measure
from poisonguard.detectors.drift_local import Part, parts_elsewhere, whole_factor
from poisonguard.detectors.drift_text import measure_tests, words_test
from poisonguard.detectors.drift_versions import Versions, absent, numbers
from poisonguard.detectors.statistics_tests import (
    Counts,
    Share,
    Test,
    distribution_distance,
    more_often,
    share_difference,
    total_variation,
)
from poisonguard.domain.finding import Level
from poisonguard.domain.wording import count
from poisonguard.sketches.profile import ColumnProfile, read_profile
from poisonguard.sketches.values import HashArray, as_text

LEAST_NEW_ROWS = 30
"""New rows below which no distribution is compared."""

NAMED_CATEGORIES = 5


@dataclass(frozen=True, slots=True)
class Story:
    """One test of one column.

    Attributes:
        column: The column.
        test: Name of the test.
        gravity: Which story is told first when several hold; higher first.
        result: Effect and p-value.
        minimum: Effect below which nothing is said.
        text: What to say.
        level: Level when not the card's.
        part: The part of the rows that sits elsewhere, if that is the story.
        absent_excess: Share of the new rows without a value that is excess, if that is the story.
        numbers: Further evidence.
    """

    column: str
    test: str
    gravity: int
    result: Test
    minimum: float
    text: str
    level: Level | None = None
    part: Part | None = None
    absent_excess: float | None = None
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Minima:
    """Effects below which nothing is said."""

    distance: float
    absent: float
    excess: float


@dataclass(frozen=True, slots=True)
class Side:
    """Rows laid beside the reference, and how to call them."""

    name: str
    rows: pa.Table
    are_new: bool


def tell(compared: Compared, versions: Versions, minima: Minima) -> Iterator[Story]:
    """Every story of one column."""
    yield from _absent_stories(compared.column, versions, minima)
    for side in _sides(versions):
        yield from _TELLERS[compared.measure](compared.column, side, versions, minima)
    if compared.measure is Measure.NUMBER and versions.new_rows.num_rows:
        yield from _part_stories(compared.column, versions, minima)


def _sides(versions: Versions) -> Iterator[Side]:
    """What is laid beside the reference: the new rows, and all rows where some were there before."""
    if versions.new_rows.num_rows >= LEAST_NEW_ROWS:
        yield Side("new rows", versions.new_rows, are_new=True)
    if versions.share_rows:
        yield Side("rows", versions.all_rows, are_new=False)


def _absent_stories(column: str, versions: Versions, minima: Minima) -> Iterator[Story]:
    now, then = (read_profile(version[ColumnProfile(column)]) for version in (versions.candidate, versions.reference))
    before = Share(then.rows - then.present, then.rows)
    whole = Share(now.rows - now.present, now.rows)
    if not whole.hits + before.hits:
        # No value absent in either: nothing could have been found, nothing is tested.
        return
    new = Share(absent(versions.new_rows, column), versions.new_rows.num_rows)
    if versions.share_rows:
        yield _absent_story(column, "rows", whole, before, minima)
    if not versions.share_rows:
        yield _absent_story(column, "new rows", whole, before, minima)
    elif new.rows >= LEAST_NEW_ROWS:
        yield _absent_story(column, "new rows", new, before, minima)


def _absent_story(column: str, side: str, now: Share, then: Share, minima: Minima) -> Story:
    result = share_difference(now, then)
    text = f"{now.rate:.2%} of the {side} have no value, {then.rate:.2%} in the reference"
    excess = 1 - then.rate / now.rate if result.effect > 0 and side == "new rows" else None
    return Story(column, "absent values", 2, result, minima.absent, text, absent_excess=excess)


def _number_stories(column: str, side: Side, versions: Versions, minima: Minima) -> Iterator[Story]:
    new, old = versions.spread(column, new=side.are_new), versions.old_spread(column)
    if not new.rows or not old.rows:
        return
    result, middle, before = distribution_distance(new, old), new.median(), old.median()
    text = f"values of the {side.name} are distributed differently: median {middle:.4g}, {before:.4g} in the reference"
    factor = None
    if result.effect > minima.distance:
        factor = whole_factor(numbers(side.rows, column), numbers(versions.old_rows, column))
    if factor is not None:
        text = f"values of the {side.name} look like the reference's multiplied by {factor:g}: a changed unit? " + text
    level = Level.ERROR if factor is not None else None
    figures = {"median": middle, "reference_median": before, "error": round(max(new.error, old.error), 6)}
    yield Story(column, "Kolmogorov-Smirnov", 1, result, minima.distance, text, level, numbers=figures)


def _part_stories(column: str, versions: Versions, minima: Minima) -> Iterator[Story]:
    new, old = numbers(versions.new_rows, column), numbers(versions.old_rows, column)
    for family, part in parts_elsewhere(new, old, minima.excess).items():
        # Looked for and not found still counts among the tests.
        yield _part_story(column, family, part, minima) if part else _nothing(column, family, minima)


def _nothing(column: str, family: str, minima: Minima) -> Story:
    return Story(column, f"part elsewhere, {family}", 3, Test(0.0, 1.0), minima.excess, "")


def _part_story(column: str, family: str, part: Part, minima: Minima) -> Story:
    place = f"hold the value {part.low:g}" if part.is_value else f"lie {_between(part)}"
    text = (
        f"{part.share:.2%} of the new rows {place}, {part.reference_share:.2%} in the reference; the rest is unchanged"
    )
    if part.factor is not None:
        text = f"a part of the new rows looks multiplied by {part.factor:g}: {text}"
    level = Level.ERROR if part.factor is not None else None
    result = Test(part.excess, part.p)
    test = f"part elsewhere, {family}"
    return Story(column, test, 3, result, minima.excess, text, level, part, numbers=_part_numbers(part))


def _between(part: Part) -> str:
    if part.low == -np.inf:
        return f"at or below {part.high:.4g}"
    return f"at or above {part.low:.4g}" if part.high == np.inf else f"between {part.low:.4g} and {part.high:.4g}"


def _part_numbers(part: Part) -> dict[str, float | int | str]:
    figures: dict[str, float | int | str] = {"share": part.share, "reference_share": part.reference_share}
    return figures | ({} if part.factor is None else {"factor": part.factor})


def _category_stories(column: str, side: Side, versions: Versions, minima: Minima) -> Iterator[Story]:
    new, old = versions.categories(column, new=side.are_new), versions.old_categories(column)
    yield from _mix_stories(column, side.name, new, old, minima)
    yield from _unseen_stories(column, side.name, new, old, minima)


def _unseen_stories(column: str, side: str, new: pa.Table, old: pa.Table, minima: Minima) -> Iterator[Story]:
    """Values that the reference never has, beside those that it has once: how often a next row brings a new one.

    Good, "The population frequencies of species", 1953. A reference without such a value counts as if it had one.
    """
    unseen = new.filter(pc.invert(pc.is_in(new["hash"], value_set=old["hash"].combine_chunks())))
    hits, total = (int(pc.sum(table["count"]).as_py() or 0) for table in (unseen, new))
    if not hits or not old.num_rows:
        return
    singles = int(pc.sum(pc.equal(old["count"], 1)).as_py() or 0)
    then = Share(max(1, singles), int(pc.sum(old["count"]).as_py()))
    order = np.argsort(-np.asarray(unseen["count"]), kind="stable")[:NAMED_CATEGORIES]
    named = ", ".join(f"{unseen['value'][int(place)].as_py()[:40]!r}" for place in order)
    which = f"such as {named}" if unseen.num_rows > NAMED_CATEGORIES else named
    text = f"{count(hits, 'row')} of the {side} hold values that the reference never has: {which}"
    result = Test(hits / total, more_often(Share(hits, total), then))
    yield Story(column, "unseen values", 0, result, minima.excess, text, numbers={"unseen_values": unseen.num_rows})


def _source_stories(column: str, side: Side, versions: Versions, minima: Minima) -> Iterator[Story]:
    """The mix of the sources that the reference knows."""
    new, old = versions.categories(column, new=side.are_new), versions.old_categories(column)
    known = new.filter(pc.is_in(new["hash"], value_set=old["hash"].combine_chunks()))
    if (pc.sum(known["count"]).as_py() or 0) >= LEAST_NEW_ROWS:
        yield from _mix_stories(column, f"{side.name} from known sources", known, old, minima)


def _mix_stories(column: str, side: str, new: pa.Table, old: pa.Table, minima: Minima) -> Iterator[Story]:
    """Two tables of value counts compared."""
    if not new.num_rows or not old.num_rows:
        return
    hashes, first = np.unique(np.concatenate([new["hash"], old["hash"]]), return_index=True)
    names = pa.concat_tables([new, old])["value"].take(pa.array(first))
    counts = [_aligned(table, hashes) for table in (new, old)]
    shares = [held / held.sum() for held in counts]
    order = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:NAMED_CATEGORIES]
    moves = ", ".join(
        f"{names[int(i)].as_py()[:40]!r} {shares[1][i]:.1%} to {shares[0][i]:.1%}"
        for i in order
        if shares[0][i] != shares[1][i]
    )
    figures = {"categories": len(names), "new_categories": int(np.count_nonzero((counts[1] == 0) & (counts[0] > 0)))}
    text = f"categories of the {side} changed: {moves}"
    yield Story(column, "total variation", 1, total_variation(*counts), minima.distance, text, numbers=figures)


def _aligned(table: pa.Table, hashes: HashArray) -> Counts:
    """Counts of the values of these hashes, which hold all of the table's, shape (hashes,)."""
    counts = np.zeros(len(hashes), dtype=np.int64)
    counts[np.searchsorted(hashes, table["hash"])] = table["count"]
    return counts


def _texts(rows: pa.Table, column: str) -> pa.Array:
    return as_text(rows[column].combine_chunks()).drop_null()


def _text_stories(column: str, side: Side, versions: Versions, minima: Minima) -> Iterator[Story]:
    new, old = _texts(side.rows, column), _texts(versions.old_rows, column)
    for name, (result, means) in measure_tests(new, old).items():
        averages = f"{means[0]:.4g} on average, {means[1]:.4g} in the reference"
        text = f"{name} of the texts in the {side.name} differs: {averages}"
        yield Story(column, name, 1, result, minima.distance, text)
    words = words_test(new, old, versions.candidate.seed)
    yield Story(column, "words", 1, words, minima.distance, f"other words stand in the texts of the {side.name}")


_TELLERS = {
    Measure.NUMBER: _number_stories,
    Measure.CATEGORY: _category_stories,
    Measure.TEXT: _text_stories,
    Measure.SOURCE: _source_stories,
}
