"""Parses a Kubernetes list in JSON incrementally: one item at a time, never the whole list."""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from oomwarden.core.objects.deep_json import end_of_value, loads

MAX_CHARACTERS = 1 << 24
"""Per item. etcd accepts 1.5 MiB by default (its --max-request-bytes), so no item is longer."""
GROWTH = 1.5
"""An incomplete value is parsed again when the text has grown by this factor, for linear time."""
_SPACE = " \t\n\r"
_ENDS, _BEHIND = frozenset('}]"'), frozenset(",]} \t\n\r")
"""Any other value is complete once one of these follows: 12. may be the start of 12.3."""
_DECODER = json.JSONDecoder()


class JsonListError(ValueError):
    """The text is not a list in JSON."""


class JsonList(Struct):
    """Parses text as it arrives.

    Agrees with json.loads on every list, however it is cut into pieces. If a member occurs twice,
    the last one counts, as in json.loads, but `items` may occur only once.

    Attributes:
        fields: The list's own members that were parsed so far.
        done: Whether the list is complete.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    done: bool = False
    _text: str = ""
    _at: int = 0
    _retry_at: int = 0
    _state: str = "start"
    _key: str = ""
    _has_items: bool = False

    def feed(self, text: str) -> Iterator[Any]:
        """Yield the items that are complete with this piece.

        Raises:
            JsonListError: The text cannot become a list.
        """
        self._text = self._text[self._at :] + text
        self._at = 0
        while (found := self._step()) is not None:
            yield from found

    def end(self) -> Iterator[Any]:
        """Yield the items that waited for more text, and check that the list is complete.

        Raises:
            JsonListError: The text ended within the list.
        """
        self._retry_at = 0
        yield from self.feed("")
        if not self.done:
            raise JsonListError("the list ends too early")

    def _step(self) -> tuple[Any, ...] | None:
        """Read one token; None if more text is needed. Return an item if one was read."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        if self._at == len(self._text):
            return None
        return self._steps[self._state](self)

    def _next(self, expected: dict[str, str]) -> tuple[Any, ...]:
        """Read one character and enter the state that it leads to."""
        found = self._text[self._at]
        if found not in expected:
            raise JsonListError(f"unexpected {found!r}: expected one of {' '.join(expected)}")
        self._at += 1
        self._state = expected[found]
        self.done = self._state == "end"
        return ()

    def _start(self) -> tuple[Any, ...]:
        return self._next({"{": "first key"})

    def _first_key(self) -> tuple[Any, ...] | None:
        return self._next({"}": "end"}) if self._text[self._at] == "}" else self._read_key()

    def _read_key(self) -> tuple[Any, ...] | None:
        if self._text[self._at] != '"':
            raise JsonListError(f"unexpected {self._text[self._at]!r}: expected a name")
        found = self._value()
        if found is None:
            return None
        self._key, self._state = found[0], "colon"
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
            raise JsonListError("the list's items are not a list")
        if self._key != "items":
            self.fields[self._key] = found[0]
        self._state = "after value"
        return ()

    def _after_value(self) -> tuple[Any, ...]:
        return self._next({",": "key", "}": "end"})

    def _first_item(self) -> tuple[Any, ...] | None:
        at_end = self._text[self._at] == "]"
        return self._next({"]": "after value"}) if at_end else self._read_item()

    def _read_item(self) -> tuple[Any, ...] | None:
        if (found := self._value()) is not None:
            self._state = "after item"
        return found

    def _after_item(self) -> tuple[Any, ...]:
        return self._next({",": "item", "]": "after value"})

    def _end(self) -> tuple[Any, ...]:
        raise JsonListError("there is more after the list")

    def _value(self) -> tuple[Any] | None:
        """Read a complete value; None if it is not complete yet."""
        available = len(self._text) - self._at
        if available < self._retry_at:
            return None
        try:
            found, end = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            self._need_more(available)
            return None
        except RecursionError:
            return self._deep_value(available)
        except ValueError as error:
            raise JsonListError(f"an item cannot be read: {error}") from error
        if self._text[end - 1] not in _ENDS and self._text[end : end + 1] not in _BEHIND:
            self._need_more(available)
            return None
        self._at, self._retry_at = end, 0
        return (found,)

    def _deep_value(self, available: int) -> tuple[Any] | None:
        """Read a value that is nested too deeply for Python; deep parts become null."""
        end = end_of_value(self._text, self._at)
        if end is None:
            self._need_more(available)
            return None
        try:
            found = loads(self._text[self._at : end])
        except (ValueError, RecursionError) as error:
            raise JsonListError(f"an item cannot be read: {error}") from error
        self._at, self._retry_at = end, 0
        return (found,)

    def _need_more(self, available: int) -> None:
        if available > MAX_CHARACTERS:
            raise JsonListError(f"an item has more than {MAX_CHARACTERS} characters, or is none")
        self._retry_at = int(available * GROWTH) + 1

    _steps = {
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
