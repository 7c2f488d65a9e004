"""Mutation testing tests the tests; this tests the mutation testing."""

import ast

import pytest
from mutation.mutants import mutants


def changes(source: str) -> set[tuple[str, str]]:
    return {(item.before.strip(), item.after.strip()) for item in mutants(source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {("a < b", "a <= b"), ("a < b", "a >= b")}),
        ("a == b != c", {("a == b != c", "a != b != c"), ("a == b != c", "a == b == c")}),
        ("a in b", {("a in b", "a not in b")}),
        ("a and b", {("a and b", "a or b"), ("a and b", "a"), ("a and b", "b")}),
        ("not a", {("not a", "a")}),
        ("a + b", {("a + b", "a - b")}),
        ("a = 7", {("7", "8"), ("7", "6"), ("a = 7", "a = None")}),
        ("a += b", {("a += b", "a = b"), ("a += b", "a -= b")}),
        ("a = 'x'", {("'x'", "'XXxXX'"), ("a = 'x'", "a = None")}),
        ("a[b:c]", {("a[b:c]", "a[:c]"), ("a[b:c]", "a[b:]")}),
        ("f(a=b)", {("f(a=b)", "f()"), ("f(a=b)", "")}),
        ("any(a)", {("any(a)", "all(a)"), ("any(a)", "")}),
        ("r.fullmatch(a)", {("r.fullmatch(a)", "r.match(a)"), ("r.fullmatch(a)", "")}),
        ("[a for a in b if a]", {("for a in b if a", "for a in b")}),
        (
            "try:\n    a\nexcept (B, C):\n    pass",
            {
                ("except (B, C):\n    pass", "except (C,):\n    pass"),
                ("except (B, C):\n    pass", "except (B,):\n    pass"),
            },
        ),
        ("def f() -> 'x':\n    'a text'\n    return b", {("return b", "return None")}),
        ("def f(a: 'x' = 1): pass", {("1", "2"), ("1", "0")}),
        ("def f(what, a=1, *, b=2): pass", {("1", "2"), ("1", "0"), ("2", "3"), ("2", "1")}),
        ("while a:\n    break", {("break", "continue"), ("while a:\n    break", "while not a:\n    break")}),
    ],
)
def test_mistakes_are_made(source: str, expected: set[tuple[str, str]]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "a: int",
        "T = TypeVar('T', bound='str')",
        "__all__ = ['a']",
        "Names = Mapping[str, int]",
        "Handle = A | B",
        "PIN_HINT = 'Look.'",
        "if TYPE_CHECKING:\n    import a",
        "def f(a, what: str = 'it', *, hint: str = ''):\n    pass",
        "@decorated(frozen=True)\nclass A:\n    'A docstring.'",
    ],
)
def test_what_behaviour_does_not_depend_on_is_left_alone(source: str) -> None:
    assert changes(source) == set()


def test_texts_for_people_are_left_alone_but_not_that_they_are_raised() -> None:
    assert changes("raise Broken('a' + b, f'c {d}', hint='e')") == {
        ("raise Broken('a' + b, f'c {d}', hint='e')", ""),
    }
    assert changes("return_ = GateFailed('a')") == {("return_ = GateFailed('a')", "return_ = None")}


def test_every_mutant_is_another_program() -> None:
    source = ast.unparse(ast.parse("def f(a, b):\n    if a and not b:\n        return a[1:2] + 3\n    raise E('x')"))
    found = list(mutants(source))
    assert len({item.source for item in found} | {source}) == len(found) + 1
    for item in found:
        compile(item.source, "mutant", "exec")
