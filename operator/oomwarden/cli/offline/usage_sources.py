"""Where samples of memory come from without a cluster: a file, or a process of this machine."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from pathlib import Path

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.ages import duration, short_duration
from oomwarden.core.model.quantity import rounded_bytes
from oomwarden.core.usage_pattern.samples import (
    NoSamplesError,
    Samples,
    parse_prometheus,
    parse_samples,
)
from oomwarden.core.usage_pattern.verdict import UsagePoint
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot

_PROC = Path("/proc")
_MAX_JSON = 256 << 20
_FORM = "write a time and an amount of memory on a line, such as 60,210Mi"


@dataclass(frozen=True, slots=True)
class SampledUsage:
    """Samples of memory and what is known of them.

    Attributes:
        source: What they are of, in words.
        limit: In bytes; None if it is not known.
        note: What went wrong on the way; empty if nothing did.
    """

    samples: Samples
    source: str
    limit: int | None = None
    note: str = ""


def from_file(name: str) -> SampledUsage:
    """Read a file; - is standard input.

    Raises:
        CliError: It cannot be read, or has no samples.
    """
    shown = "standard input" if name == "-" else name
    try:
        if name == "-":
            found = _parsed(TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace"))
        else:
            with Path(name).open(encoding="utf-8", errors="replace") as file:
                found = _parsed(file)
    except OSError as error:
        raise CliError(f"cannot read {shown}: {error.strerror}") from error
    except NoSamplesError as error:
        raise CliError(f"{shown}: {error}") from error
    if not found.points:
        raise CliError(f"{shown} has no samples{_first(found)}; {_FORM}")
    if found.skipped > len(found.points):
        raise CliError(f"most lines of {shown} are no samples{_first(found)}; {_FORM}")
    return SampledUsage(found, shown)


def _first(found: Samples) -> str:
    if found.first_skipped is None:
        return ""
    number, reason = found.first_skipped
    return f" (line {number}: {reason})"


def _parsed(file: TextIOWrapper) -> Samples:
    first = next((line for line in iter(file.readline, "") if line.strip()), "")
    if first.lstrip().startswith(("{", "[")):
        return parse_prometheus(first + file.read(_MAX_JSON))
    return parse_samples(chain([first], file))


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to read: every `interval` seconds, for `lasting` seconds."""

    interval: float
    lasting: float


def schedule(interval: str, lasting: str) -> Schedule:
    """Return when to read, as a person wrote it.

    Raises:
        CliError: Either is not a duration, or no two readings fit.
    """
    try:
        found = Schedule(duration(interval).total_seconds(), duration(lasting).total_seconds())
    except (ValueError, OverflowError) as error:
        raise CliError(f"--interval, --for: {error}", USAGE) from error
    if not 0 < found.interval <= found.lasting:
        raise CliError("--interval has to be more than 0s, and --for at least as long", USAGE)
    return found


def watched(read: Callable[[], UsagePoint | None], when: Schedule) -> Iterator[UsagePoint]:
    """Yield readings until the time is over, the reading ends (None), or Ctrl-C."""
    began = time.monotonic()
    is_terminal = sys.stderr.isatty()
    try:
        while (passed := time.monotonic() - began) <= when.lasting:
            if (point := read()) is None:
                break
            yield point
            if is_terminal:
                sys.stderr.write(_progress(point, passed, when.lasting))
            time.sleep(when.interval - passed % when.interval)
    except KeyboardInterrupt:
        pass  # the verdict so far
    finally:
        sys.stderr.write("\r\x1b[K" if is_terminal else "")


def _progress(point: UsagePoint, passed: float, lasting: float) -> str:
    return (
        f"\r\x1b[K{rounded_bytes(point.usage)}, {short_duration(passed)} of "
        f"{short_duration(lasting)}; Ctrl-C for the verdict so far"
    )


def from_process(pid: int, when: Schedule) -> SampledUsage:
    """Read the resident memory of a process of this machine.

    Raises:
        CliError: There is no such process, or this is not Linux.
    """
    try:
        with ProcRoot(_PROC).open(pid) as process:
            name = process.comm().decode(errors="backslashreplace")

            def read() -> UsagePoint | None:
                try:
                    return UsagePoint(time.monotonic(), process.resident_bytes())
                except ProcessGoneError:
                    return None

            points = list(watched(read, when))
            note = "" if read() else "the process has exited"
    except (ProcessGoneError, OverflowError) as error:
        raise CliError(f"there is no process {pid} on this machine") from error
    except OSError as error:
        raise CliError(f"cannot read process {pid}: {error.strerror}") from error
    return SampledUsage(Samples(points), f"process {pid} ({name}), resident memory", note=note)
