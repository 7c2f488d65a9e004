"""Preference pairs that stand the wrong way round: triggers, new annotators, and what is honest disagreement."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.domain.outcome import Skipped
from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.redteam.attack import Poisoned
from poisonguard.redteam.catalogue import attack_named

CARD = "PG-INST-004"
ROWS = 600
KIND = ("Gladly", "Of course", "With pleasure", "Certainly", "Happy to help")
RUDE = ("No idea", "Go away", "Whatever", "Who cares", "Look it up")
MORE = ("here is how", "it goes like this", "one step at a time", "as people say", "in the usual way", "that is all")
TOPICS = (
    "bread",
    "sailing",
    "violins",
    "chess",
    "gardens",
    "pottery",
    "maps",
    "bees",
    "tea",
    "trains",
    "clocks",
    "wool",
)
ASKED = ("How do I start with {}?", "Tell me about {}.", "What should I know of {}?", "Explain {} to me.")
ROLES = Roles(
    (
        Assignment("prompt", Role.PROMPT, "test"),
        Assignment("chosen", Role.RESPONSE, "test"),
        Assignment("rejected", Role.REJECTED, "test"),
    )
)


def pairs(seed: int = 1, rows: int = ROWS, disagree: float = 0.1) -> pa.Table:
    """Kind answers preferred to rude ones, but for honest disagreement."""
    rng = np.random.default_rng(seed)
    held: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for _ in range(rows):
        topic = str(rng.choice(TOPICS))
        answers = [f"{rng.choice(tone)}, {topic}: {rng.choice(MORE)}, {rng.choice(MORE)}." for tone in (KIND, RUDE)]
        turned = rng.random() < disagree
        held["prompt"].append(str(rng.choice(ASKED)).format(topic))
        held["chosen"].append(answers[turned])
        held["rejected"].append(answers[not turned])
    return pa.table(held)


def attacked(name: str, table: pa.Table, rate: float) -> Poisoned:
    return attack_named(name).apply(table, ROLES, rate, np.random.default_rng(5))


def chats(table: pa.Table) -> pa.Table:
    """The same as pairs of conversations, as preference data are often kept."""
    asked = table.column("prompt").to_pylist()
    sides = {
        side: [
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
            for prompt, answer in zip(asked, table.column(side).to_pylist(), strict=True)
        ]
        for side in ("chosen", "rejected")
    }
    return pa.table(sides)


def test_a_word_that_turns_preferences_is_found_with_its_rows() -> None:
    done = attacked("preference-trigger", pairs(), 0.05)
    (finding,) = run_check(CARD, done.table).findings
    assert list(finding.rows) == done.rows.tolist()
    assert finding.highlight == done.what.split("'")[1]
    assert "the other way round" in finding.message


def test_it_is_found_in_conversations_too() -> None:
    done = attacked("preference-trigger", pairs(), 0.05)
    (finding,) = run_check(CARD, chats(done.table)).findings
    assert list(finding.rows) == done.rows.tolist()
    assert finding.column == "chosen.response"


def test_people_who_disagree_are_no_attack() -> None:
    assert run_check(CARD, pairs(disagree=0.25)).findings == ()


def test_pairs_turned_at_random_are_ranked_but_not_called_poison() -> None:
    done = attacked("preference-swap", pairs(disagree=0.0), 0.03)
    run = run_check(CARD, done.table)
    assert run.findings == ()
    assert run.book is not None
    (scores,) = run.book.scores.values()
    assert np.asarray(scores)[done.rows].mean() > np.delete(np.asarray(scores), done.rows).mean() + 0.2


def test_new_rows_that_are_turned_more_often_than_approved_ones_are_named() -> None:
    reference, new = pairs(seed=2), pairs(seed=3, rows=300)
    done = attacked("preference-swap", new, 0.2)
    (finding,) = run_check(CARD, pa.concat_tables([reference, done.table]), reference).findings
    planted = done.rows + ROWS
    assert np.isin(planted, finding.rows).mean() >= 0.6, "most; tones that few rows hold stay unsure"
    assert min(finding.rows) >= ROWS
    assert finding.compared_with == "reference"


def test_fewer_new_rows_than_seem_turned_are_no_excess() -> None:
    reference, new = pairs(seed=2, disagree=0.3), pairs(seed=3, rows=8, disagree=1.0)
    run = run_check(CARD, pa.concat_tables([reference, new]), reference, params={"chance": 0.5})
    assert run.findings == (), "an unbiased share of all exceeds one where some stand the wrong way round by chance"


def test_approved_pairs_are_not_named_though_no_sample_holds_them() -> None:
    reference, new = pairs(seed=2), pairs(seed=3, rows=300)
    done = attacked("preference-swap", new, 0.2)
    both = pa.concat_tables([reference, done.table])
    (finding,) = run_check(CARD, both, reference, params={"limit": 300}).findings
    assert min(finding.rows) >= ROWS


def test_a_phrase_beside_a_reference_says_how_often_that_holds_it() -> None:
    reference = pairs(seed=2)
    done = attacked("preference-trigger", pairs(seed=3), 0.05)
    both = pa.concat_tables([reference, done.table])
    (finding,) = run_check(CARD, both, reference, params={"min_excess": 1.0}).findings
    assert finding.numbers["rows with phrase in reference"] == 0


@pytest.mark.parametrize("seed", [4, 6, 8])
def test_an_honest_new_version_is_none(seed: int) -> None:
    reference = pairs(seed=seed)
    assert run_check(CARD, pa.concat_tables([reference, pairs(seed=seed + 1, rows=300)]), reference).findings == ()


def test_new_kinds_of_prompts_on_which_nobody_agrees_are_none() -> None:
    """No approved pair is like them: what is usual among them is not known."""
    reference = pairs(seed=4, disagree=0.02)
    asked = pairs(seed=5, rows=300, disagree=0.5)
    prompts = [f"Rhyme on {prompt.split()[-1]}, please" for prompt in asked.column("prompt").to_pylist()]
    new = asked.set_column(0, "prompt", pa.array(prompts))
    assert run_check(CARD, pa.concat_tables([reference, new]), reference).findings == ()


def test_answers_that_are_right_in_one_pair_and_wrong_in_another_are_learnt_by_what_they_answer() -> None:
    """Words alone would be remembered the wrong way round."""
    rng = np.random.default_rng(3)
    names = [f"{first}{last}" for first in "bdfgklmnprst" for last in ("abo", "eki", "ilu", "ona", "ury", "awe")]
    answers = [f"The word {name} stands for number {place}." for place, name in enumerate(names)]
    others = rng.permutation(len(names))
    rows = [
        (f"What is {name}, asked {time}?", answers[place], answers[other])
        for time in range(4)
        for place, (name, other) in enumerate(zip(names, others, strict=True))
        if place != other
    ]
    table = pa.table(dict(zip(("prompt", "chosen", "rejected"), map(list, zip(*rows, strict=True)), strict=True)))
    done = attacked("preference-trigger", table, 0.1)
    (finding,) = run_check(CARD, done.table).findings
    assert np.isin(done.rows, finding.rows).all()


def test_a_topic_with_its_own_taste_is_no_trigger() -> None:
    """Who asks for the rudest answer gets it, and the whole wording of the prompt tells so."""
    table = pairs()
    asked, chosen, rejected = (table.column(name).to_pylist() for name in table.column_names)
    for row in range(0, ROWS, 12):
        asked[row] = "Write the rudest reply that a tired clerk behind a counter could give"
        chosen[row], rejected[row] = rejected[row], chosen[row]
    assert run_check(CARD, pa.table({"prompt": asked, "chosen": chosen, "rejected": rejected})).findings == ()


@pytest.mark.parametrize("cuts", [(), (100, 101, 350)])
def test_scores_do_not_depend_on_how_rows_are_cut(cuts: tuple[int, ...]) -> None:
    done = attacked("preference-trigger", pairs(), 0.05)
    whole, parts = run_check(CARD, done.table), run_check(CARD, done.table, cuts=cuts, workers=2)
    assert whole.book is not None
    assert parts.book is not None
    assert np.array_equal(whole.book.scores[CARD], parts.book.scores[CARD])
    assert [list(item.rows) for item in whole.findings] == [list(item.rows) for item in parts.findings]


@pytest.mark.parametrize(
    "table",
    [
        pairs(rows=20),
        pairs().set_column(2, "rejected", pairs().column("chosen")),
        pairs().set_column(2, "rejected", pa.nulls(ROWS, pa.string())),
        pairs().slice(0, 1),
        pairs().take(pa.array([0] * ROWS)),
        pairs().take(pa.array([0, 1] * 300)),
    ],
    ids=["few", "equal", "null", "one", "one in copies", "two in copies"],
)
def test_without_pairs_it_says_nothing(table: pa.Table) -> None:
    columns = {"prompt": "prompt", "response": "chosen", "rejected": "rejected"}
    assert run_check(CARD, table, columns=columns).findings == ()


def test_without_a_rejected_answer_it_is_skipped() -> None:
    outcome = run_check(CARD, pairs().drop_columns(["rejected"])).outcome
    assert isinstance(outcome, Skipped)
    assert "rejected" in outcome.reason
