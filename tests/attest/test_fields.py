"""The strict reader: each kind of member, what it takes and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from poisonguard.attest.fields import Fields, is_version
from poisonguard.errors import IntegrityError


class Word(StrEnum):
    YES = "yes"
    NO = "no"


DIGEST, VERSION = "0123456789abcdef" * 4, f"pg1:{'0123456789abcdef' * 4}"
Read = Callable[[Fields], object]


def item(value: Any, where: str) -> str:
    return f"{where}={value}"


READS: dict[str, tuple[Read, list[tuple[object, object]], list[object], str]] = {
    "text": (lambda it: it.text("a"), [("x", "x"), (" ", " ")], ["", None, 1, [], {}], "text"),
    "text or empty": (lambda it: it.text("a", empty=True), [("x", "x"), ("", "")], [None, 0, []], "text"),
    "optional text": (
        lambda it: it.optional_text("a"),
        [("x", "x"), (None, None)],
        ["", 0, 7, False, [], ["x"]],
        "text or null",
    ),
    "literal": (lambda it: it.literal("a", "x"), [("x", None)], ["X", "", None, "x "], "x"),
    "integer": (
        lambda it: it.integer("a"),
        [(0, 0), (7, 7)],
        [-1, "0", None, True, False, 1.0],
        "an integer of at least 0",
    ),
    "positive integer": (lambda it: it.integer("a", minimum=1), [(1, 1)], [0, True, -1], "an integer of at least 1"),
    "flag": (lambda it: it.flag("a"), [(True, True)], [False, None, 1, "true"], "true, or left out"),
    "digest": (
        lambda it: it.digest("a"),
        [(DIGEST, DIGEST)],
        [DIGEST.upper(), DIGEST[1:], DIGEST + "0", DIGEST + "\n", "", None, 7, [DIGEST]],
        "a hex SHA-256",
    ),
    "version": (
        lambda it: it.version("a"),
        [(VERSION, VERSION)],
        [DIGEST, VERSION.upper(), VERSION[:-1], VERSION + "0", VERSION + "\n", "pg2" + VERSION[3:], None, 7],
        "a version name",
    ),
    "time": (
        lambda it: it.time("a"),
        [("2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12, tzinfo=UTC))],
        ["2026-05-01", "2026-05-01T12:00:00+00:00"],
        "a UTC time such as 2026-05-01T12:00:00Z",
    ),
    "choice": (lambda it: it.choice("a", Word), [("yes", Word.YES), ("no", Word.NO)], ["YES", "yes "], "yes or no"),
    "items": (
        lambda it: it.items("a", item),
        [([7, "x"], ("it.a[0]=7", "it.a[1]=x")), ([], ())],
        [{}, "x", None],
        "an array",
    ),
    "texts": (lambda it: it.texts("a"), [(["x", " "], ("x", " ")), ([], ())], [{}, "x", None], "an array"),
}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [(kind, value, expected) for kind, (_, good, _, _) in READS.items() for value, expected in good],
)
def test_what_is_asked_for_is_taken(kind: str, value: object, expected: object) -> None:
    fields = Fields({"a": value, "b": 1}, "it")
    result = READS[kind][0](fields)
    assert (result, type(result)) == (expected, type(expected))
    with pytest.raises(IntegrityError, match=r"^it holds an unknown member 'b'$"):
        fields.done()
    assert fields.take("b") == 1
    fields.done()


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, (_, _, bad, _) in READS.items() for value in bad])
def test_anything_else_is_refused(kind: str, value: object) -> None:
    read, _, _, expected = READS[kind]
    with pytest.raises(IntegrityError) as caught:
        read(Fields({"a": value}, "it"))
    assert caught.value.message == f"it.a is not {expected}"


@pytest.mark.parametrize("kind", [kind for kind in READS if kind != "flag"])
def test_what_is_missing_is_named(kind: str) -> None:
    with pytest.raises(IntegrityError, match=r"^it lacks 'a'$"):
        READS[kind][0](Fields({"b": 1}, "it"))


@pytest.mark.parametrize("kind", ["time", "choice"])
@pytest.mark.parametrize("value", [7, None, ""])
def test_times_and_choices_are_text(kind: str, value: object) -> None:
    with pytest.raises(IntegrityError, match=r"^it\.a is not text$"):
        READS[kind][0](Fields({"a": value}, "it"))


def test_whether_a_member_is_there_still() -> None:
    fields = Fields({"a": None}, "it")
    assert (fields.has("a"), fields.has("b")) == (True, False)
    fields.take("a")
    assert fields.has("a") is False


def test_a_flag_may_be_left_out() -> None:
    fields = Fields({}, "it")
    assert fields.flag("a") is False
    fields.done()


@pytest.mark.parametrize("value", ["", 7, None, []])
def test_texts_are_texts(value: object) -> None:
    with pytest.raises(IntegrityError, match=r"^it\.a\[1\] is not text$"):
        Fields({"a": ["x", value]}, "it").texts("a")


@pytest.mark.parametrize("value", [None, [], "x", 7, True])
def test_only_an_object_has_members(value: object) -> None:
    with pytest.raises(IntegrityError, match=r"^it is not an object$"):
        Fields(value, "it")


def test_reading_leaves_the_value_alone() -> None:
    value = {"a": 1, "b": 2}
    Fields(value, "it").take("a")
    assert value == {"a": 1, "b": 2}


def test_the_first_unknown_member_is_named_cut_to_a_line() -> None:
    with pytest.raises(IntegrityError) as caught:
        Fields({"z": 1, "a" * 200: 2}, "it").done()
    assert caught.value.message == f"it holds an unknown member {'a' * 80!r}"


def test_a_member_is_taken_once() -> None:
    fields = Fields({"a": 1}, "it")
    fields.take("a")
    with pytest.raises(IntegrityError, match="lacks 'a'"):
        fields.take("a")


def test_a_refusal_names_the_place() -> None:
    error = Fields({}, "it").refusal("is odd")
    assert isinstance(error, IntegrityError)
    assert error.message == "it is odd"


@pytest.mark.parametrize("value", [None, 7, "", DIGEST, VERSION + " "])
def test_names_of_versions(value: object) -> None:
    assert is_version(value) is False
    assert is_version(VERSION) is True
