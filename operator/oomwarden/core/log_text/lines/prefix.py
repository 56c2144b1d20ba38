"""Read when and where a line was logged from what stands before the kernel's message."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

_ISO = (
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?: ?(?:Z|UTC|[+-]\d\d:?\d\d|[A-Z]{3,4})(?![A-Za-z0-9:]))?"
)
_CTIME = r"[A-Z][a-z]{2} +[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d (?:[A-Z]{3,4} )?\d{4}"
_SYSLOG = r"[^\W\d_]{3,9}\.? +\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?"
_LOCAL = r"(?<!\S)\d{1,2}\.? [^\W\d_]{3,10}\.? \d\d:\d\d:\d\d(?: \d{4})?"
_KLOG = r"(?<!\S)[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6}(?!\d)"
_UNIX = r"(?<![\d.\[ ])\d{10}\.\d{3,6}(?= )|^\d{10}\.\d{3,6}(?= )"
_MINUTE = r"(?<=\[)[A-Z][a-z]{2} {0,2}\d{1,2} \d\d:\d\d(?=\])"
_WALL = re.compile(
    f"(?P<iso>{_ISO})|(?P<ctime>{_CTIME})|(?P<syslog>{_SYSLOG}|{_LOCAL})|(?P<klog>{_KLOG})"
    f"|(?P<unix>{_UNIX})|(?P<minute>{_MINUTE})"
)
_STAMP = re.compile(r"\[ *(\d{1,12}\.\d{1,9})(?: *<[^<>\]]*>)? *\]")
_USUAL = re.compile(
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?"
    r"(?:Z|[+-]\d\d:\d\d)) [A-Za-z][\w.-]{0,62} kernel: (?:\[ *\d{1,12}\.\d{1,9}\] )?"
    r"|\[ *\d{1,12}\.\d{1,9}\] "
)
_TELLING = re.compile(r"[\[;]|\d\d?:\d\d|\d{10}\.|kernel|kubelet|node")
"""What every time, host and level has in it."""
_MINUTE_WITHIN = 32
_RELATIVE = re.compile(r"\[ *\+\d+\.\d+\]")
_KMSG = re.compile(r"(?:^|\s)(\d{1,4}),(\d+),(\d+),[-c+](?:,[^;]*)?;")
_CALLER = re.compile(r"\[ *([TC]\d{1,10})\]")
_HOSTS = (
    re.compile(r"(?<!\S)(?P<host>[A-Za-z0-9][\w.:-]{0,252}) +kernel(?:\[\d+\])?(?::| -)"),
    re.compile(r"^(?P<host>[A-Za-z0-9][\w.-]{0,252}): +(?:kern|user|daemon): +\w+:"),
    re.compile(r":\d\d\S* (?P<host>[A-Za-z][\w.-]{0,252}) [\w./-]{1,64}(?:\[\d+\])?: "),
    re.compile(r"(?<!\S)node/(?P<host>[a-z0-9][a-z0-9.-]{0,252})"),
    re.compile(
        r"(?:kernel-monitor|kubelet|node-problem-detector), (?P<host>[a-z0-9][\w.-]{0,252})"
    ),
)
_NO_HOST = re.compile(r"[A-Z]{3,4}|[\d:.,+-]+|kern|Guest")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PREFIX_END = re.compile(r"\] ?|: |;|> |  |\",?\"?|Message:|MESSAGE=|node/\S+ +|stdout [FP] ")
MAX_PREFIX = 1024
"""Characters before a message that are read."""
BEGINS = re.compile(
    r"\s*(?:[\w./~-]{1,128}[:-](?:\d{1,9}[:-])?|\d{1,9}[:-])??"  # grep's name and number
    r"(?:\*\*|<\d{1,3}>|\[|\{|\d+,\d+,\d+,|\d{10}\.\d{3}"
    r"|\d{4}[-/]\d\d[-/]\d\d[T ]|[IWEF]\d{4} \d\d:|(?:kern|user|daemon) *:"
    r"|[^\W\d_]{3,9}\.? +\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d|\d{1,2}\.? [^\W\d_]{3,10}\.? \d\d:\d\d:"
    r"|[A-Z][a-z]{2} +[A-Z][a-z]{2} +\d|\w{2,4}\.? \d{4}-\d\d-|(?:\S+ )?kernel: "
    r"|\S+: +(?:kern|user|daemon): |\S+ +(?:Warning|Normal) |Warning |[A-Z_]+=)"
)
"""A line that begins a record of its own; it cannot continue the line before it."""


class Origin(NamedTuple):
    """When and where a line was logged, as far as the line says.

    Attributes:
        at: ISO 8601; None if the year is unknown.
        printed: The time as the log prints it.
        stamp: Seconds since boot.
        host: The machine.
        caller: The thread or CPU that printed it.
    """

    at: str | None = None
    printed: str | None = None
    stamp: float | None = None
    host: str | None = None
    caller: str | None = None

    def or_else(self, other: "Origin") -> "Origin":
        """Return it with what it lacks taken from another one."""
        if other is NOWHERE:
            return self
        has_time = self.at is not None or self.printed is not None
        return Origin(
            self.at if has_time else other.at,
            self.printed if has_time else other.printed,
            other.stamp if self.stamp is None else self.stamp,
            self.host or other.host,
            self.caller or other.caller,
        )


NOWHERE = Origin()
"""A line that says neither when nor where it was logged."""


def is_relative(text: str) -> bool:
    """Return whether a line has a time that is relative to the line before (dmesg -e)."""
    return "[" in text and _RELATIVE.match(text.lstrip()) is not None


def minute(text: str) -> str | None:
    """Return the minute that dmesg -e prints on the first line of each minute."""
    if not text.startswith("[") or _STAMP.match(text):
        return None
    found = origin(text[:_MINUTE_WITHIN])
    return found.printed if found.at is None and found.stamp is None else None


def origin(prefix: str) -> Origin:
    """Read what stands before a message. The last of several times is the innermost one."""
    if not prefix or prefix.isspace():
        return NOWHERE
    prefix = _without_plain_text(prefix[-MAX_PREFIX:])
    stamp = None
    for found in _STAMP.finditer(prefix):
        stamp = found
    if stamp is not None:
        rest = _rest_of_prefix(f"{prefix[: stamp.start()]}[]{prefix[stamp.end() :]}")
        return _stamped(rest, float(stamp[1]))
    kmsg = _KMSG.search(prefix)
    rest = _rest_of_prefix(prefix)
    return _stamped(rest, int(kmsg[3][:18]) / 1e6) if kmsg else rest


def _without_plain_text(text: str) -> str:
    """Leave out the text after a prefix of the usual form, if it has no time, host or level."""
    usual = _USUAL.match(text)
    is_plain = usual is not None and _TELLING.search(text, usual.end()) is None
    return usual[0] if usual and is_plain else text


def _stamped(rest: Origin, stamp: float) -> Origin:
    return Origin(rest.at, rest.printed, stamp, rest.host, rest.caller)


@lru_cache(maxsize=1 << 10)
def _rest_of_prefix(prefix: str) -> Origin:
    """Read all but the seconds since boot; lines of the same second have the same rest."""
    caller = _CALLER.search(prefix)
    walls = list(_WALL.finditer(prefix))
    at, printed = _wall(walls[-1]) if walls else (None, None)
    return Origin(at, printed, None, _host(prefix), caller[1] if caller else None)


def without_prefix(text: str) -> str:
    """Return what follows the last time, host and level in a text."""
    ends = [each.end() for each in _WALL.finditer(text[-MAX_PREFIX:])]
    text = text[-MAX_PREFIX:][ends[-1] if ends else 0 :]
    return _PREFIX_END.split(text)[-1].lstrip(" ]:")


def iso_time(text: str) -> str | None:
    """Return the time in a text as ISO 8601; None if there is none with a year."""
    walls = list(_WALL.finditer(text[:MAX_PREFIX]))
    return _wall(walls[-1])[0] if walls else None


def _wall(found: re.Match[str]) -> tuple[str | None, str]:
    kind, text = found.lastgroup, found[0]
    if kind == "iso":
        return _iso(text), text
    if kind == "ctime":
        return _ctime(text), text
    if kind == "unix":
        return unix_time(float(text)), text
    return None, text


def _iso(text: str) -> str:
    day, rest = text[:10].replace("/", "-"), text[11:].replace(",", ".")
    clock, zone = re.fullmatch(r"([\d:.]+) ?(.*)", rest).groups()  # type: ignore[union-attr]
    if re.fullmatch(r"[+-]\d{4}", zone):
        zone = f"{zone[:3]}:{zone[3:]}"
    zone = "Z" if zone in {"UTC", "GMT"} else zone
    return f"{day}T{clock}{zone if zone[:1] in {'Z', '+', '-'} else ''}"


def _ctime(text: str) -> str | None:
    _, month, day, clock, *zone, year = text.split()
    if month.lower() not in _MONTHS:
        return None
    utc = "Z" if zone and zone[0] in {"UTC", "GMT"} else ""
    return f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{int(day):02}T{clock}{utc}"


def unix_time(seconds: float) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None if no log can have this time."""
    if not 0 <= seconds < 1 << 33:
        return None
    moment = datetime.fromtimestamp(round(seconds, 6), UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _host(prefix: str) -> str | None:
    for found in _hosts(prefix):
        if not _NO_HOST.fullmatch(found):
            return found
    return None


def _hosts(prefix: str) -> Iterator[str]:
    for pattern in _HOSTS:
        if found := pattern.search(prefix):
            yield found["host"]
