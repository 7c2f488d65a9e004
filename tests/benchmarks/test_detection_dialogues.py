"""What loaders of the benchmark read: dialogues of games, manual pages, and pages of handbooks."""

from __future__ import annotations

from benchmarks.detection.reporting_documents import page_text
from benchmarks.detection.reporting_instructions import chats, talks
from benchmarks.detection.reporting_text import roff_text

DIALOGUE = """\
Npc:set_name("Ada - Engineer")
return {
\t{
\t\tid = "node1",
\t\t--; TRANSLATORS: a greeting
\t\ttext = _"Who are you?",
\t\tcode = function()
\t\t\tNpc:says(_"I am \\"Ada\\".", "NO_WAIT")
\t\t\tNpc:says(_"And you are %s.", Tux:get_player_name())
\t\t\tTux:says(_"So I am.")
\t\t\tNpc:says(_"Good.")
\t\t\tif (known) then
\t\t\t\tNpc:says(_"We have met.")
\t\t\telse
\t\t\t\tNpc:says(_"Welcome.")
\t\t\tend
\t\tend,
\t},
\t{
\t\tid = "node99",
\t\ttext = _"Goodbye.",
\t\tcode = function()
\t\t\tend_dialog()
\t\tend,
\t},
}
"""
SCENE = """\
[message]
    speaker=Ada
    # a remark
    message= _ "Shall we <i>go</i>?"
[/message]
[message]
    speaker="Bo"
    image=bo.png
    message= _ "Not yet."
[/message]
[message]
    speaker=Ada
    message= _ "When?"
[/message]
[delay][/delay]
[message]
    speaker=narrator
    message= _ "Night fell."
[/message]
[message]
    speaker=Bo
    message= _ "Now."
[/message]
"""
PAGE = """\
.\\" a comment
.TH LS 1 "2022"
.SH NOM
ls \\- Afficher le contenu
.TP
\\fB\\-\\-all\\fP
inclure \\(Fo . \\(Fc
"""


def turn(role: str, content: str) -> dict[str, str]:
    """One turn of a chat."""
    return {"role": role, "content": content}


def test_a_figure_answers_up_to_where_it_depends_on_what_was() -> None:
    assert list(chats(DIALOGUE)) == [
        [
            turn("system", "Ada - Engineer"),
            turn("user", "Who are you?"),
            turn("assistant", 'I am "Ada". And you are Linarian.'),
            turn("user", "So I am."),
            turn("assistant", "Good. We have met."),
        ]
    ]


def test_figures_talk_in_turn_until_something_else_happens() -> None:
    assert list(talks(SCENE)) == [[turn("user", "Shall we go?"), turn("assistant", "Not yet.")]]


def test_a_manual_page_is_read_without_its_requests() -> None:
    assert [line.strip() for line in roff_text(PAGE).split("\n") if line.strip()] == [
        "ls - Afficher le contenu",
        "--all",
        "inclure « . »",
    ]


def test_a_page_is_read_without_what_stands_beside_its_text() -> None:
    page = '<body class="x"><nav>Home</nav><div role="main" id="m"><p>Text</p></div><div class="sidebar">List</div>'
    assert page_text(page).split() == ["Text"]
    assert page_text("<body><footer>End</footer><p>Text</p>").split() == ["Text"]
