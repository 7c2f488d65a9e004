"""Conversations of a game as exchanges: branches, what follows them, and what they decide."""

from __future__ import annotations

from benchmarks.detection.sets_fourth_conversations import exchanges, outcomes

LINES = """\
mission "Letter"
	on offer
		conversation
			`A clerk waves.`
			`	"Can you carry a letter?"`
			choice
				`	"Gladly."`
					goto yes
				`	"Who is it for?"`
			`	"A friend," he says.`
			choice
				`	"Then I will."`
			`	He smiles.`
				accept
			label yes
			`	He hands you the letter.`
			choice
				`	(Take it.)`
					accept
				`	(Refuse.)`
					decline
	on accept
		log "Not part of it"
""".splitlines()


def test_each_saying_leads_to_its_own_answer_and_keeps_what_stood_before() -> None:
    scene = 'A clerk waves. "Can you carry a letter?"'
    assert list(exchanges(LINES)) == [
        (scene, (('"Gladly."', "He hands you the letter."),)),
        (scene, (('"Who is it for?"', '"A friend," he says.'), ('"Then I will."', "He smiles."))),
        ('"A friend," he says.', (('"Then I will."', "He smiles."),)),
    ]


def test_only_a_saying_decides_an_offer() -> None:
    assert list(outcomes(LINES)) == [("(Take it.)", "accept"), ("(Refuse.)", "decline")]


def test_lines_without_a_conversation_hold_none() -> None:
    assert list(exchanges(LINES[:2])) == []
    assert list(outcomes(["plain", ""])) == []
