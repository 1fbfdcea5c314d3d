"""The small changes: what may stand in the place of a piece of a syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

Change = tuple[ast.AST, str]
"""A piece of the tree, and the text in its place."""

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
JOINED = {ast.And: ast.Or, ast.Or: ast.And}
PAIRS = {"min": "max", "any": "all", "minimum": "maximum"}
NAMED = PAIRS | {second: first for first, second in PAIRS.items()}
SETTLED = {*NAMED, "isinstance", "getattr", "hasattr", "cast"}
"""Functions whose first two arguments are not exchanged."""
OPPOSITES = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
"""Comparisons that another operator negates already."""
UNTOUCHED = {"decorator_list", "annotation", "returns"}
"""What decorates or annotates decides no number."""
TEXTUAL = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.ListComp)
"""Of these a sum is a longer text or list, and a difference nothing at all."""


def changes(tree: ast.AST) -> Iterator[Change]:
    """Every change of a tree that there is, but for those that change nothing, as of two equal arguments."""
    for node in mutable(tree):
        for rule in RULES.get(type(node), ()):
            yield from ((part, text) for part, text in rule(node) if text != ast.unparse(part))


def mutable(node: ast.AST) -> Iterator[ast.AST]:
    """A tree's pieces, but for those that decide nothing; those of formatted texts have no place of their own."""
    yield node
    for field, value in ast.iter_fields(node):
        if field not in UNTOUCHED:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST) and not _decides_nothing(part):
                    yield from mutable(part)


def _decides_nothing(node: ast.AST) -> bool:
    """Formatted texts, what only type checkers read, and `strict` of zip, which holds where all is well."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING")
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg == "strict")


def other(node: Any, **fields: Any) -> str:
    """The text of a piece with some of its fields replaced."""
    twin = copy(node)
    for name, value in fields.items():
        setattr(twin, name, value)
    return ast.unparse(twin)


def comparisons(node: ast.Compare) -> Iterator[Change]:
    """< for <=, == for !=, is for is not, in for not in, and back."""
    for number, operator in enumerate(node.ops):
        ops = [*node.ops[:number], COMPARED[type(operator)](), *node.ops[number + 1 :]]
        yield node, other(node, ops=ops)


def computations(node: ast.BinOp | ast.AugAssign) -> Iterator[Change]:
    """+ for -, * for //, and back; none between texts or lists."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    textual = any(isinstance(side, TEXTUAL) and not _is_number(side) for side in sides)
    if not textual and (operator := COMPUTED.get(type(node.op))):
        text = other(node, op=operator())
        yield node, f"({text})" if isinstance(node, ast.BinOp) else text


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def constants(node: ast.Constant) -> Iterator[Change]:
    """One more, one less; True for False."""
    if isinstance(node.value, bool):
        yield node, str(not node.value)
    elif isinstance(node.value, int | float):
        yield from ((node, repr(node.value + step)) for step in (1, -1))


def junctions(node: ast.BoolOp) -> Iterator[Change]:
    """And for or, or for and."""
    yield node, f"({other(node, op=JOINED[type(node.op)]())})"


def signs(node: ast.UnaryOp) -> Iterator[Change]:
    """Neither `not` nor a minus."""
    if isinstance(node.op, ast.Not | ast.USub):
        yield node, f"({ast.unparse(node.operand)})"


def conditions(node: ast.If | ast.IfExp | ast.While) -> Iterator[Change]:
    """The opposite, where no other rule gives it."""
    yield from _negated(node.test)


def filters(node: ast.comprehension) -> Iterator[Change]:
    """What a comprehension would pass over."""
    for test in node.ifs:
        yield from _negated(test)


def _negated(test: ast.expr) -> Iterator[Change]:
    twice = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    opposed = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], OPPOSITES)
    if not twice and not opposed:
        yield test, f"(not ({ast.unparse(test)}))"


def deletions(node: ast.stmt) -> Iterator[Change]:
    """A statement left out: a call, a yield, an assignment to a part of something, a raise, a jump."""
    yield node, "pass"


def expressions(node: ast.Expr) -> Iterator[Change]:
    """A call or a yield left out; not a docstring."""
    if not isinstance(node.value, ast.Constant):
        yield node, "pass"


def assignments(node: ast.Assign) -> Iterator[Change]:
    """An assignment to a part left out: without one to a name, the name would be missing."""
    if isinstance(node.targets[0], ast.Subscript | ast.Attribute):
        yield node, "pass"


def returns(node: ast.Return) -> Iterator[Change]:
    """None instead of a value."""
    if node.value and ast.unparse(node.value) != "None":
        yield node, "return None"


def arguments(node: ast.Call) -> Iterator[Change]:
    """The first two exchanged; a range with one number more or less."""
    first = node.args[:2]
    if len(first) == 2 and not any(isinstance(part, ast.Starred) for part in first) and not _is_settled(node):
        yield node, other(node, args=[*reversed(first), *node.args[2:]])
    if isinstance(node.func, ast.Name) and node.func.id == "range" and not isinstance(node.args[-1], ast.Starred):
        end = node.args[min(len(node.args), 2) - 1]
        yield from () if _is_number(end) else ((end, f"{ast.unparse(end)} {step} 1") for step in "+-")


def _is_settled(node: ast.Call) -> bool:
    """Whether the arguments' order says nothing, or only what a type checker would see, too."""
    return ast.unparse(node.func).rpartition(".")[2] in SETTLED


def slices(node: ast.Slice) -> Iterator[Change]:
    """One entry more at the end, one less at the start; constants have a rule of their own."""
    for bound in (node.lower, node.upper):
        if bound and not any(map(_is_number, (bound, getattr(bound, "operand", bound)))):
            yield bound, f"({ast.unparse(bound)}) + 1"


def names(node: ast.Name) -> Iterator[Change]:
    """The least for the largest, any for all, and back."""
    if node.id in NAMED:
        yield node, NAMED[node.id]


def attributes(node: ast.Attribute) -> Iterator[Change]:
    """The same of methods and of NumPy's functions."""
    if node.attr in NAMED:
        yield node, other(node, attr=NAMED[node.attr])


RULES: dict[type[ast.AST], tuple[Callable[[Any], Iterator[Change]], ...]] = {
    ast.Compare: (comparisons,), ast.BinOp: (computations,), ast.AugAssign: (computations, deletions),
    ast.Constant: (constants,), ast.BoolOp: (junctions,), ast.UnaryOp: (signs,), ast.comprehension: (filters,),
    ast.If: (conditions,), ast.IfExp: (conditions,), ast.While: (conditions,), ast.Expr: (expressions,),
    ast.Assign: (assignments,), ast.Raise: (deletions,), ast.Continue: (deletions,), ast.Break: (deletions,),
    ast.Delete: (deletions,), ast.Return: (returns,), ast.Call: (arguments,), ast.Slice: (slices,),
    ast.Name: (names,), ast.Attribute: (attributes,),
}  # fmt: skip
