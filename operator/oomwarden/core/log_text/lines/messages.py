"""Join lines of text to messages, and separate them from their prefixes."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from oomwarden.core.log_text.lines.clean import unquoted
from oomwarden.core.log_text.lines.envelope import TextLine
from oomwarden.core.log_text.lines.joins import ANCHOR, goes_on, is_cut_phrase, joined
from oomwarden.core.log_text.lines.prefix import BEGINS, NOWHERE, Origin

MAX_MESSAGE = 1 << 14
"""Characters of a message; the OOM killer's longest have a few thousand."""
_MAX_OPEN_COMM = 80
_MAX_SINCE_TORN = 3
_REST = re.compile(r"\d{1,2}\) ")
"""The end of a comm, which looks like the number of a list."""


class Message(NamedTuple):
    """A whole message with its prefix.

    Attributes:
        number: Its first line in the file.
        text: Its prefix and its text.
        origin: What its carrier says about time and host.
        adjoins: Whether it directly follows the message before it.
    """

    number: int
    text: str
    origin: Origin = NOWHERE
    adjoins: bool = True


class MessageJoiner(Struct):
    """Joins lines that were wrapped, and a process's name with a newline."""

    _open: Message | None = None
    _is_stamped: bool = False
    _torn: Message | None = None
    _since_torn: int = 0

    def feed(self, line: TextLine) -> Iterator[Message]:
        """Yield the message that a line shows to be complete."""
        before = self._open
        is_rest = before is not None and _has_open_comm(before.text) and _REST.match(line.text)
        text = line.text if is_rest else unquoted(line.text)
        begins = BEGINS.match(text) is not None
        if self._torn is not None and line.adjoins:
            if not begins and text.strip():
                yield self._torn._replace(text=f"{self._torn.text}{text}".rstrip())
                self._torn = None
                return
            self._since_torn += 1
        if self._torn is not None and (self._since_torn > _MAX_SINCE_TORN or not line.adjoins):
            yield _stripped(self._torn)
            self._torn = None
        if before is not None and begins and (line.tears or is_cut_phrase(before.text)):
            self._torn, self._since_torn, before = before, 0, None
        if before is not None and line.adjoins and text.strip():
            whole = self._extended(before, line, text, begins=begins)
            if whole is not None:
                self._open = Message(before.number, whole, before.origin, before.adjoins)
                return
        if before is not None:
            yield _stripped(before)
        self._open = Message(line.number, text, line.origin, line.adjoins) if text.strip() else None
        self._is_stamped = begins

    def ends_before(self, record: str) -> bool:
        """Return whether a line that begins a record certainly ends what is open."""
        if self._torn is not None:
            return False
        before = self._open
        return before is None or not (
            is_cut_phrase(before.text) or _with_rest_of_comm(before.text, record)
        )

    def finish(self) -> Iterator[Message]:
        """Yield the last message."""
        if self._torn is not None:
            yield _stripped(self._torn)
        self._torn = None
        if self._open is not None:
            yield _stripped(self._open)
        self._open = None

    def _extended(self, before: Message, line: TextLine, text: str, *, begins: bool) -> str | None:
        if len(before.text) + len(text) > MAX_MESSAGE:
            return None
        if line.continues:
            return None if ANCHOR.search(text) else f"{before.text}\n{line.text}"
        if begins:
            return _with_rest_of_comm(before.text, text)
        if goes_on(before.text, text.lstrip(), stamped=self._is_stamped):
            return joined(before.text, text.lstrip())
        return None


def _stripped(message: Message) -> Message:
    text = message.text.rstrip()
    return message if len(text) == len(message.text) else message._replace(text=text)


def _has_open_comm(text: str) -> bool:
    return text.rfind("(") > text.rfind(")")


def _with_rest_of_comm(before: str, text: str) -> str | None:
    """Return a line with the next one, if a newline in a comm divides them.

    syslog(2) repeats the prefix on each line of a record.
    """
    if not _has_open_comm(before):
        return None
    anchor = ANCHOR.search(before)
    opened = before.find("(", anchor.end()) if anchor else -1
    if anchor is None or opened < 0 or ")" in before[opened:]:
        return None
    prefix = before[: anchor.start()]
    if not prefix.strip() or not text.startswith(prefix) or len(before) - opened > _MAX_OPEN_COMM:
        return None
    return f"{before}\n{text[len(prefix) :]}"
