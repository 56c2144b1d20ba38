"""Objects that cannot be read, or not wholly: they are counted and named, and stop nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oomwarden.api.free_text import readable
from oomwarden.core.objects.json_parts import object_at

NAMED = 5
"""Objects that a message names; the others are counted."""
_HELD = 50
"""Objects of which words are held: anyone may make thousands."""
_LONGEST = 300
_REMEDY = (
    "What cannot be read counts as absent: no policy holds there, and a kill there may have no "
    "record. Mend or delete it; if it is in order, upgrade oomwarden"
)

OF_THE_OPERATOR = (
    "What cannot be read counts as absent: the status of policies leaves it out, and a kill in it "
    "gets no response. Mend or delete it; if it is in order, upgrade oomwarden"
)
"""The remedy where the operator passes over."""

_Key = tuple[str, int]


class UnreadableObject(NamedTuple):
    """An object of a list that could not be read: its name alone, and why."""

    manifest: dict[str, Any]
    why: str


def unread(manifest: object, error: Exception) -> UnreadableObject:
    """Keep of an object that cannot be read what names it."""
    name, namespace = (part[:_LONGEST] for part in _names(manifest))
    return UnreadableObject(
        {"metadata": {"name": name, "namespace": namespace}}, error_words(error)
    )


@dataclass(slots=True)
class UnreadableObjects:
    """Remembers each until it is read again or gone. `changed` is called when the message may be.

    Of most it holds a number alone, so that thousands of them take no memory. `remedy` says what
    follows, and what to do.
    """

    changed: Callable[[], None] = lambda: None
    remedy: str = _REMEDY
    _known: set[_Key] = field(default_factory=set)
    _words: dict[_Key, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Give how many there are."""
        return len(self._known)

    def note(self, kind: str, manifest: object, why: object) -> bool:
        """Take one; `why` may hold text of tenants. Gives whether it was not known before."""
        key = _key(kind, manifest)
        known = key in self._known
        self._known.add(key)
        if key in self._words or len(self._words) < _HELD:
            self._words[key] = readable(f"{name_of(kind, manifest)}: {why}", _LONGEST)
        self.changed()
        return not known

    def clear(self, kind: str, manifest: object) -> None:
        """Take that it can be read, or that it is gone."""
        key = _key(kind, manifest)
        if key in self._known:
            self._known.remove(key)
            self._words.pop(key, None)
            self.changed()

    def clear_all(self, kind: str) -> None:
        """Take that all of a kind are about to be read again."""
        self._known = {key for key in self._known if key[0] != kind}
        self._words = {key: each for key, each in self._words.items() if key[0] != kind}
        self.changed()

    def message(self) -> str:
        """Name the first ones, and say what to do; empty: there are none."""
        if not self._known:
            return ""
        named = list(self._words.values())[:NAMED]
        more = self.total - len(named)
        others = [f"and {more} more"] if named and more else []
        count = "one object is" if self.total == 1 else f"{self.total} objects are"
        names = f": {'; '.join([*named, *others])}" if named else ""
        return f"{count} not wholly read{names}. {self.remedy}"


def error_words(error: Exception) -> str:
    """Say what went wrong, and where; the text of an error may hold text of tenants.

    A traceback would print that text as it is, with line ends that look like other lines of a log.
    """
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
        place, trace = f" at {file}:{trace.tb_lineno}", trace.tb_next
    told = readable(str(error), _LONGEST)
    return f"{told} ({type(error).__name__}{place})"


def name_of(kind: str, manifest: object) -> str:
    """Name an object of any shape: `Pod shop/api`."""
    name, namespace = (readable(part, 253) for part in _names(manifest))
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _key(kind: str, manifest: object) -> _Key:
    return kind, hash(_names(manifest))


def _names(manifest: object) -> tuple[str, str]:
    parts = object_at(manifest, "metadata")
    return str(parts.get("name") or "?"), str(parts.get("namespace") or "")
