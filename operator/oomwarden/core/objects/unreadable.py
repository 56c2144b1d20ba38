"""Objects that cannot be parsed completely: they are counted and named, and stop nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct, field

from oomwarden.api.free_text import readable
from oomwarden.core.objects.json_parts import object_at

NAMED = 5
"""Objects that a message names; the others are only counted."""
_DESCRIBED = 50
"""Objects whose errors are kept, because anyone may create thousands."""
_MAX_TEXT = 300
_REMEDY = (
    "What cannot be read counts as absent: no policy applies there, and a kill there may have "
    "no record. Correct or delete the object; if it is valid, upgrade oomwarden"
)

OF_THE_OPERATOR = (
    "What cannot be read counts as absent: the status of policies leaves it out, and a kill in "
    "it gets no response. Correct or delete the object; if it is valid, upgrade oomwarden"
)
"""The remedy for objects that the operator skips."""

_Key = tuple[str, int]


class UnreadableObject(NamedTuple):
    """An object of a list that could not be parsed.

    Attributes:
        manifest: Only its name and namespace.
        why: The error.
    """

    manifest: dict[str, Any]
    why: str


def unreadable_object(manifest: object, error: Exception) -> UnreadableObject:
    """Return what identifies an object that cannot be parsed."""
    name, namespace = (part[:_MAX_TEXT] for part in _names(manifest))
    return UnreadableObject(
        {"metadata": {"name": name, "namespace": namespace}}, describe_error(error)
    )


class UnreadableObjects(Struct):
    """Remembers each object until it can be parsed again or is deleted.

    For most objects only a number is stored, so that thousands of them take little memory.

    Attributes:
        changed: Called when the message may have changed.
        remedy: The consequence, and what to do.
    """

    changed: Callable[[], None] = lambda: None
    remedy: str = _REMEDY
    _known: set[_Key] = field(default_factory=set)
    _words: dict[_Key, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return how many there are."""
        return len(self._known)

    def add(self, kind: str, manifest: object, why: object) -> bool:
        """Add an object, and return whether it is new. `why` may contain text of tenants."""
        key = _key(kind, manifest)
        known = key in self._known
        self._known.add(key)
        if key in self._words or len(self._words) < _DESCRIBED:
            self._words[key] = readable(f"{display_name(kind, manifest)}: {why}", _MAX_TEXT)
        self.changed()
        return not known

    def discard(self, kind: str, manifest: object) -> None:
        """Remove an object that was parsed or deleted."""
        key = _key(kind, manifest)
        if key in self._known:
            self._known.remove(key)
            self._words.pop(key, None)
            self.changed()

    def discard_kind(self, kind: str) -> None:
        """Remove all objects of a kind, because they are about to be read again."""
        self._known = {key for key in self._known if key[0] != kind}
        self._words = {key: each for key, each in self._words.items() if key[0] != kind}
        self.changed()

    def message(self) -> str:
        """Name the first objects and the remedy; empty if there are none."""
        if not self._known:
            return ""
        named = list(self._words.values())[:NAMED]
        more = self.total - len(named)
        others = [f"and {more} more"] if named and more else []
        count = "one object is" if self.total == 1 else f"{self.total} objects are"
        names = f": {'; '.join([*named, *others])}" if named else ""
        return f"{count} not completely readable{names}. {self.remedy}"


def describe_error(error: Exception) -> str:
    """Describe an error and where it occurred; its text may contain text of tenants.

    A traceback would print that text unescaped, and its line breaks could forge lines of the log.
    """
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
        place, trace = f" at {file}:{trace.tb_lineno}", trace.tb_next
    text = readable(str(error), _MAX_TEXT)
    return f"{text} ({type(error).__name__}{place})"


def display_name(kind: str, manifest: object) -> str:
    """Name an object of any shape: `Pod shop/api`."""
    name, namespace = (readable(part, 253) for part in _names(manifest))
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _key(kind: str, manifest: object) -> _Key:
    return kind, hash(_names(manifest))


def _names(manifest: object) -> tuple[str, str]:
    parts = object_at(manifest, "metadata")
    return str(parts.get("name") or "?"), str(parts.get("namespace") or "")
