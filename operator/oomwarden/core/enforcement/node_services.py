"""Whether a container outranks the node's own services: they would be killed before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from oomwarden.core.model.remark import Remark

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class NodeService:
    """A process of a service of the node. `memory` in bytes that it holds in RAM."""

    service: str
    score: int
    memory: int


@dataclass(frozen=True, slots=True)
class NodeServices:
    """The services of a node: of each the process that the kernel would take first.

    `total` is the node's RAM in bytes.
    """

    daemons: tuple[NodeService, ...] = ()
    total: int = 0


def badness(memory: int, score: int, total: int) -> int:
    """Give what the kernel compares when the node is out of memory, in bytes.

    Memory in use plus oom_score_adj thousandths of all RAM (Linux mm/oom_kill.c, oom_badness;
    swap and page tables are left out, and swap is not added to RAM).
    """
    return memory + score * total // 1000


def outranked(
    services: NodeServices, score: int, given: int | None, limit: int | None
) -> tuple[NodeService, ...]:
    """Find the services that die before a container whatever it holds, because of our score.

    Those that die before it by what the kubelet gave are not our doing. The first to die come
    first.

    Args:
        services: Of the node.
        score: What the policy gives the container.
        given: What the kubelet gave; None: not known.
        limit: The container's memory limit in bytes; None: all RAM.
    """
    total = services.total
    if not total or (given is not None and score >= given):
        return ()
    most = total if limit is None else min(limit, total)
    now = badness(most, score, total)
    before = None if given is None else badness(most, given, total)

    def is_outranked(daemon: NodeService) -> bool:
        own = badness(daemon.memory, daemon.score, total)
        return now < own and (before is None or before >= own)

    found = filter(is_outranked, services.daemons)
    return tuple(sorted(found, key=lambda each: (-each.score, each.service)))


def warning(score: int, daemons: Sequence[NodeService]) -> Remark:
    """Say which services die before the container, and what protects them."""
    named = ", ".join(f"{each.service} ({each.score})" for each in daemons[:MOST_NAMED])
    more = len(daemons) - MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    first = daemons[0].service
    return Remark(
        "OutranksNode",
        f"At {score} this container is killed after services of the node, whatever it holds: "
        f"{named}{rest}. To protect a service: on the node, /etc/systemd/system/{first}.d/oom.conf "
        "with [Service] and OOMScoreAdjust=-999, then systemctl daemon-reload and restart it; or "
        "choose a higher score.",
    )
