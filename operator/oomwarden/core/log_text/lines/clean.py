"""Remove what terminals, mails, web pages and editors add to a line of a log."""

import codecs
import html
import re
from dataclasses import dataclass, field
from typing import Protocol

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Colours of dmesg, journalctl and grep; also as editors, less and rsyslog show the escape.
_ESCAPES = re.compile(
    r"(?:\x1b|\^\[|#033|\\x1b|\\u001b|\\033|\\e|\bESC)\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*\x07?"
)
_SPECIAL = re.compile(r"[\x00\x0b\x0c\x1b\x1e\r\\&<^#]|ESC\[")
_TAGS = re.compile(r"</?(?:p|div|pre|code|span|td|tr|li|ul|b|strong|em|i|font|blockquote)\b[^<>]*>")
_BREAKS = re.compile(r"<br ?/?>|\r\n?|\v|\f|\u2028|\x1e|\\r\\n|\\n(?![0-9a-f]{2})")
_TEAR = re.compile(r"(?<=[\w(,.:)-])(?=\[ {0,5}\d{1,9}\.\d{6}\] )")
_TORN = re.compile(r"\[(?<=[\w(,.:)-]\[) {0,5}\d")
_LEAST_PREFIX = 8
_QUOTES = re.compile(r"^\s*(?:(?:[>|»\u2502]|//+|#+(?= ))\s?)+")
_BULLET = re.compile(r"^\s*(?:[*+\u2022\u2023\u25e6\u00b7-]|\d{1,2}[.)])\s+(?=\S)")
_REPLACED = str.maketrans(
    {
        "\x00": None,
        "\ufeff": None,
        "\u200b": None,
        "\u00ad": None,
        "\u21aa": None,
        "\u00a0": " ",
        "\u202f": " ",
        "\u2007": " ",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u201c": '"',
        "\u201d": '"',
        "\u2018": "'",
        "\u2019": "'",
    }
)


class _Decoder(Protocol):
    def decode(self, data: bytes, final: bool = ...) -> str: ...  # noqa: FBT001 - codecs'


@dataclass(slots=True)
class Utf8Bytes:
    """Turns a file with a byte order mark, as PowerShell writes it, into UTF-8."""

    _begin: bytes = b""
    _decoder: _Decoder | None = None
    _is_known: bool = False
    _mark: str = field(default="", init=False)

    def feed(self, data: bytes) -> bytes:
        """Return the next bytes as UTF-8; those without a mark are returned as they are."""
        if self._is_known:
            return self._converted(data)
        self._begin += data
        if len(self._begin) < len(codecs.BOM_UTF8):
            return b""
        return self._start()

    def finish(self) -> bytes:
        """Return what is left at the end."""
        return b"" if self._is_known else self._start()

    def _start(self) -> bytes:
        data, self._begin, self._is_known = self._begin, b"", True
        for mark, name in _BOMS:
            if data.startswith(mark):
                data = data.removeprefix(mark)
                if name != "utf-8":
                    self._decoder = codecs.getincrementaldecoder(name)("replace")
        return self._converted(data)

    def _converted(self, data: bytes) -> bytes:
        if self._decoder is None:
            return data
        return self._decoder.decode(data).encode("utf-8", "surrogatepass")


def decoded(raw: bytes) -> str:
    """Return a raw line as text; bytes that are not UTF-8 are escaped."""
    return raw.decode("utf-8", "backslashreplace").rstrip("\r\n")


def cleaned(text: str) -> list[str]:
    """Return the lines that a line of a file holds, without escapes, tags and entities."""
    if text.isascii() and _SPECIAL.search(text) is None:
        return [text]
    text = _ESCAPES.sub("", text.translate(_REPLACED))
    if "&" in text:
        text = html.unescape(text).translate(_REPLACED)
    if "<" in text:
        text = _TAGS.sub("", text)
    return [each for each in _BREAKS.split(text) if each.strip()] or [""]


def torn(text: str) -> list[str]:
    """Return the lines that two CPUs have printed into one on a serial console."""
    return _TEAR.split(text) if _TORN.search(text, _LEAST_PREFIX) else [text]


def unquoted(text: str) -> str:
    """Return a line without the marks of a quotation or a list."""
    if not text or text[0] in "[<{\"'" or text[0].isalpha():
        return text
    return _BULLET.sub("", _QUOTES.sub("", text, count=1), count=1)
