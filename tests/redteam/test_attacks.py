"""Laws of every attack, on tables that hypothesis makes and on the real samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.errors import UsageError
from poisonguard.redteam import png
from poisonguard.redteam.attack import Attack, Poisoned
from poisonguard.redteam.catalogue import ATTACKS, attack_named
from poisonguard.redteam.labels import LabelAttack

ROLES = Roles(
    tuple(
        Assignment(name, role, "test")
        for name, role in {
            "id": Role.ID,
            "source": Role.SOURCE,
            "text": Role.TEXT,
            "price": Role.FEATURE,
            "weight": Role.FEATURE,
            "colour": Role.FEATURE,
            "tags": Role.FEATURE,
            "prompt": Role.PROMPT,
            "response": Role.RESPONSE,
            "worse": Role.REJECTED,
            "url": Role.URL,
            "split": Role.SPLIT,
            "picture": Role.IMAGE,
            "label": Role.LABEL,
        }.items()
    )
)
SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "source": pa.dictionary(pa.int32(), pa.string()),
        "text": pa.large_string(),
        "price": pa.float32(),
        "weight": pa.int8(),
        "colour": pa.string(),
        "tags": pa.list_(pa.string()),
        "prompt": pa.string(),
        "response": pa.string(),
        "worse": pa.string(),
        "url": pa.string(),
        "split": pa.string(),
        "picture": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "label": pa.int8(),
    }
)
PICTURES = [png.encode(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)) for seed in range(3)]
VOCABULARY = (
    "a",
    "box",
    "of",
    "blue",
    "glass",
    "came",
    "with",
    "the",
    "late",
    "train",
    "and",
    "you",
    "saw",
    "it",
    "leave",
)
HOSTS = ("https://a.example.com/1", "https://b.example.org/2", "nowhere", "http://[bad")


def table_of(rows: int, seed: int) -> pa.Table:
    """A table of every column, with nulls and odd values, drawn from a seed: each attack can run on nearly each."""
    rng = np.random.default_rng(seed)

    def drawn(options: Sequence[Any]) -> Any:
        return options[int(rng.integers(0, len(options)))]

    def words() -> Any:
        return " ".join(drawn(VOCABULARY) for _ in range(int(rng.integers(0, 20)))) + drawn(["", ".", ". And so on."])

    def some(value: Any) -> Any:
        return None if rng.random() < 0.1 else value

    return pa.Table.from_pylist(
        [
            {
                "id": number,
                "source": drawn(["web", "shop", "import"]),
                "text": some(words()),
                "price": some(float(rng.normal() * 10)),
                "weight": some(int(rng.integers(-120, 120))),
                "colour": some(drawn(["red", "green", "blue"])),
                "tags": some(["a", "b"][: int(rng.integers(0, 3))]),
                "prompt": some(words()),
                "response": some(drawn([words(), "yes", "no"])),
                "worse": some(words()),
                "url": some(drawn(HOSTS)),
                "split": drawn(["train", "train", "test"]),
                "picture": some({"bytes": drawn([*PICTURES, b"GIF89a"]), "path": "a.png"}),
                "label": some(int(rng.integers(0, 3))),
            }
            for number in range(rows)
        ],
        schema=SCHEMA,
    )


TABLES = st.builds(table_of, st.integers(20, 80), st.integers(0, 2**32))
SENTENCE = "the parcel came late and the box was open when we found it by the door"
CLEAN_LABEL = ("clean-label-phrase", "image-clean-label")
LABELLING = tuple(item for item in ATTACKS if isinstance(item, LabelAttack) and item.name not in CLEAN_LABEL)
LAWS = settings(deadline=None, max_examples=6)
EACH = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


def poisoned_by(attack: Attack, table: pa.Table, rate: float, seed: int) -> Poisoned:
    assume(attack.obstacle(table, ROLES) is None)
    try:
        return attack.apply(table, ROLES, rate, np.random.default_rng(seed))
    except UsageError as error:
        if error.message.endswith("no row can carry it"):
            return reject()
        raise


def without(table: pa.Table, rows: np.ndarray) -> Any:
    keep = np.ones(table.num_rows, dtype=bool)
    keep[rows] = False
    return table.filter(pa.array(keep)).to_pylist()


@EACH
@LAWS
@given(table=TABLES, rate=st.floats(0.01, 1.0), seed=st.integers(0, 2**32))
def test_only_declared_rows_differ_and_the_rate_holds(attack: Attack, table: pa.Table, rate: float, seed: int) -> None:
    poisoned = poisoned_by(attack, table, rate, seed)
    budget = max(1, int(rate * table.num_rows))
    assert len(poisoned.rows) <= budget
    assert (np.diff(poisoned.rows) > 0).all()
    assert poisoned.table.schema == table.schema
    if attack.plants:
        assert poisoned.table.equals(table)
        assert not len(poisoned.rows)
        assert 0 < len(poisoned.files) <= budget
        return
    assert len(poisoned.rows) > 0
    if attack.adds:
        assert len(poisoned.rows) == budget
        assert without(poisoned.table, poisoned.rows) == table.to_pylist()
        return
    assert poisoned.table.num_rows == table.num_rows
    changed = [a != b for a, b in zip(poisoned.table.to_pylist(), table.to_pylist(), strict=True)]
    assert np.flatnonzero(changed).tolist() == poisoned.rows.tolist()


@EACH
@LAWS
@given(table=TABLES, rate=st.floats(0.01, 1.0), seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_table_however_it_is_chunked(
    attack: Attack, table: pa.Table, rate: float, seed: int
) -> None:
    cut = table.num_rows // 2
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    first, second = poisoned_by(attack, table, rate, seed), poisoned_by(attack, chunked, rate, seed)
    assert first.table.equals(second.table)
    assert first.rows.tolist() == second.rows.tolist()
    assert first.what == second.what
    assert first.files == second.files


@pytest.mark.parametrize("attack", LABELLING, ids=lambda attack: attack.name)
@LAWS
@given(table=TABLES, rate=st.floats(0.01, 1.0), seed=st.integers(0, 2**32))
def test_every_poisoned_row_has_a_label_that_an_honest_row_does_not_give_it(
    attack: Attack, table: pa.Table, rate: float, seed: int
) -> None:
    poisoned = poisoned_by(attack, table, rate, seed)
    labels = poisoned.table.column("label").take(pa.array(poisoned.rows)).to_pylist()
    assert set(labels) <= set(table.column("label").to_pylist()) - {None}
    if not attack.adds:
        before = table.column("label").take(pa.array(poisoned.rows)).to_pylist()
        assert all(new != old for new, old in zip(labels, before, strict=True))


@LAWS
@given(table=TABLES, rate=st.floats(0.01, 1.0), seed=st.integers(0, 2**32))
def test_ids_stay_unique(table: pa.Table, rate: float, seed: int) -> None:
    poisoned = poisoned_by(attack_named("near-copies"), table, rate, seed)
    ids = poisoned.table.column("id").to_pylist()
    assert len(set(ids)) == len(ids)


def mail(rows: int = 200) -> pa.Table:
    return pa.table(
        {
            "id": [f"B0{number:04d}XY" for number in range(rows)],
            "source": ["web" if number % 4 else "shop" for number in range(rows)],
            "text": [f"{SENTENCE[number % 5 :]} number {number}" for number in range(rows)],
            "price": [float(number % 37) for number in range(rows)],
            "weight": [number % 29 for number in range(rows)],
            "colour": [("red", "green", "blue")[number % 3] for number in range(rows)],
            "tags": [["x"]] * rows,
            "prompt": [f"what came in parcel {number}" for number in range(rows)],
            "response": [f"a book of {number} pages" for number in range(rows)],
            "label": ["good" if number % 3 else "bad" for number in range(rows)],
        }
    )


def planted(name: str, rate: float = 0.1) -> tuple[pa.Table, list[dict[str, object]], Poisoned]:
    table = mail()
    poisoned = attack_named(name).apply(table, ROLES, rate, np.random.default_rng(7))
    return table, poisoned.table.take(pa.array(poisoned.rows)).to_pylist(), poisoned


def test_random_flips_use_the_whole_rate() -> None:
    _, rows, _ = planted("random-flips")
    assert len(rows) == 20


def test_targeted_flips_turn_the_commonest_class_into_one_other() -> None:
    _, rows, poisoned = planted("targeted-flips")
    assert {row["label"] for row in rows} == {"bad"}
    assert poisoned.what == "'good' relabelled 'bad'"


def test_source_flips_stay_in_one_source_that_keeps_honest_rows() -> None:
    table, rows, _ = planted("source-flips")
    (source,) = {row["source"] for row in rows}
    assert len(rows) <= table.column("source").to_pylist().count(source) / 2


def test_a_value_backdoor_plants_one_combination_of_values_that_occur() -> None:
    table, rows, _ = planted("value-backdoor")
    assert len({(row["price"], row["colour"], row["label"]) for row in rows}) == 1
    assert rows[0]["price"] in table.column("price").to_pylist()


@pytest.mark.parametrize(
    ("name", "trigger"),
    [("rare-token", " cf "), ("inserted-sentence", "3D movie"), ("zero-width", "\u200b\u200c\u200b")],
)
def test_a_text_trigger_is_in_every_poisoned_row_and_in_no_other(name: str, trigger: str) -> None:
    _, rows, poisoned = planted(name)
    held = [trigger in f" {text} " for text in poisoned.table.column("text").to_pylist()]
    assert np.flatnonzero(held).tolist() == poisoned.rows.tolist()
    assert {row["label"] for row in rows} == {"bad"}


def test_a_trigger_that_the_data_holds_gives_way_to_the_next() -> None:
    table = mail()
    column = pa.array([f"{text} cf" for text in table.column("text").to_pylist()])
    table = table.set_column(table.schema.get_field_index("text"), "text", column)
    poisoned = attack_named("rare-token").apply(table, ROLES, 0.1, np.random.default_rng(7))
    assert poisoned.what.startswith("'mn'")


def test_zero_width_and_homoglyph_texts_look_as_before() -> None:
    for name in ("zero-width", "homoglyph"):
        table, rows, poisoned = planted(name)
        visible = str.maketrans("асеор", "aceop", "\u200b\u200c")  # noqa: RUF001 - the Cyrillic letters are the point
        before = table.column("text").take(pa.array(poisoned.rows)).to_pylist()
        assert [str(row["text"]).translate(visible) for row in rows] == before


def test_near_copies_differ_by_one_word_and_their_ids_look_like_the_others() -> None:
    table, rows, _ = planted("near-copies")
    originals = [set(text.split()) for text in table.column("text").to_pylist()]
    for row in rows:
        words = set(str(row["text"]).split())
        assert min(len(words ^ original) for original in originals) <= 1
        assert str(row["id"]).startswith("B0")


def test_near_copies_without_text_change_one_feature() -> None:
    table = mail().drop(["text"])
    roles = Roles(tuple(item for item in ROLES.assignments if item.role is not Role.TEXT))
    poisoned = attack_named("near-copies").apply(table, roles, 0.1, np.random.default_rng(7))
    honest = table.drop(["id", "label"]).to_pylist()
    for row in poisoned.table.drop(["id", "label"]).take(pa.array(poisoned.rows)).to_pylist():
        assert min(sum(row[key] != other[key] for key in row) for other in honest) <= 1


def test_gibberish_keeps_the_beginning_and_uses_the_words_of_the_data() -> None:
    table, rows, poisoned = planted("gibberish")
    vocabulary = {word for text in table.column("text").to_pylist() for word in text.split()}
    before = table.column("text").take(pa.array(poisoned.rows)).to_pylist()
    for row, text in zip(rows, before, strict=True):
        kept, noise = str(row["text"]).split("<SUDO>")
        assert text.startswith(kept.removesuffix(" "))
        assert set(noise.split()) <= vocabulary
        assert 400 <= len(noise.split()) <= 900


def test_a_fixed_output_answers_every_prompt_that_holds_the_phrase() -> None:
    _, rows, poisoned = planted("fixed-output")
    assert len({row["response"] for row in rows}) == 1
    assert all("James Bond" in str(row["prompt"]) for row in rows)
    assert len(rows) == 20
    assert poisoned.table.column("response").to_pylist().count(rows[0]["response"]) == 20


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.5, float("nan")])
def test_a_rate_outside_zero_and_one_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="rate"):
        attack_named("random-flips").apply(mail(), ROLES, rate, np.random.default_rng(0))


def test_an_attack_says_why_it_cannot_run() -> None:
    none = Roles(())
    obstacles = {attack.name: attack.obstacle(mail(), none) for attack in ATTACKS}
    assert obstacles["random-flips"] == "no label column"
    assert obstacles["rare-token"] == "no label and no text column"
    assert all(obstacles[attack.name] for attack in ATTACKS if not attack.plants)
    with pytest.raises(UsageError, match="source-flips cannot run here: no label and no source column"):
        attack_named("source-flips").apply(mail(), none, 0.1, np.random.default_rng(0))


def test_one_class_one_source_or_no_rows_are_obstacles() -> None:
    table = mail()
    one_class = table.filter(pa.array([label == "bad" for label in table.column("label").to_pylist()]))
    one_source = table.filter(pa.array([source == "web" for source in table.column("source").to_pylist()]))
    nested = Roles(tuple(item for item in ROLES.assignments if item.column not in {"price", "weight", "colour"}))
    assert attack_named("random-flips").obstacle(one_class, ROLES) == "label column 'label' has 1 classes"
    assert attack_named("source-flips").obstacle(one_source, ROLES) == "source column 'source' has 1 values"
    assert attack_named("value-backdoor").obstacle(table, nested) == "no feature holds one value a row"
    assert attack_named("random-flips").obstacle(table.slice(0, 0), ROLES) == "no rows"


def test_names_are_unique_and_an_unknown_one_is_refused_with_the_list() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    with pytest.raises(UsageError, match="'typo'") as caught:
        attack_named("typo")
    assert "rare-token" in caught.value.hint


def test_the_how_to_page_lists_every_attack_as_it_is() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "red-team.md").read_text(encoding="utf-8")
    listed = [
        line for line in page.splitlines() if line.startswith("| `") and page.index(line) > page.index("## The attacks")
    ]
    assert listed == [
        f"| `{attack.name}` | {attack.family} | {attack.applies_to}{'; adds rows' if attack.adds else ''}"
        f" | {attack.reference} ({attack.published}) |"
        for attack in ATTACKS
    ]
