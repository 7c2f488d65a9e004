"""Small mistakes, made on purpose: every mutant of a module's source, one change each.

What is changed: comparisons, ``and``/``or``/``not``, arithmetic, conditions, numbers, texts, bytes and booleans, what
is returned, yielded and assigned, slices, keyword arguments, twins among functions (``any``/``all``,
``match``/``fullmatch``), types of exceptions that are caught; statements that are left out: calls, ``raise``,
``continue``.

What is not, because no behaviour depends on it: annotations, names of types, docstrings, decorators, ``__all__``,
and texts for people (the arguments of errors, those in ``PROSE``, and and what is called ``hint``).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PROSE: dict[str, frozenset[int]] = {
    "Reason": frozenset({1, 3}),
    "_incompleteness": frozenset({1, 2}),
    "Fields": frozenset({1}),
    "decode_base64": frozenset({1}),
    "_sorted_set": frozenset({1}),
}
"""Functions that are not errors and take texts for people, and at which places."""
PROSE_KEYWORDS = frozenset({"hint", "what", "where", "message"})
ERRORS = ("Error", "Failed", "Unentitled", "UnknownVersion")

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_PAIRS = (
    ("all", "any"),
    ("min", "max"),
    ("startswith", "endswith"),
    ("removeprefix", "removesuffix"),
    ("partition", "rpartition"),
    ("lower", "upper"),
    ("intersection", "union"),
    ("issubset", "issuperset"),
    ("append", "pop"),
    ("floor", "ceil"),
)
TWINS = {
    **dict(_PAIRS),
    **{second: first for first, second in _PAIRS},
    "fullmatch": "match",
    "match": "search",
    "strip": "lstrip",
    "casefold": "lower",
    "sorted": "list",
    "reversed": "list",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        line: Where.
        before: The changed piece as it was.
        after: What it became; empty when it was left out.
        source: The module's whole source after the change.
    """

    line: int
    before: str
    after: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines; none twice, none the same as the original."""
    tree = ast.parse(source)
    nodes = list(_behaviour(tree))
    for place, node in enumerate(ast.walk(tree)):
        node._place = place  # type: ignore[attr-defined]  # nodes take any attribute; ours is found again
    seen = {ast.unparse(tree)}
    for node in sorted(nodes, key=_line):
        for changed in _variants(node):
            text = ast.unparse(_replaced(tree, node, changed))
            if text not in seen:
                seen.add(text)
                after = "" if isinstance(changed, ast.Pass) else ast.unparse(changed)
                yield Mutant(_line(node), ast.unparse(node), after, text)


def _line(node: ast.AST) -> int:
    """Where a node is; a comprehension and a case do not say it themselves."""
    placed = (
        item.lineno
        for item in ast.walk(node)
        if isinstance(item, ast.expr | ast.stmt | ast.ExceptHandler | ast.pattern)
    )
    return min(placed, default=0)


def _replaced(tree: ast.Module, node: ast.AST, changed: ast.AST) -> ast.AST:
    class Replace(ast.NodeTransformer):
        def visit(self, found: ast.AST) -> ast.AST:
            if getattr(found, "_place", None) == node._place:  # type: ignore[attr-defined]  # as above
                return changed
            return super().visit(found)  # type: ignore[no-any-return]  # typed loosely by ast

    return ast.fix_missing_locations(Replace().visit(copy.deepcopy(tree)))


def _behaviour(node: ast.AST, *, prose: bool = False) -> Iterator[ast.AST]:
    """Nodes below ``node`` that behaviour depends on; in ``prose`` only calls and choices, not what is said."""
    for child, inside in _children(node, prose=prose):
        if _is_left_alone(child):
            continue
        if not (inside and isinstance(child, ast.Constant | ast.JoinedStr | ast.BinOp | ast.FormattedValue)):
            yield child
        if not (inside and isinstance(child, ast.JoinedStr)):
            yield from _behaviour(child, prose=inside)


def _children(node: ast.AST, *, prose: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Children that behaviour depends on, each with whether it is prose."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            name = _name(func)
            spoken = range(len(args)) if name.endswith(ERRORS) else PROSE.get(name, frozenset())
            yield func, prose
            yield from ((item, prose or place in spoken) for place, item in enumerate(args))
            yield from ((item.value, prose or item.arg in PROSE_KEYWORDS) for item in keywords)
        case ast.Raise(exc=ast.Call(args=args, keywords=keywords)):
            yield from ((item, True) for item in args)
            yield from ((item.value, True) for item in keywords)
        case ast.FunctionDef(args=arguments, body=body):
            yield from ((item, name in PROSE_KEYWORDS) for name, item in _defaults(arguments))
            yield from ((item, False) for item in _without_docstring(body))
        case ast.ClassDef(body=body) | ast.Module(body=body):
            yield from ((item, False) for item in _without_docstring(body))
        case ast.AnnAssign(value=value):
            if value is not None:
                yield value, prose
        case _:
            yield from ((item, prose) for item in ast.iter_child_nodes(node))


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args][::-1]
    pairs = [*zip(positional, arguments.defaults[::-1], strict=False)][::-1]
    for argument, value in (*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        if value is not None:
            yield argument.arg, value


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "NewType"))):
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            alias = isinstance(value, ast.Subscript | ast.BinOp) and name[:1].isupper() and not name.isupper()
            return alias or name.lower().endswith("hint")
    return False


def _without_docstring(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that are not bare texts: docstrings of functions, classes and constants."""
    for statement in body:
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _variants(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.expr():
            yield from _expressions(node)
        case ast.ExceptHandler(type=caught) if caught is not None:
            kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
            for kind in kinds:
                rest = ast.Tuple([item for item in kinds if item is not kind], ast.Load())
                yield ast.ExceptHandler(rest, node.name, node.body)
        case ast.comprehension(ifs=ifs) if ifs:
            for place in range(len(ifs)):
                yield ast.comprehension(node.target, node.iter, ifs[:place] + ifs[place + 1 :], node.is_async)
        case ast.match_case(guard=guard) if guard is not None:
            yield ast.match_case(node.pattern, None, node.body)
        case ast.stmt():
            yield from _statements(node)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.If(test=test) | ast.While(test=test):
            yield type(node)(_not(test), node.body, node.orelse)  # type: ignore[call-arg]  # both take these three
        case ast.Expr(value=ast.Yield(value=value)) if value is not None:
            yield ast.Expr(ast.Yield(ast.Constant(None)))
            yield ast.Pass()
        case ast.Expr(value=ast.Call() | ast.YieldFrom()) | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.Return(value=value) if value is not None:
            yield ast.Return(ast.Constant(None))
        case ast.Assign(targets=targets):
            yield ast.Assign(targets, ast.Constant(None))
        case ast.AugAssign(target=target, op=op, value=value):
            yield ast.Assign([target], value)
            yield ast.AugAssign(target, ARITHMETIC[type(op)](), value)


def _expressions(node: ast.expr) -> Iterator[ast.expr]:  # noqa: C901, PLR0912  one case for each kind of expression
    match node:
        case ast.Constant(value=value):
            yield from map(ast.Constant, _constants(value))
        case ast.Compare(left=left, ops=ops, comparators=others):
            for place, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    yield ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], others)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values)
            for place in range(len(values)):
                rest = values[:place] + values[place + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            yield ast.BinOp(left, ARITHMETIC[type(op)](), right)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(_not(test), body, orelse)
        case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=step), ctx=context):
            if lower is not None:
                yield ast.Subscript(value, ast.Slice(None, upper, step), context)
            if upper is not None:
                yield ast.Subscript(value, ast.Slice(lower, None, step), context)
            if step is not None:
                yield ast.Subscript(value, ast.Slice(lower, upper, None), context)
        case ast.Lambda(args=arguments):
            yield ast.Lambda(arguments, ast.Constant(None))
        case ast.Call():
            yield from _calls(node)


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    match node.func:
        case ast.Name(id=name, ctx=context) if name in TWINS:
            yield ast.Call(ast.Name(TWINS[name], context), node.args, node.keywords)
        case ast.Attribute(value=value, attr=name, ctx=context) if name in TWINS:
            yield ast.Call(ast.Attribute(value, TWINS[name], context), node.args, node.keywords)
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in PROSE_KEYWORDS:
            yield ast.Call(node.func, node.args, node.keywords[:place] + node.keywords[place + 1 :])


def _constants(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            yield value - 1
        case str():
            yield f"XX{value}XX"
        case bytes():
            yield b"XX" + value + b"XX"


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)
