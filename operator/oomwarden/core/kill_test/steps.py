"""The steps of a kill test, and the verdict on them."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord
from oomwarden.core.kill_test.progress import PodProgress
from oomwarden.core.kill_test.sacrifice import LIMIT
from oomwarden.core.model.quantity import format_bytes

DOCTOR = "kubectl oom doctor"


class StepName(StrEnum):
    """What a test consists of."""

    CREATED = "created"
    SCHEDULED = "scheduled"
    KILLED = "killed"
    RECORD = "record"
    EVENT = "event"
    METRIC = "metric"
    CLEANUP = "clean-up"


class StepOutcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class KillStep(Struct, frozen=True):
    """A step.

    Attributes:
        seconds: Since the pod was created, by this machine's clock.
        text: What was seen.
    """

    name: StepName
    outcome: StepOutcome
    seconds: float
    text: str


REQUIRED = (StepName.SCHEDULED, StepName.KILLED, StepName.RECORD, StepName.EVENT)


def missing_steps(steps: Iterable[KillStep]) -> list[StepName]:
    """Return the required steps that have not succeeded."""
    done = {each.name for each in steps if each.outcome is StepOutcome.OK}
    return [name for name in REQUIRED if name not in done]


def has_passed(steps: Iterable[KillStep]) -> bool:
    """Return whether the test has succeeded."""
    return not missing_steps(steps)


def describe_record(record: KillRecord) -> str:
    """Describe the record of the kill."""
    limit = "" if record.limit is None else f" {format_bytes(record.limit)}"
    victims = [f"{each.command} (pid {each.pid})" for each in record.victims]
    victim = f", killed {victims[0]}" if victims else ", its victim is unknown"
    return f"OOMKill {record.name}: {record.cause}{limit}{victim}"


def why_failed(missing: Sequence[StepName], progress: PodProgress | None, waited: float) -> str:
    """Return what the first missing step means, and what to check."""
    obstacle = f" ({progress.obstacle})" if progress and progress.obstacle else ""
    node = (progress.node if progress else None) or "its node"
    within = f"within {waited:.0f} s"
    match missing[0]:
        case StepName.SCHEDULED:
            return f"the pod was not scheduled {within}{obstacle}; name another node by --node"
        case StepName.KILLED if progress and progress.is_ended:
            return (
                f"the container ended before it reached its limit of {LIMIT}: "
                f"{progress.describe_end}; the image needs python3"
            )
        case StepName.KILLED:
            what = obstacle or " (it runs, so its limit may not be enforced)"
            return f"the container was not killed {within}{what}; wait longer with --timeout"
        case StepName.RECORD:
            return f"no OOMKill of the pod came {within}; check the agent on {node}: {DOCTOR}"
        case _:
            return (
                f"the OOMKill came, but no Event {within}; check whether the agent may create "
                f"Events: {DOCTOR}"
            )
