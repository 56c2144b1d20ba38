"""The figures at the head of the dashboard: is there anything to look at?"""

from oomwarden.core.metrics.families import containers
from oomwarden.core.metrics.families.operator import NODES

from tools.dashboard.panel_types import Figure, Panel, Steps
from tools.dashboard.promql import FIRING, RANGE, count, of_operator, rise
from tools.dashboard.workloads import SHARE, TIME_LEFT

_WORTH_A_LOOK: Steps = ((None, "green"), (1, "orange"))
_SIZE = 4
_SILENT = of_operator(NODES, 'state="Silent"')

PANELS: tuple[Panel, ...] = (
    Figure(
        title="OOM kills",
        about="In the time range. A group kill, which ends a whole container, is one.",
        unit="short",
        empty="No data",
        width=_SIZE,
        height=_SIZE,
        query=count(rise(containers.OOM_KILLS, RANGE)),
        steps=_WORTH_A_LOOK,
    ),
    Figure(
        title="Kills of protected workloads",
        about="OOM kills in containers whose score a policy had lowered, in the time range.",
        unit="short",
        empty="None",
        width=_SIZE,
        height=_SIZE,
        query=count(rise(containers.PROTECTED_OOM_KILLS, RANGE)),
    ),
    Figure(
        title="Containers near their limits",
        about="Containers whose working set is above 90 % of their limit now.",
        unit="short",
        empty="None",
        width=_SIZE,
        height=_SIZE,
        query=f"count({SHARE} > 0.9)",
        steps=_WORTH_A_LOOK,
    ),
    Figure(
        title="At the limit within 6 hours",
        about="Containers that reach their limits within 6 hours if usage goes on like in the last "
        "hours.",
        unit="short",
        empty="None",
        width=_SIZE,
        height=_SIZE,
        query=f"count({TIME_LEFT} < 6 * 3600)",
        steps=_WORTH_A_LOOK,
    ),
    Figure(
        title="Silent nodes",
        about="Nodes whose agent has not reported for eleven minutes: nobody records kills there.",
        unit="short",
        empty="Unknown: no operator",
        width=_SIZE,
        height=_SIZE,
        query=f"sum({_SILENT})",
    ),
    Figure(
        title="Alerts",
        about="oomwarden's alerts that fire now. None also if the rules are not installed.",
        unit="short",
        empty="None",
        width=_SIZE,
        height=_SIZE,
        query=f"count({FIRING})",
    ),
)
