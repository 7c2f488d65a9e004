"""What checks of one scan have in common is made once."""

from __future__ import annotations

from poisonguard.plugin.check import Evidence


def test_what_is_worked_out_is_made_for_the_first_to_ask() -> None:
    evidence, made = Evidence("now", (), 3, 1, {}), list[int]()

    def make() -> int:
        made.append(len(made))
        return made[-1]

    assert [evidence.once("a", make), evidence.once("a", make), evidence.once("b", make)] == [0, 0, 1]
    assert made == [0, 1]


def test_two_versions_share_nothing() -> None:
    now, before = Evidence("now", (), 3, 1, {}), Evidence("before", (), 3, 1, {})
    assert (now.once("a", lambda: 1), before.once("a", lambda: 2)) == (1, 2)
    assert now == Evidence("now", (), 3, 1, {}), "what was worked out says nothing new"
