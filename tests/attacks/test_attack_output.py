"""No text from the data or from a document steers a terminal, a CI log, a browser or a spreadsheet."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evidence_fixtures import Captured
from evidence_project import FLIPPED, START, Project, poisonguard

from poisonguard.cli.main import run
from poisonguard.errors import PoisonguardError

HOSTILE = {
    "clears the screen": "\x1b[2J\x1b[H",
    "sets the title": "\x1b]0;passed\x07",
    "writes the clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "links elsewhere": "\x1b]8;;http://evil.example\x07passed\x1b]8;;\x07",
    "asks the terminal": "\x1b[6n\x1bP+q544e\x1b\\",
    "overwrites the line": "FAILED\rPASSED",
    "goes back": "FAILED\b\b\b\b\b\bPASSED",
    "begins a line": "x\nPASSED  reviews  (reviews@1)",
    "uses a C1 control": "\x9b2J\x85\x90",
    "reverses text": "\u202etxt.exe\u2066",
    "hides in nothing": "pass\u200bed\u2060\ufeff\u00ad",
    "tags": "\U000e0068\U000e0069",
    "breaks a line in Unicode": "a\u2028b\u2029c",
    "commands GitHub": "::error file=a::owned",
    "sets a variable of GitHub": "\n::set-env name=PATH::evil\n::add-mask::a",
    "stops GitHub's commands": "::stop-commands::x",
    "commands GitHub the old way": "##[error]owned",
    "commands Azure": "##vso[task.complete result=Succeeded;]DONE",
    "commands TeamCity": "##teamcity[buildStatus status='SUCCESS']",
    "is a script": "<script>alert(1)</script>",
    "is an image": '"><img src=x onerror=alert(1)>',
    "closes the title": "</title></style></textarea><svg/onload=alert(1)>",
    "is a template": "{{ 7*7 }}{% raise %}${7*7}",
    "is a link": "[x](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "mentions somebody": "@everyone #1 <!-- -->",
    "breaks a table": "a|b\n|---|\n`` ` ``",
    "is a formula": '=HYPERLINK("http://evil.example";A1)',
    "is a formula behind a tab": "\t=1+1",
    "is a command of a spreadsheet": "@SUM(1+1)*cmd|' /C calc'!A0",
    "is rich markup": "[bold red]x[/][link=http://evil.example]y",
    "is a format": "%s %n {0} {x!r} $HOME `id` $(id)",
    "ends XML": "]]><x/>&evil;",
    "is DEL": "\x7f\x7f",
}
CODE = re.compile(r"(`+)[^`].*?\1", re.DOTALL)
"""Code spans of Markdown, in which nothing has a meaning."""
COMMAND = re.compile(r"^\s*::|##\[|##[a-z]+\[", re.MULTILINE)


def steers(text: str) -> str:
    """What in a text for a terminal or log would steer it; nothing when all is well."""
    hidden = next((character for character in text if not character.isprintable() and character not in "\n\u3000"), "")
    found = COMMAND.search(text)
    return repr(hidden) if hidden else found[0] if found else ""


class Page(HTMLParser):
    """Notes every element, attribute and address of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in {"href", "src"}}


def check_report(path: Path) -> None:
    """Whether a report harms no reader of its kind."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".json", ".sarif", ".jsonl"}:
        assert not steers(text)
        assert text.isascii()
        for line in text.splitlines() if path.suffix == ".jsonl" else [text]:
            json.loads(line)
    elif path.suffix == ".csv":
        assert not steers(text)
        for row in csv.reader(text.splitlines()):
            assert not [cell for cell in row if cell.startswith(tuple("=+@\t\r"))]
    elif path.suffix == ".html":
        page = Page(text)
        assert not page.elements & {"script", "img", "iframe", "object", "embed", "form", "base", "link"}
        assert not [name for name in page.attributes if name.startswith("on")]
        assert not [item for item in page.addresses if item.startswith("javascript:") or "evil.example" in item]
        assert "default-src 'none'" in text
        assert not {character for character in text if not character.isprintable()} - {"\n", "\u3000"}
    else:
        assert not steers(text)
        if path.suffix == ".xml":
            ET.fromstring(text)  # noqa: S314 - our own report
        else:
            assert not re.search(r"(?<!\\)<(script|img|svg)", CODE.sub("", text))


REPORTS = ("r.json", "r.sarif", "r.xml", "r.md", "r.html")
ROWS = 90


def scan(capsys: Captured, *more: str) -> Iterator[tuple[str, str]]:
    """Scan ``data`` and give all that was printed, in every way to print it; reports lie in the working folder."""
    files = [word for name in REPORTS for word in ("--report", name)]
    files += ["--flagged", "flagged.csv", "--scores", "scores.jsonl"]
    for number, form in enumerate(("table", "json", "markdown", "sarif", "junit")):
        code = run(["scan", "data", "--no-progress", "-f", form, *more, *([] if number else files)])
        printed = capsys.readouterr()
        assert code in {0, 1, 2, 3, 4}, printed.err
        assert "bug" not in printed.err
        yield form, printed.out + printed.err


def check_scan(capsys: Captured, *more: str) -> None:
    for form, printed in scan(capsys, *more):
        assert not steers(printed), form
    for path in (*map(Path, REPORTS), Path("flagged.csv"), Path("scores.jsonl")):
        if path.exists():
            check_report(path)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_no_value_steers_whoever_reads_the_report(data: Path, capsys: Captured) -> None:
    """Every hostile text as a value, in rows that are reported: copies, rare classes, hidden text."""
    texts = list(HOSTILE.values())
    rows = {
        "label": [texts[row % len(texts)] if row % 3 else "ok" for row in range(ROWS)],
        "text": [f"{texts[row % len(texts)]} and more words for row {row // 4}" for row in range(ROWS)],
        "source": [texts[row % 7] for row in range(ROWS)],
        "id": [f"{texts[row % len(texts)]}{row}" for row in range(ROWS)],
    }
    pq.write_table(pa.table(rows), data / "a.parquet")
    check_scan(capsys, "--column", "label=label", "--column", "text=text", "--pack", "baseline", "--pack", "text")


def test_no_column_s_name_steers_whoever_reads_the_report(data: Path, capsys: Captured) -> None:
    pq.write_table(pa.table({name: list(range(ROWS)) for name in HOSTILE.values()}), data / "a.parquet")
    check_scan(capsys)


def test_no_file_s_name_steers_whoever_reads_the_report(data: Path, capsys: Captured) -> None:
    """Names that discovery lets pass: what can be printed, or hides without a control character."""
    table = pa.table({"id": [1, 1, 2], "label": ["a", "b", "a"]})
    written = 0
    for number, name in enumerate(HOSTILE.values()):
        if "/" not in name and not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", name):
            pq.write_table(table, data / f"{name}{number}.parquet")
            written += 1
    assert written > 10
    check_scan(capsys)


def steered_by_nothing(capsys: Captured, commands: Iterable[tuple[str, ...]]) -> None:
    """Run commands, whatever they answer: none of them prints what steers a terminal or a CI system."""
    for arguments in commands:
        code = poisonguard(*arguments)
        printed = capsys.readouterr()
        assert code != 70, (arguments, printed.err)
        assert not steers(printed.out + printed.err), arguments


@pytest.mark.parametrize("name", HOSTILE)
def test_no_dataset_s_name_steers_anything(project: Project, capsys: Captured, name: str) -> None:
    """Signed under a hostile name, and shown by everything that shows it."""
    text = HOSTILE[name]
    commands = [
        ("sign", "reviews", "--name", text, "--key", project.key("pub")),
        ("versions",),
        ("versions", "-f", "json"),
        ("versions", text),
        ("log", "show"),
        ("log", "show", "-f", "json"),
        ("approve", text, "--key", project.key("ann"), "--reason", "looked"),
        ("gate", "reviews", "--name", text),
        ("gate", "reviews", "--name", text, "-f", "json"),
        ("gate", "reviews", "--version", text),
        ("bundle", "export", text, "-o", "out.pgbundle"),
    ]
    steered_by_nothing(capsys, commands)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_words_of_a_person_steer_anything(project: Project, capsys: Captured, name: str) -> None:
    """Reasons, purposes and justifications are signed as they are, and shown so that they do no harm."""
    text = HOSTILE[name]
    project.publish(findings=[FLIPPED])
    finding = FLIPPED.fingerprint
    commands = [
        ("approve", "reviews", "--key", project.key("ann"), "--reason", text, "--waive", f"{finding}={text}"),
        ("approve", "reviews", "--key", project.key("ann"), "--reason", "x", "--purpose", text),
        ("reject", "reviews", "--key", project.key("bob"), "--reason", text),
        ("versions",),
        ("versions", "reviews@1"),
        ("versions", "reviews@1", "-f", "json"),
        ("gate", "reviews"),
        ("gate", "reviews", "--purpose", text),
        ("gate", "reviews", "--purpose", text, "-f", "json"),
    ]
    steered_by_nothing(capsys, commands)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_finding_steers_whoever_approves(project: Project, capsys: Captured, name: str) -> None:
    """A finding's subject is a value from the data; a steward reads it right before signing."""
    from dataclasses import replace

    text = HOSTILE[name]
    project.publish(findings=[replace(FLIPPED, subject=text, message=text)])
    commands = [
        ("approve", "reviews", "--key", project.key("ann"), "--reason", "looked"),
        ("gate", "reviews"),
        ("gate", "reviews", "-f", "json"),
        ("versions", "reviews@1"),
    ]
    steered_by_nothing(capsys, commands)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_argument_comes_back_raw(project: Project, capsys: Captured, name: str) -> None:
    """What a script passes on from the data, and an error repeats."""
    text = HOSTILE[name]
    for arguments in (
        ("scan", text),
        ("gate", text),
        ("gate", "reviews", "--trust", text),
        ("gate", "reviews", "--bundle", text),
        ("gate", "reviews", "--policy", text),
        ("gate", "reviews", "--min-version", text),
        ("sign", text, "--key", text),
        ("scan", "reviews", "--column", text),
        ("scan", "reviews", "--pack", text),
        ("keys", "show", text),
        ("trust", "update", text),
        ("checks", "show", text),
        ("verify", text, "--oms", text, "--public-key", text),
        (text,),
        ("gate", f"--{text}"),
    ):
        code = poisonguard(*arguments)
        printed = capsys.readouterr()
        assert code != 70, (arguments, printed.err)
        assert code != 0 or "checks" in arguments
        assert not steers(printed.out + printed.err), arguments
        assert printed.err.count("\n") <= 2, arguments


@pytest.mark.parametrize("name", HOSTILE)
def test_a_person_s_name_is_plain(project: Project, name: str) -> None:
    """A name that hides anything is refused when it enters the trust root, before anybody prints it."""
    from poisonguard.workflow import trust_root

    text = HOSTILE[name]
    request = project.request()
    people = dict(request.people) | {text: (project.keys["mallory"].public,)}
    fresh = project.folder / "fresh"
    fresh.mkdir()
    from dataclasses import replace

    try:
        trust_root.init(fresh, replace(request, people=people), [project.keys["olga"]], START)
    except PoisonguardError:
        return
    assert text.isprintable()
