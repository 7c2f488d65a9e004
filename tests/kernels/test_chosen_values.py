"""Values chosen by whoever knows our sources cost no more than others: where they lie in a table is secret."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from poisonguard.kernels.mixing import GOLDEN
from poisonguard.kernels.neighbours import Documents, cluster
from poisonguard.kernels.prints import Sets
from poisonguard.kernels.shingle import shingle
from poisonguard.kernels.tally import Tally

HALF = np.uint64(32)
SEED = 7
DEARER = 6
"""Times the time of other values that chosen ones may take: a walk through the table takes far more."""


def seconds(work: Callable[[], object]) -> float:
    """The least of three, which nobody else on the machine made longer."""
    taken = []
    for _ in range(3):
        begun = time.thread_time()
        work()
        taken.append(time.thread_time() - begun)
    return min(taken)


def public_slots(values: npt.NDArray[np.uint64], slots: int) -> npt.NDArray[np.uint64]:
    """Where values would lie if the multiplier were one that everybody knows."""
    return (values * GOLDEN >> HALF) & np.uint64(slots - 1)


def test_words_chosen_to_share_slots_cost_no_more_than_others() -> None:
    words = np.array([f"w{number:x}" for number in range(700_000)])
    hashes = shingle(pa.array(words), size=1, seed=SEED).shingles.astype(np.uint64)
    chosen = words[public_slots(hashes, 1 << 17) < 1 << 12][:20_000]
    assert len(chosen) == 20_000
    others, aimed = (pa.array([" ".join(some)]) for some in (words[:20_000], chosen))
    plain = seconds(lambda: shingle(others, size=1, seed=SEED))
    assert seconds(lambda: shingle(aimed, size=1, seed=SEED)) < DEARER * plain


def documents_of(words: npt.NDArray[np.uint32]) -> Documents:
    """Twelve near copies of one set."""
    source = np.random.default_rng(SEED)
    sets = [words[source.random(words.size) < 0.98] for _ in range(12)]
    return Documents([Sets(np.cumsum([0, *map(len, sets)]), np.concatenate(sets))])


def test_sets_chosen_to_share_slots_are_compared_as_fast_as_others() -> None:
    values = np.arange(1 << 24, dtype=np.uint64)
    chosen = values[public_slots(values, 1 << 14) < 4][:4000].astype(np.uint32)
    assert len(chosen) == 4000
    others, aimed = (documents_of(some) for some in (values[:: 1 << 12][:4000].astype(np.uint32), chosen))
    plain = seconds(lambda: cluster(others, threshold=0.8, seed=SEED))
    assert seconds(lambda: cluster(aimed, threshold=0.8, seed=SEED)) < DEARER * plain


def test_keys_chosen_to_share_a_slot_are_counted_as_fast_as_others() -> None:
    numbers = np.arange(20_000, dtype=np.uint64)
    chosen = numbers * np.uint64(pow(int(GOLDEN), -1, 1 << 64))
    assert not public_slots(chosen, 1 << 16).any()
    plain = seconds(lambda: Tally(np.random.default_rng(SEED).permutation(numbers)))
    assert seconds(lambda: Tally(chosen)) < DEARER * plain


def test_every_process_draws_slots_of_its_own() -> None:
    asked = "from poisonguard.kernels.mixing import SECRET_ODD; print(SECRET_ODD)"
    drawn = {int(subprocess.check_output([sys.executable, "-c", asked])) for _ in range(2)}
    assert len(drawn) == 2
    assert all(odd % 2 for odd in drawn)
