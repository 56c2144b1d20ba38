"""For the platform team: does the part of oomwarden on the nodes work?"""

from oomwarden.core.metrics.families import containers, nodes
from oomwarden.core.metrics.families.operator import NODES
from oomwarden.core.metrics.family import Family

from tools.dashboard.panel_types import Chart, Column, Figure, Panel, Table
from tools.dashboard.promql import AGENT, STEP, count, of_operator, on_nodes

QUESTION = "Does oomwarden itself work?"
_BY_NODE = "{{instance}}"
_NOTHING = "No agent is scraped, or no node matches what is chosen above."
_CONDITIONS = on_nodes(nodes.NODE_CONDITION, 'condition!="CgroupWrites"')
_FALSE = f"min by ({AGENT}, condition) ({_CONDITIONS}) == 0"


def total(family: Family) -> str:
    """Return the sum over the chosen nodes."""
    return f"sum({on_nodes(family)})"


def highest(family: Family, *labels: str) -> str:
    """Return the ten highest values, by agent and by labels."""
    by = ", ".join((AGENT, *labels))
    return f"topk(10, max by ({by}) ({on_nodes(family)}))"


def risen(family: Family) -> str:
    """Return by how much a counter rose on the chosen nodes."""
    return count(f"increase({on_nodes(family)}[{STEP}])")


PANELS: tuple[Panel, ...] = (
    Chart(
        title="Nodes whose agents report",
        about="OOMNodes by whether their agents have reported within eleven minutes. On a silent "
        "node nobody records kills or enforces policies: look at the agent's pod and its log.",
        unit="short",
        empty="The operator is not scraped.",
        queries={"{{state}}": f"max by (state) ({of_operator(NODES)})"},
        colours={"Reporting": "green", "Silent": "red"},
        page="kubectl-oom.md",
    ),
    Table(
        title="Conditions that are False",
        about="What agents cannot do on their nodes. The message of the condition is the remedy: "
        "`kubectl oom doctor` or `kubectl describe oomnode` shows it. CgroupWrites is left out, "
        "because the chart's values choose it.",
        unit="short",
        empty="No condition is False.",
        page="kubectl-oom.md",
        labels={
            "cluster": "Cluster",
            "instance": "Node",
            "condition": "Condition",
        },
        columns={"False": Column(query=_FALSE, hidden=True)},
        sort="Node",
        ascending=True,
    ),
    Figure(
        title="Mode of the switch",
        about="Nodes by mode. Pause: scores stay as they are. Release: agents restore what they "
        "changed. Kills are recorded in each mode.",
        unit="short",
        empty="No agent is scraped.",
        width=4,
        query=f"count by (mode) ({on_nodes(nodes.MODE)} == 1)",
        legend="{{mode}}",
        steps=((None, "blue"),),
    ),
    Figure(
        title="In force",
        about="Processes whose score oomwarden has set. `kubectl get oomnodes` has them by node.",
        unit="short",
        empty=_NOTHING,
        width=4,
        query=f'label_replace({total(nodes.ENFORCED_PROCESSES)}, "what", "processes", "", "") or '
        f'label_replace({total(nodes.APPLIED_CONTAINERS)}, "what", "containers", "", "")',
        legend="{{what}}",
        steps=((None, "blue"),),
    ),
    Chart(
        title="Records that wait",
        about="Records of kills that are not yet objects in the API server. waiting: for the API "
        "server. refused: it refuses them, and they are tried again. held back: repeated kills "
        "wait for their budget and are merged, which is no fault.",
        unit="short",
        empty=_NOTHING,
        queries={
            "waiting": total(nodes.OUTBOX_RECORDS),
            "refused": total(nodes.REFUSED_RECORDS),
            "held back": total(nodes.HELD_RECORDS),
            "kills held back": total(nodes.HELD_KILLS),
        },
    ),
    Chart(
        title="Age of the oldest record that waits",
        about="The ten agents with the oldest. Above ten minutes, delivery is stuck: the agent's "
        "log names the error. Nothing is lost; records wait on the node's disk.",
        unit="s",
        empty=_NOTHING,
        queries={_BY_NODE: highest(nodes.OUTBOX_AGE)},
        steps=((None, "transparent"), (600, "red")),
    ),
    Chart(
        title="Kills without a place",
        about="unattributed: no pod was found for the kill. undeliverable: its record can never be "
        "stored, for example because the namespace is gone. outside of pods: a process of the node "
        "itself. name taken: an object of another program has the record's name.",
        unit="short",
        empty=_NOTHING,
        queries={
            "unattributed": risen(nodes.UNATTRIBUTED_KILLS),
            "undeliverable": risen(nodes.UNDELIVERABLE_KILLS),
            "outside of pods": risen(nodes.HOST_KILLS),
            "name taken": risen(nodes.TAKEN_NAMES),
        },
        bars=True,
    ),
    Chart(
        title="Kills recorded, and gap in the ledger",
        about="The gap is what the kernel has counted and no record covers yet. It is above 0 for "
        "a second or so after a kill. If it stays, an agent cannot read or store something.",
        unit="short",
        empty=_NOTHING,
        queries={"recorded": risen(nodes.RECORDED_KILLS), "gap": total(nodes.LEDGER_GAP)},
        colours={"recorded": "blue", "gap": "red"},
    ),
    Chart(
        title="What agents could not see",
        about="unreadable cgroup files: reads that failed. kernel log overruns: lines were dropped "
        "before they were read, so victims may lack details. Missing watches and unopened cgroups: "
        "raise the node's limits of inotify and of open files. containers left out: more names "
        "than an agent keeps metrics for.",
        unit="short",
        empty=_NOTHING,
        queries={
            "unreadable cgroup files": risen(nodes.UNREADABLE_FILES),
            "kernel log overruns": risen(nodes.LOG_OVERRUNS),
            "missing watches": total(nodes.MISSING_WATCHES),
            "unopened cgroups": total(nodes.UNOPENED_CGROUPS),
            "containers left out": total(containers.LEFT_OUT_CONTAINERS),
        },
    ),
    Chart(
        title="Repairs",
        about="Scores and memory.oom.group that another program had changed under a policy and "
        "that were set again. Steady repairs mean that two programs work against each other.",
        unit="short",
        empty=_NOTHING,
        queries={
            "scores": f"round(sum(increase({on_nodes(nodes.SCORE_REPAIRS)}[{STEP}])))",
            "memory.oom.group": risen(nodes.GROUP_KILL_REPAIRS),
        },
        bars=True,
    ),
    Chart(
        title="Calls that hang",
        about="worker: the kernel has not answered a call for this long; work on that process is "
        "skipped meanwhile. event loop: the age of the agent's figures; it hangs if this is more "
        "than 2 seconds.",
        unit="s",
        empty=_NOTHING,
        queries={
            "worker {{worker}} of " + _BY_NODE: f"{highest(nodes.WORKER_STUCK, 'worker')} > 0",
            "event loop of " + _BY_NODE: highest(nodes.FIGURES_AGE),
        },
        steps=((None, "transparent"), (2, "red")),
    ),
)
