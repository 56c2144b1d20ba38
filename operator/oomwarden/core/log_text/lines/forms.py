"""Lines of the usual forms in bytes: what the kernel, syslog and dmesg print, and nothing else."""

import re

ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
CTIME = rb"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] "
_SYSLOG = rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
_STAMP = rb"\[ {0,12}\d{1,9}\.\d{6}\] "
STAMPED = rb"(?:<\d{1,3}>)?+(?:" + _STAMP + rb"|" + CTIME + rb")"
"""A prefix with a time only."""
TIME = rb"(?:" + _SYSLOG + rb"|" + ISO + rb") "
HOST = rb"[A-Za-z][A-Za-z0-9.-]{0,62}"
TAG = rb" kernel: (?:" + _STAMP + rb")?+"
PLAIN = rb"[ !\"$%'-:=-Z\]_-~]{0,2048}+"
"""Text in which nothing stands for something else: no escapes, entities, tags or brackets."""
_SIMPLE = re.compile(
    rb"(?:"
    + STAMPED
    + rb"|"
    + TIME
    + HOST
    + TAG
    + rb")(?:\[ *(?:pid|\d{1,10}) *\] )?+[ -%'-;=-Z\]-~]{0,8192}+\r?"
)


def is_simple(line: bytes) -> bool:
    """Return whether a line is a record of its own, and text as it stands."""
    return _SIMPLE.fullmatch(line) is not None
