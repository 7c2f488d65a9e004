"""Documentation cannot rot: what pages say is what the code says, paths exist, commands run and print what is shown."""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml
from docs_pages import ELSEWHERE, PAGES, ROOT, Done, Page, agrees, prepare, rewrite, run

from poisonguard.attest.times import parse_duration
from poisonguard.cli.main import COMMANDS, cli
from poisonguard.dataset.pictures import SUFFIXES
from poisonguard.dataset.sniff import COMPRESSED, DECLARED
from poisonguard.domain.roles import Role
from poisonguard.errors import PoisonguardError
from poisonguard.plugin.card import checks_folder
from poisonguard.policy import load as policy_file
from poisonguard.policy.builtin import builtin_policy_text, default_policy
from poisonguard.policy.load import load_policy
from poisonguard.reports.formats import EXTENSIONS
from poisonguard.reports.rowfile import SCHEMA
from poisonguard.workflow.settings import DatasetSettings, Settings

REWRITE = os.environ.get("UPDATE_GOLDEN") == "1"
ALL = [Page(path) for path in PAGES]
RUNNABLE = [page for page in ALL if page.steps]
REFERENCE = ROOT / "docs" / "reference"

CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
OTHERS_OPTIONS = {"--conf", "--help", "--version"}
"""Options of Airflow and of click itself."""


def named(page: Page) -> str:
    return page.name


def module(name: str) -> ModuleType:
    """A script of ``docs/``, as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


generate = module("generate")
picture = module("picture")

every_page = pytest.mark.parametrize("page", ALL, ids=named)


# What runs


@pytest.mark.parametrize("first", [page for page in RUNNABLE if page.before is None], ids=named)
def test_every_command_does_what_the_page_says(first: Page, tmp_path: Path) -> None:
    """One test for pages that go on from one another, so that each is followed once, whoever runs the tests."""
    folder = tmp_path / "work"
    prepare(folder)
    wrong = list(follow(first, folder))
    assert not wrong, "\n\n".join(wrong)


def follow(page: Page, folder: Path) -> Iterator[str]:
    """Do what a page says, and from where it ends, each on a copy, what the pages after it say; every problem."""
    ran = run(page, folder)
    wrong = [problem for done in ran for problem in problems(page, done)]
    yield from wrong
    if page.path.name == "README.md":
        yield from picture_problems(ran)
    if REWRITE and not wrong:
        rewrite(page, ran)
    for other in RUNNABLE:
        if other.before == page:
            copy = folder.with_name(other.path.stem)
            shutil.copytree(folder, copy)
            yield from follow(other, copy)


def problems(page: Page, done: Done) -> Iterator[str]:
    """How a step differs from what its page says."""
    step, printed = done.step, "\n".join(done.lines)
    if done.exit_code != step.exit_code:
        yield f"{page.name}:{step.line}: exit code {done.exit_code}, not {step.exit_code}: {step.script}\n{printed}"
    elif not REWRITE and not agrees(step.shown, done.lines):
        shown = "\n".join(step.shown)
        yield f"{page.name}:{step.first} (UPDATE_GOLDEN=1 rewrites it) shows:\n{shown}\nbut it prints:\n{printed}"


def picture_problems(ran: tuple[Done, ...]) -> Iterator[str]:
    """Lines of the picture that the scan does not print."""
    done = next(item for item in ran if item.step.script.startswith(picture.SHOWN))
    shown = picture.text_of((ROOT / picture.PICTURE).read_text(encoding="utf-8"))
    printed = {*done.lines, picture.CUT, f"$ {picture.SHOWN}"}
    if not printed.issuperset(shown):
        yield f"{picture.PICTURE} (docs/picture.py draws it) shows {[line for line in shown if line not in printed]}"


@pytest.mark.parametrize("start", sorted(ELSEWHERE))
def test_what_is_run_elsewhere_is_still_shown(start: str) -> None:
    shown = [line for page in ALL for block in page.blocks if block.language == "console" for line in block.lines]
    assert any(line.startswith(f"$ {start}") for line in shown)


@every_page
def test_commands_stand_in_blocks_that_are_run(page: Page) -> None:
    languages = {block.language for block in page.blocks if block.file is None}
    assert not languages & {"sh", "bash", "shell", "zsh"}, "write ```console and `$ command`"
    for block in page.blocks:
        if block.language == "console":
            assert block.lines[0].startswith("$ "), f"{page.name}:{block.first}"


@every_page
def test_quoted_files_are_quoted_rightly(page: Page) -> None:
    for block in page.blocks:
        source = ROOT / (block.file or "?")
        if source.is_file():
            lines = source.read_text(encoding="utf-8").splitlines()
            strange = [line for line in block.lines if line != "..." and line not in lines]
            assert strange == [], f"{page.name}:{block.first} is not what {block.file} says"


# What is named


@every_page
def test_links_lead_somewhere(page: Page) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)]*)?\)", page.prose):
        if "://" in target:
            continue
        path = page.path.parent / target if target else page.path
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in map(slug, headings), f"{page.name} links to {target}{anchor}"


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@every_page
def test_paths_in_backticks_exist(page: Page) -> None:
    pattern = r"`((?:poisonguard|checks|docs|tests|sample_data|examples|benchmarks)/[\w./-]+)`"
    for path in re.findall(pattern, page.text):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


@every_page
def test_commands_and_options_in_backticks_exist(page: Page) -> None:
    for code in CODE.findall(page.prose):
        if code.startswith("poisonguard "):
            known_command(code)
        known = benchmark_options(code) or options() | OTHERS_OPTIONS
        for option in OPTION.findall(code):
            assert option in known, f"{page.name} names {option}"


def benchmark_options(code: str) -> set[str]:
    """What the source of a benchmark adds as options; none of what is no benchmark's command line."""
    module = re.match(r"python (?:-m (benchmarks[\w.]*)|(benchmarks/\w+)\.py)", code)
    if module is None:
        return set()
    place = ROOT / (module[2] or module[1].replace(".", "/"))
    sources = [place.with_suffix(".py")] if place.with_suffix(".py").is_file() else sorted(place.glob("*.py"))
    added = (re.findall(r'"(--[a-z-]+)"', source.read_text(encoding="utf-8")) for source in sources)
    return {"--help"}.union(*added)


def known_command(code: str) -> None:
    """Fail unless ``code`` begins with a command."""
    words = [word for word in code.split()[1:] if re.fullmatch(r"[a-z]+", word)]
    command: click.Command | None = cli
    for word in words:
        if not isinstance(command, click.Group):
            return
        command = command.get_command(click.Context(command), word)
        assert command is not None, f"there is no {code}"


@cache
def options() -> frozenset[str]:
    """Every option of every command."""
    return frozenset(option for name in COMMANDS for option in _options(cli.get_command(click.Context(cli), name)))


def _options(command: click.Command | None) -> list[str]:
    assert command is not None
    own = [option for item in command.params for option in (*item.opts, *item.secondary_opts)]
    children = command.commands.values() if isinstance(command, click.Group) else ()
    return [*own, *(option for child in children for option in _options(child))]


def test_the_index_leads_to_every_page() -> None:
    """The page of a check by way of the list of checks."""
    index, checks = Page(ROOT / "docs" / "index.md"), Page(REFERENCE / "checks.md")
    linked = {
        (page.path.parent / target).resolve()
        for page in (index, checks)
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.text)
    }
    missing = [page.name for page in ALL if page.path not in linked and page.path != index.path]
    assert missing == []


# What is said


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_reference_pages_are_what_the_code_says(name: str) -> None:
    made = (REFERENCE / name).read_text(encoding="utf-8")
    assert made == generate.PAGES[name](), "run `make docs`"


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, backticks stripped from the first."""
    text = (REFERENCE / page).read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def first_cells(page: str, heading: str) -> list[str]:
    return [row[0].strip("`") for row in table(page, heading)]


def test_the_policy_page_names_every_member() -> None:
    waivers = [f"waivers.{name}" for name in policy_file._Waivers.model_fields]
    members = [name for name in policy_file._PolicyFile.model_fields if name != "waivers"]
    assert first_cells("policy.md", "Members") == [*members, *waivers]


def test_the_policy_page_states_the_defaults() -> None:
    fields = {**policy_file._PolicyFile.model_fields}
    fields |= {f"waivers.{name}": field for name, field in policy_file._Waivers.model_fields.items()}
    for name, default, *_ in table("policy.md", "Members"):
        field = fields[name.strip("`")]
        assert default == ("required" if field.is_required() else f"`{shown(field.default)}`"), name


def shown(value: object) -> str:
    return str(getattr(value, "value", value))


def test_the_policy_page_holds_the_built_in_policy(tmp_path: Path) -> None:
    text = (REFERENCE / "policy.md").read_text(encoding="utf-8")
    assert f"```yaml\n{builtin_policy_text()}```" in text
    path = tmp_path / "policy.yaml"
    path.write_text(builtin_policy_text())
    assert load_policy(path) == default_policy()


def test_the_policy_page_is_right_about_durations() -> None:
    for text in re.findall(r"`(\d+[smhdw])`", (REFERENCE / "policy.md").read_text(encoding="utf-8")):
        assert parse_duration(text)


def test_the_formats_page_names_every_extension() -> None:
    cells = " ".join(" ".join(row) for row in table("formats.md", "Input"))
    assert set(re.findall(r"`(\.\w+)`", cells)) == {*DECLARED, *COMPRESSED, *SUFFIXES}


def test_the_formats_page_names_every_report() -> None:
    assert first_cells("formats.md", "Reports") == list(EXTENSIONS)


def test_the_formats_page_names_every_column_of_row_files() -> None:
    assert [row[:2] for row in table("formats.md", "Row files")] == [[f"`{f.name}`", str(f.type)] for f in SCHEMA]


def test_the_formats_page_names_every_exit_code() -> None:
    codes = {kind.exit_code for kind in generate._kinds(PoisonguardError)} | {0, 1}
    assert {int(cell) for cell in first_cells("formats.md", "Exit codes")} == codes


def test_the_formats_page_names_every_role() -> None:
    assert first_cells("formats.md", "Column roles") == [role.value for role in Role]


def test_the_formats_page_names_every_setting() -> None:
    names = [
        *DatasetSettings.model_fields,
        *(name for name in Settings.model_fields if name not in DatasetSettings.model_fields),
    ]
    assert sorted(first_cells("formats.md", "Settings")) == sorted(names)


def test_the_readme_names_every_check() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    cards = {path.stem for path in (checks_folder() / "cards").glob("*.yaml")}
    assert set(re.findall(r"PG-[A-Z]+-\d{3}", text)) >= cards


def test_the_example_policies_are_valid(tmp_path: Path) -> None:
    for page in ALL:
        for block in page.blocks:
            if block.language == "yaml" and (block.file or "").startswith("policy"):
                path = tmp_path / "policy.yaml"
                path.write_text("\n".join(block.lines))
                assert load_policy(path).name
                assert yaml.safe_load(path.read_text())
