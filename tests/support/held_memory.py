"""What an object graph holds: how many items each collection has, by its path of attributes.

A growing collection is named by the path that leads to it, such as `.kills.recorder.pending.pods`.
"""

import gc
import sys
import types
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any

_NOT_STATE = (
    type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType,
    types.FrameType, types.TracebackType, types.GetSetDescriptorType, types.MemberDescriptorType,
)  # fmt: skip
_COLLECTIONS = (dict, list, set, frozenset, deque, tuple)
_ITEM = "[]"


def held(root: object, *, without: tuple[type, ...] = ()) -> Counter[str]:
    """Return the number of items of each collection below an object, by path.

    Collections that are items of another one are added up: their path ends the same.

    Args:
        root: Where to begin.
        without: Objects of these types, and what only they hold, do not count.
    """
    found: Counter[str] = Counter()
    for path, each in _walk(root, without):
        if isinstance(each, _COLLECTIONS):
            found[path] += len(each)
    return found


def size(root: object, *, without: tuple[type, ...] = ()) -> int:
    """Return how many bytes an object graph has."""
    return sum(sys.getsizeof(each) for _, each in _walk(root, without))


def growth(before: Mapping[str, int], after: Mapping[str, int], margin: int) -> dict[str, int]:
    """Return by how many items each collection grew, where it was more than a margin."""
    grown = {path: count - before.get(path, 0) for path, count in after.items()}
    return {path: more for path, more in grown.items() if more > margin}


def _walk(root: object, without: tuple[type, ...] = ()) -> Iterator[tuple[str, object]]:
    """Yield every object once, breadth first, with its shortest path."""
    seen, queue = {id(root)}, deque([("", root)])
    while queue:
        path, each = queue.popleft()
        yield path, each
        for name, below in _below(each):
            if id(below) not in seen and not isinstance(below, (*_NOT_STATE, *without)):
                seen.add(id(below))
                queue.append((path + name, below))


def _below(each: object) -> Iterator[tuple[str, Any]]:
    if isinstance(each, Mapping):
        yield from ((_ITEM, one) for pair in list(each.items()) for one in pair)
    elif isinstance(each, _COLLECTIONS):
        yield from ((_ITEM, one) for one in list(each))
    elif each is None or isinstance(each, str | bytes | int | float):
        return
    else:
        yield from _attributes(each)


def _attributes(each: object) -> Iterator[tuple[str, Any]]:
    named: dict[int, str] = {}
    for name in _names(each):
        value = getattr(each, name, None)
        named[id(value)] = name
    own = getattr(each, "__dict__", None)
    for below in gc.get_referents(each):
        if isinstance(own, dict) and below is own:
            yield from ((f".{name}", one) for name, one in list(own.items()))
        else:
            yield f".{named.get(id(below), type(below).__name__)}", below


def _names(each: object) -> list[str]:
    slots = [getattr(kind, "__slots__", ()) for kind in type(each).__mro__]
    return [name for own in slots for name in ((own,) if isinstance(own, str) else own)]
