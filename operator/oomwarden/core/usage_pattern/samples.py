"""Read samples of memory as people have them: CSV, `date; kubectl top` loops, Prometheus' JSON."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import isfinite
from typing import Any

from msgspec import Struct, field

from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.usage_pattern.verdict import UsagePoint

MAX_SAMPLES = 500_000
_SHOWN = 60
_UNITS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))
"""From these numbers on, a time is in nanoseconds, microseconds or milliseconds."""
_TIMES = ("time", "timestamp", "date", "datetime", "at", "seconds", "ts", "ms")
_USAGES = ("bytes", "usage", "memory", "value", "rss", "memory(bytes)", "working_set", "mem")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_BYTES = re.compile(r"([KMGTPE]i|[kKMGTPE]?)B")
_MAX_LINE = 10_000
_DIGITS = 18


class NoSamplesError(ValueError):
    """The whole input cannot be read, for the reason in words."""


class Samples(Struct):
    """What could be read.

    Attributes:
        points: In the order of the input.
        skipped: Number of lines that could not be read.
        first_skipped: Number of the first of them and what is wrong with it.
    """

    points: list[UsagePoint] = field(default_factory=list)
    skipped: int = 0
    first_skipped: tuple[int, str] | None = None


def parse_samples(lines: Iterable[str]) -> Samples:
    """Read one sample per line: a time and an amount of memory, with or without headings.

    The columns are separated by commas, semicolons, tabs or spaces. Without headings the first
    column is the time, and the last one is the memory.

    Raises:
        NoSamplesError: There are too many.
    """
    found, columns = Samples(), (0, -1)
    for number, line in enumerate(lines, 1):
        cells = _cells(line[:_MAX_LINE])
        if not cells or cells[0].startswith("#"):
            continue
        is_first = not (found.points or found.skipped)
        if _is_heading(line, cells, is_first=is_first):
            columns = _columns(cells)
            continue
        try:
            found.points.append(_sample(cells, columns))
        except (ValueError, OverflowError) as error:
            found.skipped += 1
            found.first_skipped = found.first_skipped or (number, str(error))
        if len(found.points) > MAX_SAMPLES:
            raise NoSamplesError(f"more than {MAX_SAMPLES:,} samples: thin them out")
    return found


def _cells(line: str) -> list[str]:
    cells = [each.strip().strip('"') for each in re.split(r"[,;\t]", line.strip())]
    if len(cells) == 1:
        cells = line.split()
    if len(cells) > 2 and _DAY.fullmatch(cells[0]):  # noqa: PLR2004 - a day, a time, and the rest
        cells = [f"{cells[0]}T{cells[1]}", *cells[2:]]
    return [] if cells == [""] else cells


def _is_heading(line: str, cells: Sequence[str], *, is_first: bool) -> bool:
    """Return whether a line has the titles of columns; loops repeat them."""
    if any(each.isdigit() for each in line) or not line.strip().replace("\t", " ").isprintable():
        return False
    return is_first or any(each.lower() in {*_TIMES, *_USAGES} for each in cells)


def _columns(headings: Sequence[str]) -> tuple[int, int]:
    """Return which column is the time and which one is the memory."""
    names = [each.lower() for each in headings]
    at = next((names.index(each) for each in _TIMES if each in names), 0)
    usage = next((names.index(each) for each in _USAGES if each in names), -1)
    return at, usage


def _sample(cells: Sequence[str], columns: tuple[int, int]) -> UsagePoint:
    if len(cells) < 2:  # noqa: PLR2004 - a time and a size
        raise ValueError(f"{_shown(cells[0])} has no two columns, a time and an amount of memory")
    at, usage = columns
    if max(at, usage) >= len(cells):
        raise ValueError(f"it has {len(cells)} columns, fewer than the headings")
    return UsagePoint(_time(cells[at]), _size(cells[usage]))


def _time(text: str) -> float:
    """Read seconds, milliseconds and so on, or RFC 3339.

    Raises:
        ValueError: It is neither.
    """
    try:
        number = float(text)
    except ValueError:
        return _moment(text)
    if not isfinite(number):
        raise ValueError(f"{_shown(text)} is not a time")
    return number * next((unit for least, unit in _UNITS if abs(number) >= least), 1.0)


def _moment(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{_shown(text)} is not a time: write seconds, milliseconds or 2026-11-29T10:00:00Z"
        ) from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)  # most files are of plain numbers
    written = _BYTES.sub(r"\1", text.replace(" ", "")) if text.endswith("B") else text
    size = parse_bytes(written.replace("K", "k") if written.endswith("K") else written)
    if size < 0:
        raise ValueError(f"{_shown(text)} is negative")
    return size


def _shown(text: str) -> str:
    return repr(text[:_SHOWN])


def parse_prometheus(text: str) -> Samples:
    """Read the answer of Prometheus' HTTP API to a range query (/api/v1/query_range).

    Several series follow each other if a container was restarted; of series at the same time it
    would not be known which one is meant.

    Raises:
        NoSamplesError: It is another document, an error, or has several series at the same time.
    """
    series = sorted((each for each in map(_values, _result(text)) if each), key=_begin)
    for earlier, later in pairwise(series):
        if later[0].at <= earlier[-1].at:
            raise NoSamplesError(
                f"it has {len(series)} series at the same time: query the memory of one container"
            )
    return Samples([point for each in series for point in each])


def _begin(points: Sequence[UsagePoint]) -> float:
    return points[0].at


def _result(text: str) -> Sequence[Mapping[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoSamplesError("it is not JSON, though it begins like it") from error
    if not isinstance(found, dict) or found.get("status") != "success":
        reason = found.get("error") if isinstance(found, dict) else None
        raise NoSamplesError(
            f"it is not the answer to a range query of Prometheus{f': {reason}' if reason else ''}"
        )
    data = found.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list) or not all(isinstance(each, dict) for each in result):
        raise NoSamplesError("it has no data.result, as the answer of Prometheus has")
    return result


def _values(series: Mapping[str, Any]) -> list[UsagePoint]:
    values = series.get("values")
    if not isinstance(values, list):
        raise NoSamplesError("it has no values: it is not the answer to a range query")
    try:
        points = [UsagePoint(float(at), int(float(usage))) for at, usage in values[:MAX_SAMPLES]]
    except (TypeError, ValueError, OverflowError) as error:
        raise NoSamplesError("its values are not pairs of a time and a number") from error
    return sorted(points, key=lambda point: point.at)
