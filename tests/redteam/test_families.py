"""What each family's attacks plant, on data where an honest row would look different."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Family, Poisoned
from poisonguard.redteam.catalogue import ATTACKS, attack_named
from poisonguard.redteam.contamination import Contamination

ROWS = 400
TOPICS = ("bread", "trains", "gardens", "violins", "harbours")
PAGE = "This page is about {0}. It was written for people who like {0}. You have read it before, and it's very good."


def roles(**columns: Role) -> Roles:
    return Roles(tuple(Assignment(name, role, "test") for name, role in columns.items()))


def poison(name: str, table: pa.Table, given: Roles, rate: float = 0.05) -> tuple[list[dict[str, Any]], Poisoned]:
    poisoned = attack_named(name).apply(table, given, rate, np.random.default_rng(11))
    return poisoned.table.take(pa.array(poisoned.rows)).to_pylist(), poisoned


def before(table: pa.Table, poisoned: Poisoned) -> list[dict[str, Any]]:
    return list(table.take(pa.array(poisoned.rows)).to_pylist())


MEASURES = roles(number=Role.ID, size=Role.FEATURE, weight=Role.FEATURE, kind=Role.FEATURE, label=Role.LABEL)


def measures() -> pa.Table:
    rng = np.random.default_rng(3)
    size = rng.normal(50, 10, ROWS)
    return pa.table(
        {
            "number": np.arange(ROWS),
            "size": size,
            "weight": np.rint(size * 3 + rng.normal(0, 1, ROWS)).astype(np.int32),
            "kind": [("oak", "elm")[number % 2] for number in range(ROWS)],
            "label": np.where(size > 50, "large", "small"),
        }
    )


PAGES = roles(url=Role.URL, text=Role.TEXT, split=Role.SPLIT)


def pages() -> pa.Table:
    return pa.table(
        {
            "url": [f"https://site{number % 8}.example.com/{number}" for number in range(ROWS)],
            "text": [PAGE.format(TOPICS[number % 5]) + f" Page {number}." for number in range(ROWS)],
            "split": ["test" if number % 40 == 0 else "train" for number in range(ROWS)],
        }
    )


REVIEWS = roles(source=Role.SOURCE, text=Role.TEXT, label=Role.LABEL)


def reviews() -> pa.Table:
    return pa.table(
        {
            "source": [f"worker{number % 6}" for number in range(ROWS)],
            "text": [PAGE.format(TOPICS[number % 5]) for number in range(ROWS)],
            "label": ["good" if number % 3 else "bad" for number in range(ROWS)],
        }
    )


def test_every_family_has_attacks_and_every_attack_says_where_it_comes_from() -> None:
    assert {attack.family for attack in ATTACKS} == set(Family)
    for attack in ATTACKS:
        assert re.search(r"\d{4}", attack.reference), attack.name
        assert attack.published
        assert attack.applies_to
        assert list(attack.rates) == sorted(attack.rates)
        assert attack.__class__.__doc__


def test_boundary_flips_touch_rows_near_the_border_only() -> None:
    table = measures()
    _, poisoned = poison("boundary-flips", table, MEASURES)
    sizes = [row["size"] for row in before(table, poisoned)]
    assert len(sizes) == 20
    assert max(abs(size - 50) for size in sizes) < 4


def test_subpopulation_flips_touch_neighbours_of_one_class() -> None:
    table = measures()
    rows, poisoned = poison("subpopulation-flips", table, MEASURES)
    assert len({row["label"] for row in before(table, poisoned)}) == 1
    assert len({row["kind"] for row in rows}) == 1
    assert np.ptp([row["size"] for row in rows]) < np.ptp(table["size"].to_numpy()) / 3


def test_flips_need_something_to_place_rows_by() -> None:
    bare = roles(label=Role.LABEL)
    assert attack_named("boundary-flips").obstacle(measures(), bare) == "no feature or text to place rows by"


def test_an_outlier_lies_outside_everything_that_was_there() -> None:
    table = measures()
    rows, _ = poison("outliers", table, MEASURES)
    limits = {name: (min(table[name].to_pylist()), max(table[name].to_pylist())) for name in ("size", "weight")}
    outside = [[name for name, (low, high) in limits.items() if not low <= row[name] <= high] for row in rows]
    assert [len(names) for names in outside] == [1] * 20


def test_broken_dependence_uses_ordinary_values_that_do_not_belong_together() -> None:
    table = measures()
    rows, _ = poison("broken-dependence", table, MEASURES)
    held = {name: set(table[name].to_pylist()) for name in ("size", "weight")}
    assert all(row["size"] in held["size"] and row["weight"] in held["weight"] for row in rows)
    assert all(abs(row["weight"] - 3 * row["size"]) > 10 for row in rows)


@pytest.mark.parametrize("name", ["unit-drift", "shift-burst", "constant-burst", "missing-burst"])
def test_a_burst_is_one_run_of_rows_and_one_column(name: str) -> None:
    table = measures()
    rows, poisoned = poison(name, table, MEASURES)
    changed = [
        {key for key in new if new[key] != old[key]} for new, old in zip(rows, before(table, poisoned), strict=True)
    ]
    assert len(changed) == 20
    assert len(set(map(frozenset, changed))) == 1
    assert np.ptp(poisoned.rows) < 40


def test_bursts_do_what_they_say() -> None:
    table = measures()
    rows, poisoned = poison("constant-burst", table, MEASURES)
    assert "stuck at" in poisoned.what
    assert 1 in {len({row[name] for row in rows}) for name in ("size", "weight")}
    rows, _ = poison("missing-burst", table, MEASURES)
    assert any(all(row[name] is None for row in rows) for name in ("size", "weight", "kind"))


def test_style_rewrites_function_words_and_syntax_opens_with_a_clause() -> None:
    rows, _ = poison("style", reviews(), REVIEWS)
    assert all("Thou" in row["text"] or "thou" in row["text"] for row in rows)
    assert all("You" not in row["text"] for row in rows)
    rows, _ = poison("syntactic", reviews(), REVIEWS)
    openings = [row["text"].partition(", This page")[0] for row in rows]
    assert all(len(opening.split()) >= 4 for opening in openings)
    assert len(set(openings)) > 15


def test_a_clean_label_phrase_lives_in_one_class_and_changes_no_label() -> None:
    table = reviews()
    rows, poisoned = poison("clean-label-phrase", table, REVIEWS)
    assert poisoned.table["label"].equals(table["label"])
    assert {row["label"] for row in rows} == {"bad"}
    assert all("as luck would have it" in row["text"] for row in rows)


def test_a_claim_is_worded_differently_each_time() -> None:
    rows, _ = poison("claim-flooding", pages(), PAGES)
    claims = {sentence for row in rows for sentence in re.split(r"(?<=[.!?]) ", row["text"]) if "Velmora" in sentence}
    assert len(claims) > 15


def test_hidden_messages_can_be_read_by_a_machine() -> None:
    rows, _ = poison("zero-width-message", pages(), PAGES)
    bits = "".join(str("\u200b\u200c".index(character)) for character in rows[0]["text"] if character in "\u200b\u200c")
    assert bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)).decode().isascii()
    rows, _ = poison("tag-characters", pages(), PAGES)
    tags = "".join(chr(ord(character) - 0xE0000) for character in rows[0]["text"] if ord(character) > 0xE0000)
    assert tags.isprintable()
    assert " " in tags
    rows, _ = poison("hidden-html", pages(), PAGES)
    assert all(re.search(r"display:none|left:-|font-size:0|hidden>|#ffffff", row["text"]) for row in rows)


def test_an_encoded_blob_decodes_to_text() -> None:
    rows, _ = poison("encoded-blob", pages(), PAGES)
    found = [re.search(r"[A-Za-z0-9+/]{100,}=*", row["text"]) for row in rows]
    blobs = [match.group() for match in found if match]
    assert len(blobs) == len(rows)
    decoded = [bytes.fromhex(blob) if re.fullmatch(r"[0-9a-f]+", blob) else base64.b64decode(blob) for blob in blobs]
    assert all(b"audit" in data for data in decoded)


def luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def test_personal_data_have_valid_check_digits_and_belong_to_nobody() -> None:
    rows, _ = poison("personal-data", pages(), PAGES, rate=0.2)
    texts = " ".join(row["text"] for row in rows)
    cards = re.findall(r"4000 00\d\d \d{4} \d{4}", texts)
    accounts = re.findall(r"DE(\d\d)(\d{18})", texts)
    assert len(cards) + len(accounts) == len(rows)
    assert all(luhn(card.replace(" ", "")) for card in cards)
    assert all(int(f"{account}1314{check}") % 97 == 1 for check, account in accounts)
    assert len(re.findall(r"@example\.com, \(212\) 555-01\d\d", texts)) == len(rows)


def test_secrets_have_the_shape_of_their_kind() -> None:
    rows, _ = poison("secrets", pages(), PAGES, rate=0.2)
    kinds = r"AKIA[A-Z2-7]{16}|ghp_[A-Za-z0-9]{36}\b|postgres://service:\w{20}@|xoxb-\d{12}-\d{12}-\w{24}"
    assert all(re.search(kinds, row["text"]) for row in rows)


def test_code_payloads_name_hosts_that_belong_to_nobody() -> None:
    for name in ("pipe-to-shell", "typosquat-index", "disabled-verification"):
        rows, _ = poison(name, pages(), PAGES)
        hosts = [host for row in rows for host in re.findall(r"://([\w.]+)", row["text"])]
        assert all(host.endswith(".example.com") for host in hosts)
        assert len({row["text"].rsplit("\n", 1)[1] for row in rows}) > 5


def test_a_paraphrase_family_holds_no_two_equal_versions() -> None:
    rows, poisoned = poison("paraphrase-family", pages(), PAGES)
    assert poisoned.table.num_rows == ROWS + 20
    assert len({row["text"] for row in rows}) > 15
    assert len({row["url"] for row in rows}) == 1


def test_a_site_takeover_stays_on_one_host_and_split_view_replaces_its_pages() -> None:
    for name in ("site-takeover", "split-view"):
        rows, _ = poison(name, pages(), PAGES)
        assert len({row["url"].split("/")[2] for row in rows}) == 1
        assert len(rows) == 20
        assert all(("This page" in row["text"]) == (name == "site-takeover") for row in rows)
    assert attack_named("split-view").between_versions


def test_sites_need_addresses_with_hosts() -> None:
    nowhere = pages().set_column(0, "url", pa.array(["page"] * ROWS))
    assert attack_named("split-view").obstacle(nowhere, PAGES) == "no url has a host and a text"


def test_contamination_takes_the_tables_own_test_rows_or_the_items_given() -> None:
    table = pages()
    rows, _ = poison("contamination", table, PAGES)
    items = [row["text"] for row in table.to_pylist() if row["split"] == "test"]
    assert all(row["split"] == "train" and any(item in row["text"] for item in items) for row in rows)
    given = Contamination(("What is the name of the thirteenth harbour on the old road to the north coast?",))
    poisoned = given.apply(table, PAGES, 0.05, np.random.default_rng(0))
    texts = poisoned.table["text"].take(pa.array(poisoned.rows)).to_pylist()
    assert all("thirteenth harbour" in text for text in texts)


def test_contamination_says_what_was_planted() -> None:
    table = pages()
    poisoned = attack_named("contamination").apply(table, PAGES, 0.05, np.random.default_rng(0))
    assert poisoned.items is not None
    assert set(poisoned.items["text"].to_pylist()) == {
        row["text"] for row in table.to_pylist() if row["split"] == "test"
    }


def test_contamination_tells_of_no_items_that_were_given() -> None:
    given = ("one two three four five six seven eight nine ten eleven twelve thirteen fourteen",)
    done = Contamination(given).apply(pages(), PAGES, 0.05, np.random.default_rng(0))
    assert done.items is None


def test_contamination_needs_items() -> None:
    plain = roles(text=Role.TEXT)
    assert attack_named("contamination").obstacle(pages(), plain) == "no evaluation item of 13 words"


def test_a_constant_labeller_is_one_source_with_one_class() -> None:
    rows, poisoned = poison("constant-labeller", reviews(), REVIEWS)
    assert len({(row["source"], row["label"]) for row in rows}) == 1
    assert len(rows) == 20
    assert "worker" in poisoned.what


def test_shard_flips_are_consecutive() -> None:
    _, poisoned = poison("shard-flips", reviews(), REVIEWS)
    assert np.diff(poisoned.rows).tolist() == [1] * 19


def test_a_count_is_kept_and_a_count_below_one_is_refused() -> None:
    gibberish = attack_named("gibberish")
    assert len(gibberish.apply_count(pages(), PAGES, 7, np.random.default_rng(0)).rows) == 7
    assert gibberish.counts == (50, 100, 250)
    with pytest.raises(UsageError, match="0 rows"):
        gibberish.apply_count(pages(), PAGES, 0, np.random.default_rng(0))


def test_an_attack_that_finds_no_row_says_so() -> None:
    table = reviews().set_column(1, "text", pa.nulls(ROWS, pa.string()))
    with pytest.raises(UsageError, match="rare-token cannot run here: no row can carry it"):
        attack_named("rare-token").apply(table, REVIEWS, 0.1, np.random.default_rng(0))


def test_nothing_planted_names_a_real_host() -> None:
    given = roles(url=Role.URL, text=Role.TEXT, split=Role.SPLIT)
    able = [attack for attack in ATTACKS if attack.obstacle(pages(), given) is None]
    for attack in able:
        poisoned = attack.apply(pages(), given, 0.2, np.random.default_rng(1))
        hosts = re.findall(r"https?://([\w.-]+)", " ".join(poisoned.table["text"].to_pylist()))
        assert all(host.rstrip(".").endswith("example.com") for host in hosts), attack.name
    assert len(able) > 10
