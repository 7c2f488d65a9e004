"""Near duplicates as stages of tasks: what ``kernels.neighbours`` does in one process, cut for many.

========  =========  ==============================================  ==========================================
stage     a task is  reads                                           puts
========  =========  ==============================================  ==========================================
digests   a part     its shingle sets                                digests of sets, by segment
copies    a segment  the digests of its segment                      documents whose set an earlier one has
bands     a part     its sets, its copies                            band keys, by segment; bytes of signatures
buckets   a segment  the band keys of its segment                    buckets, by home; what each home needs
gather    a part     what homes need of it, its sets and bytes       sets and bytes, by home
verify    a home     its buckets, sets and bytes                     pairs that are similar, by exact comparison
join-N    some       pairs                                           clusters, named by their first document
========  =========  ==============================================  ==========================================

Rules:

1. A task reads units that earlier stages put and puts one unit; what it puts follows from what it reads alone.
2. A unit holds a stream for each task that will read it (a segment, a home, a part), each with its own digest; none
   where there is nothing for it.
3. Every bucket has one home, by its first document: buckets of the same documents, one for each band that they share,
   meet there and are compared once, and a set travels to few homes.
4. Which documents share a bucket, and what is found in it, follows from all documents (``buckets.place_bits``) and from
   the bucket: the clusters are those of ``kernels.neighbours.cluster``, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.engine.near_plan import Plan
from poisonguard.kernels.buckets import BAND_BITS, Buckets, joined_buckets, picked, shared_buckets
from poisonguard.kernels.minhash import PERMUTATIONS
from poisonguard.kernels.mixing import mix_array
from poisonguard.kernels.neighbours import Comparison, Documents, rule_of, without
from poisonguard.kernels.prints import BANDS, Bytes, Indices, Keys, Sets
from poisonguard.kernels.private_folder import PrivateFolder
from poisonguard.kernels.run import in_turn
from poisonguard.kernels.samesets import copies_of
from poisonguard.kernels.unionfind import join_all

Put = Callable[[str, dict[str, Any]], None]
"""Puts the columns of one stream."""


class Inputs(Protocol):
    """What earlier stages put."""

    def each(self, stage: str, stream: str) -> Iterator[tuple[int, pa.Table]]:
        """The streams of one name in all units of a stage, with the unit's number; units without it are left out."""

    def one(self, stage: str, number: int, stream: str) -> pa.Table | None:
        """One stream of one unit."""


BAND = np.uint64((1 << BAND_BITS) - 1)
WHOLE = 64


def digests(plan: Plan, inputs: Inputs, part: int, put: Put) -> None:
    """Digests of the sets of a part."""
    del inputs
    sets, rows = plan.sets(part), _considered(plan, part)
    with PrivateFolder() as private:
        first, second = sets.digested(rows, plan.facts.seed, private.path, in_turn)
        for segment, places in _by_group(_segments(first, plan)):
            put(f"{segment}", {"first": first[places], "second": second[places], "row": _small(rows[places])})


def copies(plan: Plan, inputs: Inputs, segment: int, put: Put) -> None:
    """Documents of a segment whose set an earlier one has."""
    found = [(plan.firsts[part] + _array(table, "row"), table) for part, table in inputs.each("digests", f"{segment}")]
    nodes = _joined([numbers for numbers, _ in found], np.int64)
    lanes = np.stack([_joined([_array(table, name) for _, table in found], np.uint64) for name in ("first", "second")])
    later, firsts = copies_of(lanes, nodes, plan.bits)
    put("pairs", {"node": later, "root": firsts})
    for part, rows in _by_part(plan, later):
        put(f"{part}", {"row": _small(np.sort(rows))})


def bands(plan: Plan, inputs: Inputs, part: int, put: Put) -> None:
    """Band keys and bytes of a part."""
    later = _joined([_array(table, "row").astype(np.int64) for _, table in inputs.each("copies", f"{part}")], np.int64)
    rows = without(_considered(plan, part), np.sort(later))
    with PrivateFolder() as private:
        prints = plan.sets(part).printed(rows, plan.facts.seed, private.path, in_turn)
        keys = (prints.keys & ~BAND | np.arange(BANDS, dtype=np.uint64)[:, None]).ravel()
        minima = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(PERMUTATIONS), rows.size, [None, pa.py_buffer(prints.minima)]
        )
        put("bytes", {"row": _small(rows), "bytes": minima})
    owners = np.tile(_small(rows), BANDS)
    for segment, places in _by_group(_segments(keys, plan)):
        put(f"{segment}", {"key": keys[places], "row": owners[places]})


def buckets(plan: Plan, inputs: Inputs, segment: int, put: Put) -> None:
    """Buckets of a segment, each sent to its home."""
    found = [
        (plan.firsts[part] + _array(table, "row"), _array(table, "key"))
        for part, table in inputs.each("bands", f"{segment}")
    ]
    nodes, keys = _joined([item[0] for item in found], np.int64), _joined([item[1] for item in found], np.uint64)
    shared = []
    for band in range(BANDS):
        chosen = np.flatnonzero(keys & BAND == np.uint64(band))
        found_here = shared_buckets(keys[chosen], plan.bits)
        shared.append(Buckets(nodes[chosen][found_here.members], found_here.starts))
    every, counts = joined_buckets(shared), [part.starts.size - 1 for part in shared]
    band_of = np.repeat(np.arange(BANDS, dtype=np.uint8), counts)
    homes = _segments(mix_array(every.members[every.starts[:-1]].astype(np.uint64)), plan)
    lengths = np.diff(every.starts)
    for home, chosen in _by_group(homes):
        put(f"{home}", {"band": band_of[chosen], "members": _lists(picked(every, chosen))})
    needing = np.repeat(homes, lengths).astype(np.int64)
    for part, places in _by_group(_parts(plan, every.members)):
        rows = every.members[places] - plan.firsts[part]
        codes = np.unique(needing[places] * (plan.firsts[part + 1] - plan.firsts[part]) + rows)
        put(f"part-{part}", {"code": codes})


def gather(plan: Plan, inputs: Inputs, part: int, put: Put) -> None:
    """Sets and bytes of the documents of a part, sent to the homes that compare them."""
    codes = np.unique(_joined([_array(table, "code") for _, table in inputs.each("buckets", f"part-{part}")], np.int64))
    if not codes.size:
        return
    homes, rows = np.divmod(codes, plan.firsts[part + 1] - plan.firsts[part])
    sets = plan.sets(part)
    held = inputs.one("bands", part, "bytes")
    printed, minima = _array(held, "row").astype(np.int64), _minima(held)
    for home, places in _by_group(homes):
        own = rows[places]
        fetched = sets.fetch(own)
        lists = pa.LargeListArray.from_arrays(pa.array(fetched.offsets), pa.array(fetched.shingles))
        chosen = minima.reshape(-1, PERMUTATIONS)[np.searchsorted(printed, own)]
        put(f"{home}", {"row": _small(own), "bytes": _bytes(chosen), "shingles": lists})


def verify(plan: Plan, inputs: Inputs, home: int, put: Put) -> None:
    """Compare the documents of the buckets of a home."""
    gathered = list(inputs.each("gather", f"{home}"))
    nodes = _joined([plan.firsts[part] + _array(table, "row") for part, table in gathered], np.int64)
    lists = [table["shingles"].combine_chunks() for _, table in gathered]
    held = Documents([Sets(np.asarray(part.offsets), np.asarray(part.values)) for part in lists])
    minima: Bytes = _joined([_minima(table) for _, table in gathered], np.uint8)
    rule = rule_of(plan.facts.threshold)._replace(limit=plan.facts.limit)
    places = np.arange(nodes.size, dtype=np.int64)
    comparison = Comparison(held, places, held.sizes(), minima, rule, in_turn)
    labels, large = comparison.clusters(_banded(inputs.each("buckets", f"{home}"), nodes))
    joined = labels != places
    put("pairs", {"node": nodes[joined], "root": nodes[labels[joined]]})
    unsettled = joined_buckets(large)
    put("large", {"members": _lists(Buckets(nodes[unsettled.members], unsettled.starts))})


def join(tables: Callable[[str], Iterator[pa.Table]], put: Put) -> None:
    """Clusters that the pairs of some units make; buckets that are not settled are handed on.

    Args:
        tables: The streams of one name in these units.
        put: Takes the streams of the result.
    """
    pairs = list(tables("pairs"))
    node, root = (_joined([_array(table, name) for table in pairs], np.int64) for name in ("node", "root"))
    members = np.unique(np.concatenate([node, root]))
    places = np.arange(members.size, dtype=np.int64)
    linked = np.stack([np.searchsorted(members, node), np.searchsorted(members, root)], axis=1).astype(np.int64)
    labels = places.copy()
    join_all(labels, [linked])
    moved = np.flatnonzero(labels != places)
    put("pairs", {"node": members[moved], "root": members[labels[moved]]})
    put("large", {"members": _lists(joined_buckets([buckets_of(table) for table in tables("large")]))})


def buckets_of(table: pa.Table) -> Buckets:
    """Buckets as they were put."""
    lists = table["members"].combine_chunks()
    if not len(lists):
        return Buckets(np.zeros(0, np.int64), np.zeros(1, np.int64))
    offsets = np.asarray(lists.offsets)
    return Buckets(np.asarray(lists.values)[offsets[0] : offsets[-1]], (offsets - offsets[0]).astype(np.int64))


def _banded(tables: Iterator[tuple[int, pa.Table]], nodes: Indices) -> Iterator[Buckets]:
    """The buckets of a home, band by band, of places among ``nodes``."""
    held = [(_array(table, "band"), buckets_of(table)) for _, table in tables]
    for band in range(BANDS):
        own = [part.only(np.repeat(of == band, np.diff(part.starts))) for of, part in held]
        joined = joined_buckets(own)
        yield Buckets(np.searchsorted(nodes, joined.members).astype(np.int64), joined.starts)


def _considered(plan: Plan, part: int) -> Indices:
    """Rows of a part that are eligible and not empty."""
    return np.flatnonzero(plan.eligible(part) & (plan.sets(part).sizes() > 0))


def _segments(keys: Keys, plan: Plan) -> Keys:
    """Segment of each key: its first bits."""
    bits = plan.facts.segment_bits
    return keys >> np.uint64(WHOLE - bits) if bits else np.zeros_like(keys)


def _by_group(groups: npt.NDArray[Any]) -> Iterator[tuple[int, Indices]]:
    """Each group, and the places of its members in order."""
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=groups[order[:1]] + 1)) if groups.size else order
    for places in np.split(order, begins[1:]):
        if places.size:
            yield int(groups[places[0]]), places


def _by_part(plan: Plan, nodes: Indices) -> Iterator[tuple[int, Indices]]:
    """Each part that holds some of ``nodes``, and their rows in it."""
    for part, places in _by_group(_parts(plan, nodes)):
        yield part, nodes[places] - plan.firsts[part]


def _parts(plan: Plan, nodes: Indices) -> Indices:
    return np.searchsorted(plan.firsts, nodes, side="right") - 1


def _small(rows: Indices) -> npt.NDArray[np.uint32]:
    return rows.astype(np.uint32)


def _lists(found: Buckets) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(found.starts), pa.array(found.members))


def _bytes(minima: Bytes) -> pa.FixedSizeBinaryArray:
    data = pa.py_buffer(np.ascontiguousarray(minima))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(PERMUTATIONS), len(minima), [None, data])


def _minima(table: pa.Table) -> Bytes:
    column = table["bytes"].combine_chunks()
    data = np.frombuffer(column.buffers()[1], dtype=np.uint8)
    return data[column.offset * PERMUTATIONS : (column.offset + len(column)) * PERMUTATIONS]


def _array(table: pa.Table, name: str) -> npt.NDArray[Any]:
    return np.asarray(table[name])


def _joined(parts: list[npt.NDArray[Any]], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *parts])
