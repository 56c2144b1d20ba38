"""Find the message, its time and its host in an entry of JSON: journald, containers, clouds."""

import json
from collections.abc import Iterator
from typing import Any

from oomwarden.core.log_text.lines.prefix import Origin, iso_time, unix_time

_MAX_DEPTH, _MAX_VALUES = 6, 256
_MESSAGE_KEYS = ("message", "msg", "log", "textpayload", "text", "body", "line", "note", "payload")
_TIME_KEYS = (
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "lasttimestamp",
    "eventtime",
    "firsttimestamp",
    "receivetimestamp",
    "timegenerated",
    "__time",
)
_MICROSECONDS = ("__realtime_timestamp", "_source_realtime_timestamp")
_HOST_KEYS = ("_hostname", "hostname", "host", "computer", "nodename", "node_name", "instance_name")
_BOOT_KEYS = ("_source_boottime_timestamp", "_source_monotonic_timestamp")
_MICRO = 1e6
_LEAST_UNIX = 1e9
"""Seconds since 1970 in 2001; a smaller number counts from the boot."""
_MAX_MICRO = 1e10


def parsed_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object on a line; None if there is none."""
    text = text.strip("\x1e \t\ufeff").removeprefix("data:").strip().strip("[],; ")
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def as_message(value: object) -> str | None:
    """Return a message; journald writes one that is not printable as an array of bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(type(each) is int for each in value):
        octets = bytes(each & 255 for each in value)
        return octets.decode("utf-8", "backslashreplace")
    return None


def messages(entry: dict[str, Any]) -> list[str]:
    """Return the messages in an entry: those under a usual key, else all of its texts."""
    values = list(_values(entry, 0))
    usual = [
        text
        for key, value in values
        if key.lower() in _MESSAGE_KEYS and (text := as_message(value)) is not None
    ]
    return usual or [value for _, value in values if isinstance(value, str)]


def entry_origin(entry: dict[str, Any]) -> Origin:
    """Return when and where an entry was logged."""
    known: dict[str, Any] = {}
    for key, value in _values(entry, 0):
        known.setdefault(key.lower(), value)
    at = next((time for key in _MICROSECONDS if (time := _micro(known.get(key)))), None)
    at = at or next((time for key in _TIME_KEYS if (time := _time(known.get(key)))), None)
    host = next((known[key] for key in _HOST_KEYS if isinstance(known.get(key), str)), None)
    return Origin(at, at, _stamp(known), host[:253] if host else None)


def _stamp(known: dict[str, Any]) -> float | None:
    """Return seconds since boot: of journald, or the `time` of dmesg --json."""
    micros = next((number for key in _BOOT_KEYS if (number := _number(known.get(key)))), None)
    if micros is not None:
        return micros / _MICRO
    seconds = _number(known.get("time"))
    return seconds if seconds is not None and 0 <= seconds < _LEAST_UNIX else None


def _values(value: object, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of an entry, the outer ones first."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return
    items = list(value.items())[:_MAX_VALUES]
    yield from items
    for _, each in items:
        yield from _values(each, depth + 1)


def _micro(value: object) -> str | None:
    number = _number(value)
    return unix_time(number / _MICRO) if number else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _time(value: object) -> str | None:
    if isinstance(value, str) and (found := iso_time(value)):
        return found
    number = _number(value)
    if number is None or number < _LEAST_UNIX:
        return None
    return unix_time(number / 1000 if number > _MAX_MICRO else number)
