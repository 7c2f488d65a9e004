"""Matching is the difference of multisets, whatever is spilled."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.dataset.matching import DIGEST, Matching, Records, placed

KEYS = st.lists(st.binary(min_size=2, max_size=2).map(lambda key: key[:1] * 24 + key[1:] * 8), max_size=60)


def records(keys: list[bytes]) -> Records:
    return placed(np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 32), range(len(keys)))


@given(KEYS, KEYS, st.sampled_from([1, 200, 1 << 20]))
def test_the_law(before: list[bytes], after: list[bytes], limit: int) -> None:
    same, gone, new = Counter[bytes](), Counter[bytes](), Counter[bytes]()
    with Matching(memory_limit=limit) as matching:
        for side, keys in ((matching.before, before), (matching.after, after)):
            whole = records(keys)
            for start in range(0, len(keys), 7):
                side.add(whole[start : start + 7])
        for found in matching:
            for one, other in zip(found.before, found.after, strict=True):
                assert one[DIGEST].tobytes() == other[DIGEST].tobytes() == before[one["place"]] == after[other["place"]]
                same[one[DIGEST].tobytes()] += 1
            gone.update(item[DIGEST].tobytes() for item in found.only_before)
            new.update(item[DIGEST].tobytes() for item in found.only_after)
    assert same == Counter(before) & Counter(after)
    assert gone == Counter(before) - Counter(after)
    assert new == Counter(after) - Counter(before)


def test_the_first_of_equal_digests_match() -> None:
    key = b"k" * 32
    with Matching() as matching:
        matching.before.add(records([key, key, key]))
        matching.after.add(records([key]))
        found = list(matching)[key[0]]
    assert (list(found.before["place"]), list(found.only_before["place"])) == ([0], [1, 2])
