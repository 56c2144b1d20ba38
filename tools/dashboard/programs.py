"""For the platform team: do the operator and the programs as such work?"""

from oomwarden.core.metrics.families import operator, process

from tools.dashboard.panel_types import Chart, Column, Panel, Table
from tools.dashboard.promql import AGENT, CLUSTER, STEP, count, of_operator, of_programs, on_nodes

_NOT_SCRAPED = "The operator is not scraped."
_SLOWEST = "histogram_quantile(0.95, sum by (queue, le) (rate({}_bucket{{{}}}[{}])))"
_CPU = f"rate({on_nodes(process.CPU_TIME)}[{STEP}])"
_PROGRAM = "by (component)"

PANELS: tuple[Panel, ...] = (
    Table(
        title="Time since a loop's last progress",
        about="The twenty oldest of agents and operator. A loop that makes no progress for long is "
        "stuck or retries an error, which the log names. Watches of the API server progress at "
        "least every few minutes.",
        unit="s",
        empty="Neither an agent nor the operator is scraped.",
        labels={"cluster": "Cluster", "instance": "Node or address", "loop": "Loop"},
        columns={
            "Age": Column(
                query=f"topk(20, max by ({AGENT}, loop) ({on_nodes(process.LOOP_AGE)}))",
                unit="s",
                width=100,
            )
        },
        sort="Age",
    ),
    Chart(
        title="Failed calls of the API server",
        about="By kind. Unreachable, Timeout, Throttled and Unavailable are tried again. "
        "Forbidden: a right is missing, for example because the chart's roles were changed. "
        "Conflict and NotFound are normal in small numbers.",
        unit="short",
        empty="No call of the API server has failed.",
        queries={"{{kind}}": count(f"increase({on_nodes(process.API_ERRORS)}[{STEP}])", "kind")},
        bars=True,
    ),
    Chart(
        title="Operator: time to work on an item",
        about="95 of 100 items take less, by queue. Values between two bounds of the histogram are "
        "estimated.",
        unit="s",
        empty="The operator is not scraped, or it had nothing to do.",
        queries={"{{queue}}": _SLOWEST.format(operator.RECONCILE_DURATION.name, CLUSTER, STEP)},
    ),
    Chart(
        title="Operator: work that waits",
        about="Items in queues. kills without a response: too many arrived in a short time. "
        "unreadable objects: written by another version, or by hand.",
        unit="short",
        empty=_NOT_SCRAPED,
        queries={
            "queue {{queue}}": f"max by (queue) ({of_operator(operator.QUEUE_LENGTH)})",
            "kills without a response": count(
                f"increase({of_operator(operator.DROPPED_RESPONSES)}[{STEP}])"
            ),
            "unreadable objects": f"max({of_operator(operator.UNREADABLE_OBJECTS)})",
        },
    ),
    Chart(
        title="OOMKills that are kept",
        about="Records in the API server, and deleted ones by the bound of the chart's retention "
        "that they exceeded. 1000 records take about 4 MiB of etcd.",
        unit="short",
        empty=_NOT_SCRAPED,
        queries={
            "kept": f"max({of_operator(operator.RETAINED_OOMKILLS)})",
            "deleted: {{bound}}": count(
                f"increase({of_operator(operator.DELETED_OOMKILLS)}[{STEP}])", "bound"
            ),
        },
    ),
    Chart(
        title="Memory by program",
        about="Resident memory: the largest and the average of each program's processes.",
        unit="bytes",
        empty="Neither an agent nor the operator is scraped.",
        width=6,
        queries={
            "{{component}}, largest": f"max {_PROGRAM} "
            f"({of_programs(on_nodes(process.RESIDENT_MEMORY))})",
            "{{component}}, average": f"avg {_PROGRAM} "
            f"({of_programs(on_nodes(process.RESIDENT_MEMORY))})",
        },
    ),
    Chart(
        title="Processor time by program",
        about="The busiest and the average of each program's processes; 100 % is one core.",
        unit="percentunit",
        empty="Neither an agent nor the operator is scraped.",
        width=6,
        queries={
            "{{component}}, busiest": f"max {_PROGRAM} ({of_programs(_CPU)})",
            "{{component}}, average": f"avg {_PROGRAM} ({of_programs(_CPU)})",
        },
    ),
    Table(
        title="Agents and operator, the largest first",
        about="The 50 programs with the most memory. Different versions are normal during an "
        "upgrade only. A young start time beside many restarts points to a crash: see the log of "
        "the pod's previous container. Of several operators, the one with a 1 works.",
        unit="short",
        empty="Neither an agent nor the operator is scraped.",
        width=12,
        labels={
            "cluster": "Cluster",
            "component": "Program",
            "version": "Version",
            "instance": "Node or address",
        },
        columns={
            "Memory": Column(
                query=f"topk(50, {of_programs(on_nodes(process.RESIDENT_MEMORY))})", unit="bytes"
            ),
            "Open files": Column(query=of_programs(on_nodes(process.OPEN_FILES))),
            "Leads": Column(query=of_programs(of_operator(operator.LEADER))),
            "Started": Column(
                query=f"{of_programs(on_nodes(process.START_TIME))} * 1000", unit="dateTimeFromNow"
            ),
        },
        sort="Memory",
    ),
)
