"""Every reason of an Event that agent and operator post."""

from typing import NamedTuple

from oomwarden.core.limits.response import CONTROLLER
from oomwarden.core.records.early_warning import LEAK_SUSPECTED, LIMIT_HIT

from tools.reference.markdown import code, link, page, section, table

AGENT = "oomwarden.io/agent"


class DescribedEvent(NamedTuple):
    """What a user should know about an Event.

    Attributes:
        reason: Its reason.
        type: Normal or Warning.
        controller: Its reportingController.
        meaning: When it is posted.
        remedy: What to do.
        bound: How often it is posted.
    """

    reason: str
    type: str
    controller: str
    meaning: str
    remedy: str
    bound: str


EVENTS = (
    DescribedEvent(
        "OOMKilled",
        "Warning",
        AGENT,
        (
            "The kernel killed a process of the container. The note has the victim, the "
            "limit, the cause and what filled the memory."
        ),
        "`kubectl oom why` has the whole story and a patch. The OOMKill of the same name is the "
        "durable record.",
        "One for each record. Its series counts the kills of a merged record. None for a kill that "
        "is older than an hour when it can be delivered.",
    ),
    DescribedEvent(
        "OOMKilledMisreported",
        "Warning",
        AGENT,
        (
            "The kubelet reports another reason than OOMKilled for a container that died of "
            "an OOM kill."
        ),
        "Believe the record: the container did not fail by itself.",
        "Once an hour for a container, after the kubelet's status has stayed the same for 45 s.",
    ),
    DescribedEvent(
        LIMIT_HIT,
        "Warning",
        AGENT,
        "A container hit its memory limit more often within an hour than "
        "`agent.nearMisses.eventBudget` allows, and the kernel could reclaim memory each time.",
        (
            "Harmless if most of its memory is page cache and its tasks do not wait (the "
            "note says both). Otherwise raise the limit, or reduce its memory usage, before "
            "it is killed."
        ),
        "Once an hour for a container, only if the value is set.",
    ),
    DescribedEvent(
        LEAK_SUSPECTED,
        "Warning",
        AGENT,
        "A container probably leaks memory and will reach its limit within "
        "`agent.leaks.eventWithin`.",
        "Take a heap profile, or restart it at a time of your choice.",
        "Once in the life of a container, only if the value is set.",
    ),
    DescribedEvent(
        "MemoryLimitRaised",
        "Normal",
        CONTROLLER,
        "A policy's `onOOM.raiseLimit` raised the limit after a kill.",
        "The note has the command that keeps the change in the owner's template: a new pod starts "
        "with the old limit.",
        "One for each raise.",
    ),
    DescribedEvent(
        "MemoryLimitNotRaised",
        "Warning",
        CONTROLLER,
        (
            "A policy asks for a raise after this kill, and the limit was not raised. The "
            "note says why."
        ),
        "See " + link("the reasons of a response", "conditions.md") + ".",
        "One for each kill, except for reasons that recur with every kill of a crash loop: "
        "`Cooldown`, `UpToReached`, `Observed` and `TooLate`.",
    ),
)


_COMMAND = """\
<!-- run: lab -->
```bash
kubectl get events -n shop --field-selector reason=OOMKilled
```"""


def events_page() -> str:
    """Return the page of all Events."""
    return page(
        "Events",
        "operator/oomwarden/core/records and core/limits/response.py",
        "Every Event is about a Pod, with the container as its `fieldPath`, and is shown by "
        "`kubectl describe pod`. The API server deletes Events after an hour; OOMKills stay.",
        _COMMAND,
        table(
            ("reason", "type", "posted by"),
            [(link(each.reason), each.type, code(each.controller)) for each in EVENTS],
        ),
        *(_section(each) for each in EVENTS),
    )


def _section(event: DescribedEvent) -> str:
    return section(
        event.reason, event.meaning, f"What to do: {event.remedy}", f"How often: {event.bound}"
    )
