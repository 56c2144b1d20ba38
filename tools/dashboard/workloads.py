"""For the owner of a workload: which one is next, and what do policies do about it?"""

from oomwarden.core.metrics.families import containers, nodes, operator

from tools.dashboard.panel_types import Chart, Column, Panel, Steps, Table
from tools.dashboard.promql import (
    CONTAINER,
    RANGE,
    STEP,
    count,
    each_container,
    in_namespaces,
    of_operator,
    of_policies,
    of_workloads,
    rise,
    with_owner,
)

QUESTION = "Which workload is next?"
NEAR: Steps = ((None, "green"), (0.9, "orange"), (0.97, "red"))
SOON: Steps = ((None, "red"), (6 * 3600, "orange"), (24 * 3600, "text"))
_LIMIT = each_container(containers.MEMORY_LIMIT)
_USAGE = each_container(containers.MEMORY_USAGE)
_WORKING_SET = each_container(containers.MEMORY_WORKING_SET)
SHARE = f"{_WORKING_SET} / {_LIMIT}"
TIME_LEFT = each_container(containers.TIME_TO_LIMIT)
_NEAREST = f"topk(20, {SHARE})"
_OF_NEAREST = f"and on ({CONTAINER}) {_NEAREST}"
_EACH = {"cluster": "Cluster", "namespace": "Namespace", "pod": "Pod", "container": "Container"}
_POLICY = {
    "cluster": "Cluster",
    "policy_kind": "Kind",
    "policy_namespace": "Namespace",
    "policy": "Policy",
}
_BY_POLICY = ", ".join(_POLICY)


def _in_state(state: str) -> str:
    series = of_policies(nodes.POLICY_CONTAINERS, f'state="{state}"')
    return f"sum by ({_BY_POLICY}) ({series})"


_REPAIRS = f"increase({of_policies(nodes.SCORE_REPAIRS)}[{RANGE}])"
_REASONS = of_policies(nodes.POLICY_REFUSED_CONTAINERS)
_RESPONSES = of_operator(operator.RESPONSES, 'namespace=~"$namespace"')

PANELS: tuple[Panel, ...] = (
    Table(
        title="Containers nearest to their limits",
        about="The working set (usage without inactive page cache) as a share of the limit, of "
        "those that use 80 % of their limits or more. The kernel kills when the rest cannot be "
        "reclaimed. At 90 %, find out whether memory grows or is only at its peak.",
        unit="bytes",
        empty="No container uses 80 % of its limit.",
        width=15,
        height=9,
        labels=_EACH | {"owner_kind": "Owner", "owner_name": "Owner's name"},
        columns={
            "Usage": Column(query=f"{_USAGE} {_OF_NEAREST}", unit="bytes", width=90),
            "Working set": Column(query=f"{_WORKING_SET} {_OF_NEAREST}", unit="bytes", width=110),
            "Limit": Column(query=f"{_LIMIT} {_OF_NEAREST}", unit="bytes", width=90),
            "Share of limit": Column(
                query=with_owner(_NEAREST), unit="percentunit", steps=NEAR, gauge=True, width=190
            ),
        },
        sort="Share of limit",
    ),
    Chart(
        title="Working sets as a share of the limit",
        about="The ten containers that are nearest to their limits at each point in time. A line "
        "exists while a container uses 80 % of its limit or more, page cache included. Saw teeth "
        "that end near 100 % are kills and restarts.",
        unit="percentunit",
        empty="No container uses 80 % of its limit.",
        width=9,
        height=9,
        queries={"{{namespace}}/{{pod}} {{container}}": f"topk(10, {SHARE})"},
        steps=NEAR,
        top=1,
    ),
    Table(
        title="Time until the limit",
        about="How long containers take to their limits if usage goes on like in the last hours. A "
        "leak needs a fix; until then, a higher limit or a planned restart buys time.",
        unit="dtdurations",
        empty="No container is on its way to its limit, as far as the last hours show.",
        width=12,
        page="kubectl-oom.md",
        labels=_EACH | {"pattern": "Pattern"},
        columns={
            "Reaches its limit in": Column(
                query=f"sort({TIME_LEFT})", unit="dtdurations", steps=SOON, width=200
            )
        },
        sort="Reaches its limit in",
        ascending=True,
    ),
    Chart(
        title="Near misses",
        about="How often containers hit their limits and lived, because the kernel could reclaim "
        "memory: the ten with the most. Reading many files causes them without harm. With a "
        "growing working set they announce a kill.",
        unit="short",
        empty="No limit was hit without a kill.",
        width=12,
        queries={
            "{{namespace}}/{{pod}} {{container}}": "topk(10, "
            + count(rise(containers.NEAR_MISSES, STEP), CONTAINER)
            + " > 0)"
        },
        bars=True,
    ),
    Chart(
        title="Events of memory.events",
        about="What the kernel did in containers. high: it slowed one down to reclaim memory. max: "
        "a limit was hit. oom: reclaim failed. oom_kill: it killed a process. oom_group_kill: it "
        "killed a whole container.",
        unit="cps",
        empty="The kernel has counted no such event in a container.",
        width=7,
        queries={
            "{{event}}": "sum by (event) ("
            + of_workloads(f"rate({in_namespaces(containers.MEMORY_EVENTS)}[{STEP}])")
            + ")"
        },
    ),
    Table(
        title="Policies",
        about="Containers that each policy matches. Enforced: its scores are set. Observed: it "
        "only reports. Refused: it is not completely in force; the table beside says why. Repairs: "
        "scores that another program had changed and that were set again, in the time range.",
        unit="short",
        empty="No policy selects a container.",
        width=9,
        page="policies.md",
        labels=_POLICY,
        columns={
            "Enforced": Column(query=_in_state("Enforced"), width=80),
            "Observed": Column(query=_in_state("Observed"), width=80),
            "Refused": Column(
                query=_in_state("Refused"), steps=((None, "text"), (1, "red")), width=80
            ),
            "Repairs": Column(
                query=count(_REPAIRS, _BY_POLICY), steps=((None, "text"), (1, "orange")), width=80
            ),
        },
        sort="Refused",
    ),
    Table(
        title="Why policies are not in force",
        about="Containers by the first reason for which a policy is not completely in force on "
        "them. `kubectl describe oompolicy` names the containers and the remedy.",
        unit="short",
        empty="Every policy is completely in force.",
        width=8,
        page="policies.md",
        labels=_POLICY | {"reason": "Reason"},
        columns={
            "Containers": Column(query=f"sum by ({_BY_POLICY}, reason) ({_REASONS}) > 0", width=90)
        },
        sort="Containers",
    ),
    Chart(
        title="Responses to kills",
        about="What policies with raiseLimit did about OOM kills. RaisedLimit: the limit was "
        "raised. UpToReached: it is already at upTo, so the next kill is not prevented: raise "
        "upTo, or find out what fills the memory.",
        unit="short",
        empty="No policy has responded to a kill.",
        width=12,
        page="policies.md",
        queries={
            "{{namespace}}: {{reason}}": count(
                f"increase({_RESPONSES}[{STEP}])", "namespace, reason"
            )
        },
        bars=True,
    ),
    Chart(
        title="Limits that policies set",
        about="Memory limits that the operator was to set for policies, by result. Denied and "
        "Refused: quota, a LimitRange or an admission policy did not allow it. Failed: the API "
        "server did not answer; it is tried again.",
        unit="short",
        empty="No policy has asked for a memory limit.",
        width=12,
        page="policies.md",
        queries={
            "{{result}}": count(f"increase({of_operator(operator.RESIZES)}[{STEP}])", "result")
        },
        bars=True,
    ),
)
