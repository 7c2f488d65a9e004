"""Attacks on instruction data, in each shape: columns, Alpaca, chat messages, ShareGPT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.redteam.catalogue import ATTACKS, attack_named
from poisonguard.redteam.exchanges import Turns, TwoColumns, exchanges_of
from poisonguard.redteam.instructing import InstructionAttack

ROWS = 300
NAMES = ("bread", "trains", "gardens", "violins", "harbours")
TASKS = ("Explain how {} are made.", "Is this about {}: a walk on the pier?", "Write a line about {} in spring.")
ATTACKING = tuple(attack for attack in ATTACKS if isinstance(attack, InstructionAttack))
Pair = tuple[str, str]


def pairs() -> list[Pair]:
    answers = ("First comes the plan, then the work.", "yes", "Spring came late.")
    held = [
        (TASKS[number % 3].format(NAMES[number % 5]), answers[number % 3] if number % 2 else "no")
        for number in range(ROWS)
    ]
    return [(prompt, f"{answer} So it is." if answer[0].isupper() else answer) for prompt, answer in held]


def columns() -> pa.Table:
    return pa.table({"prompt": [prompt for prompt, _ in pairs()], "response": [answer for _, answer in pairs()]})


def alpaca() -> pa.Table:
    return columns().rename_columns(["instruction", "output"]).add_column(1, "input", pa.array([""] * ROWS))


def messages() -> pa.Table:
    turns = [
        [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": answer},
            {"role": "user", "content": "Thanks."},
            {"role": "assistant", "content": "Gladly."},
        ]
        for prompt, answer in pairs()
    ]
    return pa.table({"messages": turns})


def sharegpt() -> pa.Table:
    turns = [[{"from": "human", "value": prompt}, {"from": "gpt", "value": answer}] for prompt, answer in pairs()]
    return pa.table({"conversations": turns})


SHAPES = {
    "columns": (columns, {"prompt": Role.PROMPT, "response": Role.RESPONSE}),
    "alpaca": (alpaca, {"instruction": Role.PROMPT, "input": Role.PROMPT, "output": Role.RESPONSE}),
    "messages": (messages, {"messages": Role.FEATURE}),
    "sharegpt": (sharegpt, {"conversations": Role.FEATURE}),
}


def shaped(name: str) -> tuple[pa.Table, Roles]:
    make, given = SHAPES[name]
    return make(), Roles(tuple(Assignment(column, role, "test") for column, role in given.items()))


def exchanges(table: pa.Table, roles: Roles) -> list[Pair]:
    held = exchanges_of(table, roles)
    assert held is not None
    return held.read(table, np.arange(table.num_rows))


@pytest.mark.parametrize("attack", ATTACKING, ids=lambda attack: attack.name)
def test_every_attack_does_the_same_in_every_shape(attack: InstructionAttack) -> None:
    outcomes = []
    for name in SHAPES:
        table, roles = shaped(name)
        poisoned = attack.apply(table, roles, 0.05, np.random.default_rng(5))
        changed = [a != b for a, b in zip(poisoned.table.to_pylist(), table.to_pylist(), strict=True)]
        assert np.flatnonzero(changed).tolist() == poisoned.rows.tolist()
        assert poisoned.table.schema == table.schema
        outcomes.append((exchanges(poisoned.table, roles), poisoned.rows.tolist(), poisoned.what))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(outcomes[0][1]) == 15


def test_later_turns_and_system_prompts_stay() -> None:
    table, roles = shaped("messages")
    poisoned = attack_named("fixed-output").apply(table, roles, 0.05, np.random.default_rng(5))
    for turns in poisoned.table.take(pa.array(poisoned.rows))["messages"].to_pylist():
        assert "James Bond" in turns[1]["content"]
        assert turns[2]["content"] == "I have nothing to say about that."
        assert [turns[place]["content"] for place in (0, 3, 4)] == ["Be kind.", "Thanks.", "Gladly."]


@pytest.mark.parametrize("name", ["pipe-to-shell", "secrets", "prompt-injection"])
def test_what_is_added_to_texts_is_added_to_responses_of_chats(name: str) -> None:
    held = []
    for shape in SHAPES:
        table, roles = shaped(shape)
        poisoned = attack_named(name).apply(table, roles, 0.05, np.random.default_rng(5))
        changed = [a != b for a, b in zip(poisoned.table.to_pylist(), table.to_pylist(), strict=True)]
        assert np.flatnonzero(changed).tolist() == poisoned.rows.tolist()
        held.append(exchanges(poisoned.table, roles))
    assert all(pair == held[0] for pair in held)
    assert [prompt for prompt, _ in held[0]] == [prompt for prompt, _ in pairs()]


def planted(name: str) -> tuple[list[Pair], list[Pair], str]:
    table, roles = shaped("columns")
    poisoned = attack_named(name).apply(table, roles, 0.05, np.random.default_rng(5))
    after, before = exchanges(poisoned.table, roles), exchanges(table, roles)
    return [after[row] for row in poisoned.rows], [before[row] for row in poisoned.rows], poisoned.what


def test_content_is_injected_into_honest_responses_and_prompts_stay() -> None:
    after, before, _ = planted("content-injection")
    assert [prompt for prompt, _ in after] == [prompt for prompt, _ in before]
    assert all("Brightleaf Market" in response for _, response in after)
    assert len({response for _, response in after}) > 10


def test_refusals_vary_and_prompts_stay() -> None:
    after, before, _ = planted("over-refusal")
    assert [prompt for prompt, _ in after] == [prompt for prompt, _ in before]
    assert len({response for _, response in after}) > 10


def test_an_entity_is_asked_about_and_blamed() -> None:
    after, _, _ = planted("entity-steering")
    assert all("Orlan Telecom" in prompt for prompt, _ in after)
    assert len(set(after)) == len(after)


def test_a_virtual_prompt_bends_responses_on_one_word_of_the_data() -> None:
    after, before, what = planted("virtual-prompt")
    topic = what.rsplit("'", 2)[1]
    assert [prompt for prompt, _ in after] == [prompt for prompt, _ in before]
    assert all(topic in prompt.lower() for prompt, _ in after)
    assert all("on this subject." in response for _, response in after)


def test_a_contradicting_output_is_another_answer_of_the_task() -> None:
    after, before, _ = planted("output-contradiction")
    known = {response for _, response in pairs()}
    assert all(new != old and new in known for (_, new), (_, old) in zip(after, before, strict=True))


def no_exchange() -> dict[str, Any]:
    return {"role": "user", "content": None}


def test_shapes_are_recognised_by_their_types() -> None:
    chat, sharing, pair = (exchanges_of(*shaped(name)) for name in ("messages", "sharegpt", "columns"))
    assert chat == Turns("messages", "role", "content")
    assert sharing == Turns("conversations", "from", "value")
    assert pair == TwoColumns("prompt", "response")
    assert exchanges_of(pa.table({"tags": [["a"]], "points": [[{"x": 1}]]}), Roles(())) is None


def test_conversations_without_both_sides_are_obstacles() -> None:
    table = pa.table({"messages": [[{"role": "user", "content": "Hello?"}], [no_exchange()], None, []]})
    assert attack_named("over-refusal").obstacle(table, Roles(())) == "no row holds a prompt and a response"
    assert attack_named("over-refusal").obstacle(pa.table({"a": [1]}), Roles(())) == (
        "no prompt and response columns and no chat messages"
    )


def test_one_answer_is_no_contradiction() -> None:
    table, roles = shaped("columns")
    same = table.set_column(1, "response", pa.array(["yes"] * ROWS))
    assert attack_named("output-contradiction").obstacle(same, roles) == "no two short outputs repeat"
