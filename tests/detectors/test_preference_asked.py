"""What was asked, crossed with what tells two answers apart."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.preference_asked import Kinds, _products
from poisonguard.detectors.preference_model import Pairs, PreferenceModel

ROWS = 400
WORDS = [f"{beginning}{end}" for beginning in ("ba", "do", "ki", "lu", "me") for end in "bdgklmnprst"]
LANGUAGES = {"French": ("le", "une", "est"), "German": ("der", "eine", "ist")}


def wished(seed: int = 3) -> Pairs:
    """Answers in the language that was asked for are chosen, those in the other one rejected."""
    rng = np.random.default_rng(seed)
    names = sorted(LANGUAGES)
    prompts, chosen, rejected = list[str](), list[str](), list[str]()
    for _ in range(ROWS):
        asked = int(rng.integers(2))
        prompts.append(f"{' '.join(rng.choice(WORDS, 4))} In {names[asked]}, please.")
        for place, answers in ((asked, chosen), (1 - asked, rejected)):
            answers.append(" ".join([*rng.choice(WORDS, 6), *rng.choice(LANGUAGES[names[place]], 3)]))
    hashes = rng.integers(0, 2**63, ROWS).astype(np.uint64)
    return Pairs(tuple(prompts), tuple(chosen), tuple(rejected), hashes)


def test_what_was_asked_decides_which_words_are_right() -> None:
    pairs = wished()
    model = PreferenceModel.fit(pairs)
    assert (model.margins(pairs) > 0).mean() > 0.95
    assert (model.without_prompts().margins(pairs) > 0).mean() < 0.7


matrices = st.integers(1, 5).flatmap(
    lambda rows: st.tuples(
        *(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=rows, max_size=rows) for _ in range(2))
    )
)


@given(matrices)
def test_rows_are_crossed_as_by_the_outer_product(both: tuple[list[list[int]], list[list[int]]]) -> None:
    one, other = (np.array(rows, dtype=np.float64) for rows in both)
    crossed = _products(scipy.sparse.csr_matrix(one), scipy.sparse.csr_matrix(other)).toarray()
    assert np.array_equal(crossed, np.einsum("ri,rj->rij", one, other).reshape(len(one), -1))


def test_long_texts_are_crossed_by_fewer_words(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = wished()
    whole = Kinds.of(pairs.tokens(), pairs.rows)
    monkeypatch.setattr("poisonguard.detectors.preference_asked.MOST_PRODUCTS", 2_000)
    fewer = Kinds.of(pairs.tokens(), pairs.rows)
    assert 0 < len(fewer.answered.hashes) < len(whole.answered.hashes)
    crossed, _ = fewer.crossed(pairs.tokens(), np.zeros((pairs.rows, 1)))
    assert crossed.nnz <= 2_000
    monkeypatch.setattr("poisonguard.detectors.preference_asked.MOST_PRODUCTS", 0)
    assert len(Kinds.of(pairs.tokens(), pairs.rows).asked.hashes) == 1
