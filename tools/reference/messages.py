"""Reasons and messages that the code gives to users, collected from its source.

Each is a call such as `Remark("StaticPod", "A static pod cannot be resized: ...")`. Names of
constants and of local variables are looked up, so that a message reads as users see it; what is
known only at run time is shown as an ellipsis.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from math import inf
from pathlib import Path
from typing import NamedTuple

UNKNOWN = "…"
_DEPTH = 8
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
WORDS = ("reason", "message")
Scope = dict[str, ast.expr]
"""What names are assigned."""


class Message(NamedTuple):
    """A reason with its message.

    Attributes:
        reason: The CamelCase word.
        text: The message, with ellipses.
        module: Where it is, below oomwarden: `core/limits/limit_remarks.py`.
    """

    reason: str
    text: str
    module: str


def collect(package: Path, call: str, words: tuple[str, ...] = WORDS) -> list[Message]:
    """Return the messages of all calls of a name, each reason with each text once.

    Args:
        package: The folder of the product's code.
        call: The name of the class.
        words: The names of its positional arguments.
    """
    trees = {path: _tree(path) for path in sorted(package.rglob("*.py"))}
    constants = {path: _constants(tree) for path, tree in trees.items()}
    shared = {name: node for found in constants.values() for name, node in found.items()}
    messages = [
        Message(reason, _tidy(text), path.relative_to(package).as_posix())
        for path, tree in trees.items()
        if f"{call}(" in path.read_text(encoding="utf-8")
        for node, scope in _calls(tree, call)
        for reason, text in _read(node, words, {**shared, **constants[path], **scope})
    ]
    return list(dict.fromkeys(messages))


def _tidy(text: str) -> str:
    """Merge ellipses with each other, and with a full stop."""
    return re.sub(rf"{UNKNOWN}[{UNKNOWN}.]+", UNKNOWN, text)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _constants(tree: ast.AST, before: float = inf) -> Scope:
    """Return what names were last assigned in a body before a line, also inside of `if`s."""
    found: Scope = {}
    for node in _statements(tree):
        if getattr(node, "lineno", 0) >= before:
            continue
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _assign(target, node.value, found)
        elif isinstance(node, ast.AnnAssign) and node.value:
            _assign(node.target, node.value, found)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            first = found.get(node.target.id, ast.Constant(UNKNOWN))
            found[node.target.id] = ast.BinOp(first, node.op, node.value)
    return found


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Return the statements of a body, without those of functions and classes inside of it."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, _FUNCTIONS | ast.ClassDef):
            yield node
            yield from _statements(node)


def _assign(target: ast.expr, value: ast.expr, found: Scope) -> None:
    if isinstance(target, ast.Name):
        found[target.id] = value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, part in zip(target.elts, value.elts, strict=False):
            _assign(each, part, found)


def _calls(tree: ast.Module, name: str) -> Iterator[tuple[ast.Call, Scope]]:
    """Return the calls of a name, each with what the variables of its function are."""
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    around = {id(node): function for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            function = around.get(id(node))
            yield node, _constants(function, node.lineno) if function else {}


def _read(call: ast.Call, words: tuple[str, ...], known: Scope) -> Iterator[tuple[str, str]]:
    named = {each.arg: each.value for each in call.keywords if each.arg}
    given = dict(zip(words, call.args, strict=False)) | named
    reason, message = given.get("reason"), given.get("message", given.get("remedy"))
    if reason is None or message is None:
        return
    if isinstance(reason, ast.IfExp) and (choices := _choices(reason, message, known)):
        yield from choices
    elif UNKNOWN not in (word := text_of(reason, known)):
        yield word, text_of(message, known)


def _choices(reason: ast.IfExp, message: ast.expr, known: Scope) -> list[tuple[str, str]]:
    return [
        (word, text_of(message, known))
        for each in (reason.body, reason.orelse)
        if UNKNOWN not in (word := text_of(each, known))
    ]


def text_of(node: ast.expr, known: Scope, depth: int = 0) -> str:
    """Return the text that an expression evaluates to, with ellipses for what is not known."""
    if depth > _DEPTH:
        return UNKNOWN
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.Name() if node.id in known:
            return text_of(known[node.id], known, depth + 1)
        case ast.JoinedStr():
            parts = node.values
        case ast.FormattedValue():
            parts = [node.value]
        case ast.BinOp(op=ast.Add()):
            parts = [node.left, node.right]
        case _:
            return UNKNOWN
    return "".join(text_of(each, known, depth + 1) for each in parts)
