"""The agent's settings, from environment variables that the chart sets."""

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from oomwarden.core.log_line.line import LogFormat

DEFAULT_FLOOR = -500
_UNITS = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?", re.ASCII)
_PART = re.compile(r"([0-9]+)([hms])")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """A variable is missing or invalid; the message names it and its allowed values."""


class Settings(Struct, frozen=True):
    """The settings of one agent."""

    node: str
    """The node's name; NODE_NAME."""
    namespace: str
    """The namespace of ConfigMap `oomwarden-control`; POD_NAMESPACE."""
    cgroup_root: Path
    """The host's cgroup2 mount; OOMWARDEN_CGROUP_ROOT."""
    proc: Path
    """The host's /proc, visible with hostPID; OOMWARDEN_PROC."""
    state_dir: Path
    """The directory of the store; OOMWARDEN_STATE_DIR."""
    namespaced_floor: int | None
    """Lowest score that an OOMPolicy may set; None if it may only raise scores;
    OOMWARDEN_NAMESPACED_FLOOR."""
    cgroup_writes: bool
    """Whether memory.oom.group may be written; OOMWARDEN_CGROUP_WRITES."""
    processes_per_second: int
    """Most processes changed per second; 0 for no limit; OOMWARDEN_PROCESSES_PER_SECOND."""
    new_pods_per_minute: int
    """Most running pods changed for the first time per minute; 0 for no limit;
    OOMWARDEN_NEW_PODS_PER_MINUTE."""
    near_miss_budget: int
    """Near misses of a container within an hour from which on an Event is posted; 0 for none;
    OOMWARDEN_NEAR_MISS_BUDGET."""
    leak_event_seconds: int
    """An Event is posted for a probable leak that will reach its limit within this time; 0 for
    none; OOMWARDEN_LEAK_EVENT_WITHIN, a duration such as 6h or 1h30m."""
    report_seconds: int
    """Shortest time between two writes of the OOMNode; OOMWARDEN_REPORT_SECONDS."""
    poll_seconds: int
    """Interval of polling what has no watch, such as node labels; OOMWARDEN_LOOK_SECONDS."""
    metrics_port: int
    """TCP port of /healthz, /readyz and /metrics; OOMWARDEN_METRICS_PORT."""
    rank_port: int
    """TCP port of the ranking on the pod's loopback; 0 for none; OOMWARDEN_RANK_PORT."""
    pod: str
    """The name of the agent's pod; POD_NAME."""
    log_level: str
    """One of DEBUG, INFO, WARNING, ERROR; OOMWARDEN_LOG_LEVEL."""
    log_format: LogFormat
    """The format of the log's lines; OOMWARDEN_LOG_FORMAT."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings.

    Raises:
        SettingsError: a variable is missing or invalid.
    """
    return Settings(
        node=_required(environment, "NODE_NAME"),
        namespace=_required(environment, "POD_NAMESPACE"),
        cgroup_root=Path(environment.get("OOMWARDEN_CGROUP_ROOT", "/sys/fs/cgroup")),
        proc=Path(environment.get("OOMWARDEN_PROC", "/proc")),
        state_dir=Path(environment.get("OOMWARDEN_STATE_DIR", "/var/lib/oomwarden")),
        namespaced_floor=_floor(environment.get("OOMWARDEN_NAMESPACED_FLOOR")),
        cgroup_writes=_boolean(environment, "OOMWARDEN_CGROUP_WRITES"),
        processes_per_second=_cap(environment, "OOMWARDEN_PROCESSES_PER_SECOND", 500),
        new_pods_per_minute=_cap(environment, "OOMWARDEN_NEW_PODS_PER_MINUTE", 120),
        near_miss_budget=_integer(environment, "OOMWARDEN_NEAR_MISS_BUDGET", 0, range(1 << 31)),
        leak_event_seconds=_duration(environment, "OOMWARDEN_LEAK_EVENT_WITHIN"),
        report_seconds=_integer(environment, "OOMWARDEN_REPORT_SECONDS", 10, range(1, 301)),
        poll_seconds=_integer(environment, "OOMWARDEN_LOOK_SECONDS", 60, range(5, 601)),
        metrics_port=_integer(environment, "OOMWARDEN_METRICS_PORT", 9808, range(1, 65536)),
        rank_port=_integer(environment, "OOMWARDEN_RANK_PORT", 0, range(65536)),
        pod=environment.get("POD_NAME", ""),
        log_level=_level(environment.get("OOMWARDEN_LOG_LEVEL", "INFO").upper()),
        log_format=_format(environment.get("OOMWARDEN_LOG_FORMAT", LogFormat.JSON)),
    )


def _cap(environment: Mapping[str, str], name: str, default: int) -> int:
    return _integer(environment, name, default, range(100_001))


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set: the chart sets it from the downward API")
    return value


def _floor(value: str | None) -> int | None:
    if value is None:
        return DEFAULT_FLOOR
    if value == "kubelet":
        return None
    return _integer({"floor": value}, "floor", 0, range(-997, 1001), "OOMWARDEN_NAMESPACED_FLOOR")


def _integer(
    environment: Mapping[str, str],
    name: str,
    default: int,
    allowed: range,
    shown: str | None = None,
) -> int:
    text = environment.get(name, str(default))
    try:
        value = int(text)
    except ValueError:
        value = allowed.start - 1
    if value not in allowed:
        span = f"{allowed.start} to {allowed.stop - 1}"
        raise SettingsError(f"{shown or name} is {text!r}: set it to a whole number from {span}")
    return value


def _duration(environment: Mapping[str, str], name: str) -> int:
    """Return seconds; 0 for an empty text."""
    text = environment.get(name, "")
    if not _DURATION.fullmatch(text):
        raise SettingsError(f"{name} is {text!r}: set it to a duration such as 1h30m, or empty")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _boolean(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "false")
    if value not in {"true", "false"}:
        raise SettingsError(f"{name} is {value!r}: set it to true or false")
    return value == "true"


def _level(value: str) -> str:
    if value not in _LEVELS:
        raise SettingsError(
            f"OOMWARDEN_LOG_LEVEL is {value!r}: set it to one of {', '.join(_LEVELS)}"
        )
    return value


def _format(value: str) -> LogFormat:
    if value not in set(LogFormat):
        raise SettingsError(
            f"OOMWARDEN_LOG_FORMAT is {value!r}: set it to {' or '.join(LogFormat)}"
        )
    return LogFormat(value)
