"""Take messages out of what carries them: JSON, and journal entries of many lines."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct, field

from oomwarden.core.log_text.lines.clean import cleaned, decoded, torn
from oomwarden.core.log_text.lines.entries import (
    as_message,
    entry_origin,
    messages,
    parsed_object,
)
from oomwarden.core.log_text.lines.forms import is_simple
from oomwarden.core.log_text.lines.prefix import NOWHERE, Origin
from oomwarden.core.log_text.lines.scan import RawLine

# A field of `journalctl -o verbose|export|json-pretty`, of `dmesg --json`, of an Event in YAML.
_FIELD = re.compile(
    r'\s*(?:"(?P<quoted>[A-Za-z_@][\w.@]{1,63})"\s*:\s*(?P<json>.*?),?\s*$'
    r"|(?P<name>[A-Z_][A-Z0-9_]{3,63})=(?P<plain>.*)"
    r"|(?P<yaml>(?<=  )(?:lastTimestamp|eventTime|firstTimestamp|host)): \"?(?P<value>[^\"]*)\"?)"
)
_BOUNDARY = re.compile(
    r"\s*[\[\]{}(),]*\s*|.* \[s=[0-9a-f]{8,};.*|__CURSOR=.*|- apiVersion: .*|---"
)
_VERBOSE = re.compile(r"(.*) \[s=[0-9a-f]{8,};.*")
_MAX_FIELDS = 96
_MAX_HELD = 64
_MAX_OCTETS = 1 << 14


class TextLine(NamedTuple):
    """A line of text.

    Attributes:
        number: Of the line in the file.
        text: Without what carries it.
        origin: What its carrier says about time and host.
        adjoins: Whether it directly follows the line before it.
        continues: Whether it belongs to the same message as the line before it.
        tears: Whether it was printed in the middle of the line before it, by another CPU.
    """

    number: int
    text: str
    origin: Origin = NOWHERE
    adjoins: bool = True
    continues: bool = False
    tears: bool = False


class Unpacker(Struct):
    """Turns raw lines into lines of text."""

    _fields: dict[str, object] = field(default_factory=dict)
    _held: list[TextLine] = field(default_factory=list)
    _octets: list[int] | None = None
    _key: str = ""
    _indent: int = 0  # of the object that is the entry

    @property
    def is_idle(self) -> bool:
        """Whether no entry of many lines is open."""
        return not self._fields and not self._held and self._octets is None

    def feed(self, raw: RawLine) -> Iterable[TextLine]:
        """Return the lines of text that are complete with a raw line."""
        if raw.adjoins and self.is_idle and is_simple(raw.text):
            return (TextLine(raw.number, decoded(raw.text)),)
        return self._unpacked(raw)

    def _unpacked(self, raw: RawLine) -> Iterator[TextLine]:
        text = decoded(raw.text)
        if not raw.adjoins:
            yield from self.finish()
        entry = parsed_object(text) if "{" in text[:32] else None
        if entry is not None:
            yield from self.finish()
            for message in messages(entry):
                yield from _lines(raw, message, entry_origin(entry))
        elif self._octets is not None:
            self._add_octets(raw, text)
        elif _BOUNDARY.fullmatch(text):
            if self._is_inner(text):
                return
            yield from self.finish()
            yield from self._boundary(raw, text)
        else:
            yield from self._take(raw, text)

    def finish(self) -> Iterator[TextLine]:
        """Yield what waits for the end of its entry."""
        held, self._held = self._held, []
        found = entry_origin(self._fields) if self._fields else NOWHERE
        self._fields, self._octets = {}, None
        for line in held:
            yield line._replace(origin=line.origin.or_else(found))

    def _is_inner(self, text: str) -> bool:
        """Return whether an object inside an entry ends."""
        brackets, indent = text.strip(), len(text) - len(text.lstrip())
        if brackets.endswith("{"):
            self._indent = indent
        return brackets[:1] in {"}", "]"} and indent > self._indent and bool(self._fields)

    def _boundary(self, raw: RawLine, text: str) -> Iterator[TextLine]:
        if verbose := _VERBOSE.fullmatch(text):
            self._fields = {"time": verbose[1]}
        elif not text.strip():
            yield TextLine(raw.number, "", adjoins=raw.adjoins)

    def _take(self, raw: RawLine, text: str) -> Iterator[TextLine]:
        found = _FIELD.fullmatch(text) if '"' in text or "=" in text or "host: " in text else None
        lines: Iterable[TextLine]
        if found is None:
            lines = _lines(raw, text, NOWHERE)
        else:
            lines = self._field(raw, found["quoted"] or found["name"] or found["yaml"], found)
        if not self._fields:
            yield from lines
            return
        self._held += lines
        if len(self._held) > _MAX_HELD or len(self._fields) > _MAX_FIELDS:
            yield from self.finish()

    def _field(self, raw: RawLine, key: str, found: re.Match[str]) -> Iterator[TextLine]:
        value: object = found["plain"] or found["value"]
        if found["json"] is not None:
            if found["json"].rstrip() == "[":
                self._octets, self._key = [], key
                self._fields.setdefault("_array", "")
                return
            value = _json(found["json"])
        if key.lower() in {"message", "msg", "log"}:
            self._fields.setdefault("_entry", "")
            yield from _lines(raw, as_message(value) or "", NOWHERE)
        else:
            self._fields[key] = value

    def _add_octets(self, raw: RawLine, text: str) -> None:
        octets = self._octets if self._octets is not None else []
        numbers = re.findall(r"\d{1,3}", text)
        octets += [int(each) & 255 for each in numbers[: _MAX_OCTETS - len(octets)]]
        if "]" not in text and numbers:
            return
        self._octets = None
        if self._key.upper() == "MESSAGE":
            self._held += _lines(raw, as_message(octets) or "", NOWHERE)


def _json(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = text.strip('"')
    return value


def _lines(raw: RawLine, message: str, found: Origin) -> Iterator[TextLine]:
    adjoins, continues = raw.adjoins, False
    for part in message.split("\n"):
        for text in cleaned(part):
            for at, piece in enumerate(torn(text)):
                yield TextLine(raw.number, piece, found, adjoins, continues, tears=at > 0)
                adjoins = True
            continues = True
