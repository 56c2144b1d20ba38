"""Rows of nodes: memory, promises, pressure and the health of the agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oomwarden.cli.output.ages import age, short_duration
from oomwarden.cli.output.sizes import short_size
from oomwarden.cli.output.tables import table
from oomwarden.cli.output.terminal import visible
from oomwarden.core.diagnosis.node_health import AgentState, NodeHealth
from oomwarden.core.diagnosis.node_view import NodeView
from oomwarden.core.diagnosis.promises import promises_of

_COLUMNS = (
    "NODE", "HEALTH", "FREE", "SWAP", "OVERCOMMIT", "COMMIT", "PRESSURE", "NEAR MISSES", "KILLS",
    "OUTRANKED",
)  # fmt: skip
_WIDE = (*_COLUMNS, "COMMITTED", "LIMIT", "HUGE PAGES", "KERNEL", "VERSION", "WRITTEN")
_UNKNOWN = "<unknown>"


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node with the health of its agent at one moment."""

    node: NodeView
    health: NodeHealth


def node_table(rows: Sequence[NodeRow], now: datetime, *, is_wide: bool, headed: bool) -> str:
    """Return a row for each node, below headings."""
    cells = [_cells(row) + (_more(row.node, now) if is_wide else []) for row in rows]
    return table(_WIDE if is_wide else _COLUMNS, cells, headed=headed)


def _cells(row: NodeRow) -> list[object]:
    node = row.node
    missed = node.near_misses.total
    return [
        node.name,
        _health(row.health),
        _free(node),
        _swap(node),
        _overcommit(node),
        _commit(node),
        _pressure(node),
        _UNKNOWN if missed is None else missed,
        node.kills.get("recorded", _UNKNOWN),
        _UNKNOWN if node.outranked is None else len(node.outranked) + node.outranked_left_out,
    ]


def _more(node: NodeView, now: datetime) -> list[object]:
    sizes = node.sizes
    return [
        short_size(sizes.get("committedAS")),
        short_size(sizes.get("commitLimit")),
        short_size(sizes.get("hugePages")),
        node.release or _UNKNOWN,
        node.version or _UNKNOWN,
        age(node.heartbeat, now),
    ]


def _health(health: NodeHealth) -> str:
    """Return the state, with what is wrong: Degraded (KernelLog +1)."""
    if health.state == AgentState.SILENT:
        return "Silent" if health.age is None else f"Silent ({short_duration(health.age)})"
    failing = [each.type for each in health.failing if each.type != "Ready"]
    if not failing:
        return health.state
    more = f" +{len(failing) - 1}" if len(failing) > 1 else ""
    return f"{health.state} ({visible(failing[0])}{more})"


def _free(node: NodeView) -> str:
    total = node.sizes.get("total", node.sizes.get("capacity"))
    available = node.sizes.get("available")
    if available is None and total is None:
        return _UNKNOWN
    return f"{'?' if available is None else short_size(available)}/{short_size(total)}"


def _swap(node: NodeView) -> str:
    free, total = node.sizes.get("swapFree"), node.sizes.get("swapTotal")
    if total is None:
        return _UNKNOWN
    return f"{short_size(free)}/{short_size(total)}" if total else "none"


def _overcommit(node: NodeView) -> str:
    if node.mode is None:
        return _UNKNOWN
    kbytes = node.sizes.get("kbytes")
    amount = short_size(kbytes) if kbytes else None if node.ratio is None else f"{node.ratio}%"
    return f"{node.mode.lower()}, {amount}" if amount else node.mode.lower()


def _commit(node: NodeView) -> str:
    promises = promises_of(node)
    if promises.share is None:
        return _UNKNOWN
    return f"{promises.share:.0f}%" + (" (limit differs)" if promises.differs else "")


def _pressure(node: NodeView) -> str:
    share = node.stalls.get(("some", "avg60"))
    if share is None:
        return "off" if "total" in node.sizes else _UNKNOWN
    return f"{share:g}%"
