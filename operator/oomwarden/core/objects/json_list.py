"""A Kubernetes list in JSON, read piece by piece: one item at a time, never the list as a whole."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.objects.deep_json import end_of_value, loads

MOST_CHARACTERS = 1 << 24
"""Of one item: etcd takes 1.5 MiB by default (its --max-request-bytes), so more is no item."""
GROWTH = 1.5
"""A value that was not whole is tried again when there is so many times as much: linear in sum."""
_SPACE = " \t\n\r"
_ENDS, _BEHIND = frozenset('}]"'), frozenset(",]} \t\n\r")
"""A value that ends otherwise is whole once one of these follows: 12. may be the begin of 12.3."""
_DECODER = json.JSONDecoder()


class JsonListError(ValueError):
    """The text is no list in JSON."""


@dataclass(slots=True)
class JsonList:
    """Takes text as it comes; `fields` are the list's own members, as far as they were read.

    Agrees with json.loads on every list, however it is cut into pieces. The last of two members of
    one name counts, as there, but `items` may be given only once.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    done: bool = False
    _text: str = ""
    _at: int = 0
    _enough: int = 0
    _place: str = "start"
    _key: str = ""
    _has_items: bool = False

    def feed(self, text: str) -> Iterator[Any]:
        """Give the items that are whole with this piece.

        Raises:
            JsonListError: this will never be a list.
        """
        self._text = self._text[self._at :] + text
        self._at = 0
        while (found := self._step()) is not None:
            yield from found

    def end(self) -> Iterator[Any]:
        """Give the items that waited for more text, and check that nothing is missing.

        Raises:
            JsonListError: the text ended within the list.
        """
        self._enough = 0
        yield from self.feed("")
        if not self.done:
            raise JsonListError("the list ends too early")

    def _step(self) -> tuple[Any, ...] | None:
        """Read one token; None: more text is needed. Gives an item where one was read."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        if self._at == len(self._text):
            return None
        return self._steps[self._place](self)

    def _next(self, expected: dict[str, str]) -> tuple[Any, ...]:
        """Take one character and go to the place that it leads to."""
        found = self._text[self._at]
        if found not in expected:
            raise JsonListError(f"{found!r} where a list has one of {' '.join(expected)}")
        self._at += 1
        self._place = expected[found]
        self.done = self._place == "end"
        return ()

    def _start(self) -> tuple[Any, ...]:
        return self._next({"{": "first key"})

    def _first_key(self) -> tuple[Any, ...] | None:
        return self._next({"}": "end"}) if self._text[self._at] == "}" else self._read_key()

    def _read_key(self) -> tuple[Any, ...] | None:
        if self._text[self._at] != '"':
            raise JsonListError(f"{self._text[self._at]!r} where a list has a name")
        found = self._value()
        if found is None:
            return None
        self._key, self._place = found[0], "colon"
        return ()

    def _colon(self) -> tuple[Any, ...]:
        return self._next({":": "value"})

    def _read_value(self) -> tuple[Any, ...] | None:
        if self._key == "items" and self._text[self._at] == "[":
            if self._has_items:
                raise JsonListError("the list has items twice")
            self._has_items = True
            return self._next({"[": "first item"})
        found = self._value()
        if found is None:
            return None
        if self._key == "items" and found[0] is not None:
            raise JsonListError("the list's items are no list")
        if self._key != "items":
            self.fields[self._key] = found[0]
        self._place = "after value"
        return ()

    def _after_value(self) -> tuple[Any, ...]:
        return self._next({",": "key", "}": "end"})

    def _first_item(self) -> tuple[Any, ...] | None:
        at_end = self._text[self._at] == "]"
        return self._next({"]": "after value"}) if at_end else self._read_item()

    def _read_item(self) -> tuple[Any, ...] | None:
        if (found := self._value()) is not None:
            self._place = "after item"
        return found

    def _after_item(self) -> tuple[Any, ...]:
        return self._next({",": "item", "]": "after value"})

    def _end(self) -> tuple[Any, ...]:
        raise JsonListError("there is more after the list")

    def _value(self) -> tuple[Any] | None:
        """Read a whole value; None: it ends further on."""
        there = len(self._text) - self._at
        if there < self._enough:
            return None
        try:
            found, end = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            self._wait(there)
            return None
        except RecursionError:
            return self._deep_value(there)
        except ValueError as error:
            raise JsonListError(f"an item cannot be read: {error}") from error
        if self._text[end - 1] not in _ENDS and self._text[end : end + 1] not in _BEHIND:
            self._wait(there)
            return None
        self._at, self._enough = end, 0
        return (found,)

    def _deep_value(self, there: int) -> tuple[Any] | None:
        """Read what is nested too deeply for Python: of what lies deep, null stays."""
        end = end_of_value(self._text, self._at)
        if end is None:
            self._wait(there)
            return None
        try:
            found = loads(self._text[self._at : end])
        except (ValueError, RecursionError) as error:
            raise JsonListError(f"an item cannot be read: {error}") from error
        self._at, self._enough = end, 0
        return (found,)

    def _wait(self, there: int) -> None:
        if there > MOST_CHARACTERS:
            raise JsonListError(f"an item has more than {MOST_CHARACTERS} characters, or is none")
        self._enough = int(there * GROWTH) + 1

    _steps = {  # noqa: RUF012 - the places, and what is read there
        "start": _start,
        "first key": _first_key,
        "key": _read_key,
        "colon": _colon,
        "value": _read_value,
        "after value": _after_value,
        "first item": _first_item,
        "item": _read_item,
        "after item": _after_item,
        "end": _end,
    }
