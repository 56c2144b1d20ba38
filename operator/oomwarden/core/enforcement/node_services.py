"""Whether a container outranks the node's own services, so that they would be killed before it."""

from collections.abc import Sequence

from msgspec import Struct

from oomwarden.core.model.remark import Remark

MAX_NAMED = 5


class NodeService(Struct, frozen=True):
    """The process of a node's service that the kernel would kill first.

    Attributes:
        service: Name of the systemd unit.
        score: Its oom_score_adj.
        memory: Memory that it uses, in bytes.
    """

    service: str
    score: int
    memory: int


class NodeServices(Struct, frozen=True):
    """The services of a node.

    Attributes:
        services: One process of each service.
        total_memory: The node's RAM in bytes.
    """

    services: tuple[NodeService, ...] = ()
    total_memory: int = 0


def badness(memory: int, score: int, total: int) -> int:
    """Return what the kernel compares when the node is out of memory, in bytes.

    It is memory in use plus oom_score_adj thousandths of all RAM (Linux mm/oom_kill.c, oom_badness;
    swap and page tables are left out, and swap is not added to RAM).
    """
    return memory + score * total // 1000


def outranked_services(
    services: NodeServices, score: int, given: int | None, limit: int | None
) -> tuple[NodeService, ...]:
    """Return the services that are always killed before a container because of a policy's score.

    Services that would also be killed before it with the kubelet's score are not included. The
    first one to be killed comes first.

    Args:
        services: The services of the node.
        score: The score that the policy sets.
        given: The kubelet's score; None if it is not known.
        limit: The container's memory limit in bytes; None for all RAM.
    """
    total = services.total_memory
    if not total or (given is not None and score >= given):
        return ()
    most = total if limit is None else min(limit, total)
    now = badness(most, score, total)
    before = None if given is None else badness(most, given, total)

    def is_outranked(service: NodeService) -> bool:
        own = badness(service.memory, service.score, total)
        return now < own and (before is None or before >= own)

    found = filter(is_outranked, services.services)
    return tuple(sorted(found, key=lambda each: (-each.score, each.service)))


def outranks_node(score: int, services: Sequence[NodeService]) -> Remark:
    """Explain which services are killed before the container, and how to protect them."""
    named = ", ".join(f"{each.service} ({each.score})" for each in services[:MAX_NAMED])
    more = len(services) - MAX_NAMED
    rest = f" and {more} more" if more > 0 else ""
    first = services[0].service
    return Remark(
        "OutranksNode",
        f"At score {score} this container is killed after services of the node, however much "
        f"memory it uses: {named}{rest}. To protect a service: on the node, create "
        f"/etc/systemd/system/{first}.d/oom.conf with [Service] and OOMScoreAdjust=-999, run "
        "systemctl daemon-reload and restart the service; or choose a higher score.",
    )
