"""What an incident adds to the counters of its container."""

from oomwarden.core.incidents.incident import Incident
from oomwarden.core.metrics.families.containers import OOM_KILLS, OOM_VICTIMS, PROTECTED_OOM_KILLS
from oomwarden.core.metrics.kill_count import KillCount


def kill_counts(incident: Incident) -> list[KillCount]:
    """Return what an incident adds. The container is empty if it is not known which one it was."""
    pod, owner, counted = incident.pod, incident.pod.owner, incident.counter_range
    name = (pod.namespace, pod.name, incident.container.name if incident.container else "")
    workload = (owner.kind, owner.name) if owner else ("", "")
    found = [
        KillCount(OOM_KILLS, (*name, *workload, str(incident.verdict.cause)), incident.kills),
        KillCount(OOM_VICTIMS, name, counted.end - counted.start),
    ]
    policy = incident.context.policy
    if policy is not None and incident.context.is_protected:
        found.append(
            KillCount(PROTECTED_OOM_KILLS, (*name, policy.kind, policy.name), incident.kills)
        )
    return found
