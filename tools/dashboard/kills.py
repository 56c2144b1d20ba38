"""For the person on call: who was killed, and why?"""

from oomwarden.core.metrics.families import containers

from tools.dashboard.panel_types import GOOD_BELOW_ONE, Chart, Column, Panel, Table
from tools.dashboard.promql import CONTAINER, FIRING, KILLS, RANGE, STEP, count, rise

QUESTION = "Who was killed, and why?"
_KILLED = f"{CONTAINER}, owner_kind, owner_name, cause"
_WORKLOAD = "cluster, namespace, owner_kind, owner_name"
_LAST = f"max_over_time(timestamp(increase({KILLS}[{STEP}]) > 0)[{RANGE}:$__interval])"
"""The last step whose window has a kill: late by one window at most."""
CAUSES = {
    "ContainerLimit": "orange",
    "PodLimit": "yellow",
    "NodeAllocatable": "red",
    "NodeOutOfMemory": "dark-red",
    "NumaNodesOutOfMemory": "purple",
    "Unknown": "blue",
}


def _with_command(expression: str) -> str:
    joined = f'label_join({expression}, "command", " ", "namespace", "pod")'
    return f'label_replace({joined}, "command", "kubectl oom why -n $1", "command", "(.+)")'


PANELS: tuple[Panel, ...] = (
    Chart(
        title="OOM kills by cause",
        about="Each OOM kill in a container counts once, also where a group kill ended all its "
        "processes. ContainerLimit and PodLimit: the workload ran into its own limit. "
        "NodeAllocatable and NodeOutOfMemory: the pods of the node together used too much, and the "
        "kernel chose the victim by its score, which policies set.",
        unit="short",
        empty="No agent is scraped, or nothing matches what is chosen above.",
        width=14,
        queries={"{{cause}}": count(rise(containers.OOM_KILLS, STEP), "cause")},
        bars=True,
        colours=CAUSES,
    ),
    Chart(
        title="Kills and killed processes",
        about="Many more processes than kills: group kills, which end a whole container. As many "
        "processes as kills while no container restarts: children are killed and their parent "
        "carries on, which Kubernetes does not show.",
        unit="short",
        empty="No agent is scraped, or nothing matches what is chosen above.",
        width=10,
        queries={
            "OOM kills": count(rise(containers.OOM_KILLS, STEP)),
            "killed processes": count(rise(containers.OOM_VICTIMS, STEP)),
        },
        colours={"OOM kills": "orange", "killed processes": "purple"},
    ),
    Table(
        title="Who was killed",
        about="Containers with OOM kills in the time range, the last one first. The time is up to "
        "a few minutes late, depending on the time range. The command explains the kill: who, "
        "whose limit, a leak or a spike, and what to do. A container without a name was gone "
        "before its name was known, or the pod's own limit was hit.",
        unit="short",
        empty="No OOM kills in this time range.",
        width=24,
        height=9,
        page="kubectl-oom.md#kubectl-oom-why-the-story-of-a-kill",
        labels={
            "cluster": "Cluster",
            "namespace": "Namespace",
            "pod": "Pod",
            "container": "Container",
            "owner_kind": "Owner",
            "owner_name": "Owner's name",
            "cause": "Cause",
            "command": "Explain it with",
        },
        columns={
            "Kills": Column(
                query=_with_command(f"{count(rise(containers.OOM_KILLS, RANGE), _KILLED)} > 0"),
                width=70,
            ),
            "Last kill": Column(
                query=f"max by ({_KILLED}) ({_LAST}) * 1000", unit="dateTimeFromNow", width=140
            ),
        },
        sort="Last kill",
        widths={"Explain it with": 380},
    ),
    Table(
        title="Workloads with the most kills",
        about="OOM kills of all pods of a workload in the time range. A pod without a controller "
        "has no owner.",
        unit="short",
        empty="No OOM kills in this time range.",
        width=7,
        labels={
            "cluster": "Cluster",
            "namespace": "Namespace",
            "owner_kind": "Owner",
            "owner_name": "Owner's name",
        },
        columns={
            "Kills": Column(
                query=f"topk(15, {count(rise(containers.OOM_KILLS, RANGE), _WORKLOAD)} > 0)",
                width=80,
            ),
        },
        sort="Kills",
    ),
    Table(
        title="Protected workloads that were killed all the same",
        about="OOM kills in containers whose score a policy had lowered. A lower score does not "
        "help against a container's own limit: raise the limit, or let the policy raise it "
        "(onOOM). Otherwise look at the memory of the node and at what has an even lower score.",
        unit="short",
        empty="No protected workload was killed.",
        width=10,
        page="policies.md",
        labels={
            "cluster": "Cluster",
            "namespace": "Namespace",
            "pod": "Pod",
            "container": "Container",
            "policy_kind": "Kind",
            "policy": "Policy",
        },
        columns={
            "Kills": Column(
                query=count(
                    rise(containers.PROTECTED_OOM_KILLS, RANGE), f"{CONTAINER}, policy_kind, policy"
                )
                + " > 0",
                steps=GOOD_BELOW_ONE,
                width=80,
            ),
        },
        sort="Kills",
    ),
    Table(
        title="Alerts that fire",
        about="oomwarden's alerts that fire now, of kills and of oomwarden itself. Each has a "
        "runbook. None also where the rules are not installed.",
        unit="short",
        empty="No alert fires.",
        width=7,
        page="runbooks/README.md",
        labels={"cluster": "Cluster", "alertname": "Alert", "severity": "Severity"},
        columns={
            "Firing": Column(query=f"count by (cluster, alertname, severity) ({FIRING})", width=80)
        },
        sort="Firing",
    ),
)
