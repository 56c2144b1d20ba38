"""Services of a node that are killed before containers because of policies, for OOMNode."""

from collections.abc import Callable, Iterable

from msgspec import structs

from oomwarden.api.oomnode import OutrankedService
from oomwarden.core.enforcement.node_services import NodeService
from oomwarden.core.reporting.policy_report import ContainerStatus

MAX_OUTRANKED = 20
OutrankedBy = Callable[[ContainerStatus, int], tuple[NodeService, ...]]
"""Returns the services that are killed before a container at a score."""


def outranked_list(
    items: Iterable[ContainerStatus], outranked_by: OutrankedBy
) -> tuple[tuple[OutrankedService, ...], int]:
    """Return the services, the first to die first, and how many are left out.

    Only scores in force count. A service is listed with the first of its containers by name.
    """
    found: dict[str, OutrankedService] = {}
    for item in sorted(items, key=lambda each: (each.pod.namespace, each.pod.name, each.container)):
        score = item.evaluation.target.lowest if item.enforced else None
        for service in outranked_by(item, score) if score is not None else ():
            found[service.service] = _counted(found.get(service.service), service, item)
    listed = sorted(found.values(), key=lambda each: (-each.oom_score_adj, each.service))
    return tuple(listed[:MAX_OUTRANKED]), max(len(listed) - MAX_OUTRANKED, 0)


def _counted(
    before: OutrankedService | None, service: NodeService, item: ContainerStatus
) -> OutrankedService:
    if before is not None:
        return structs.replace(before, containers=before.containers + 1)
    return OutrankedService(
        service=service.service,
        oom_score_adj=service.score,
        containers=1,
        pod=f"{item.pod.namespace}/{item.pod.name}",
        container=item.container,
    )
