"""One node in words: its agent, memory, what the kernel promises, kills, and what to do."""

from collections.abc import Iterator
from datetime import datetime

from oomwarden.cli.output.ages import short_duration
from oomwarden.cli.output.paragraphs import paragraph
from oomwarden.cli.output.sizes import short_size
from oomwarden.core.diagnosis.node_health import AgentState, NodeHealth, node_health
from oomwarden.core.diagnosis.node_view import AVERAGES, NodeView
from oomwarden.core.diagnosis.promises import Promises, promises_of

_MODES = {
    "Heuristic": "heuristic (vm.overcommit_memory=0): only a request that is obviously too large "
    "fails; the limit below is not enforced",
    "Always": "always (1): no request fails; the limit below is not enforced",
    "Never": "never (2): a request beyond the limit below fails with ENOMEM, before anything is "
    "killed",
}
_AVERAGES = dict(zip(AVERAGES, ("10 s", "1 min", "5 min"), strict=True))
_NOT_CARRIED = "<unknown>: this agent does not report it; upgrade it"
_MAX_NAMED = 5
_LABEL = 15


def node_details(node: NodeView, now: datetime) -> str:
    """Return all about one node, with a remedy for each thing that is wrong."""
    lines = [*_agent(node, now), *_memory(node), *_overcommit(node), *_kills(node)]
    text = "".join(paragraph(value, f"{label:<{_LABEL}}") for label, value in lines)
    return text + _outranked(node) + _conditions(node_health(node, now))


def _agent(node: NodeView, now: datetime) -> Iterator[tuple[str, str]]:
    health = node_health(node, now)
    yield "Node:", node.name
    yield "Agent:", _health_words(node, health)
    if node.release:
        driver = f", cgroup driver {node.cgroup_driver}" if node.cgroup_driver else ""
        nested = ", itself a container" if node.nested else ""
        yield "Kernel:", f"{node.release}{driver}{nested}"


def _health_words(node: NodeView, health: NodeHealth) -> str:
    if health.state == AgentState.NO_REPORT:
        return "NoReport: the agent has not reported yet; see kubectl oom doctor"
    wrote = "" if health.age is None else f", wrote {short_duration(health.age)} ago"
    words = f"{health.state}, version {node.version or '<unknown>'}{wrote}"
    if health.state == AgentState.SILENT:
        return f"{words}; it should write every 5 minutes, see kubectl oom doctor"
    return words


def _memory(node: NodeView) -> Iterator[tuple[str, str]]:
    sizes = node.sizes
    total, available = sizes.get("total", sizes.get("capacity")), sizes.get("available")
    share = f" ({100 * available // total} %)" if available is not None and total else ""
    yield (
        "RAM:",
        (
            f"{short_size(available)} of {short_size(total)} available{share}; all pods together "
            f"may use {short_size(sizes.get('allocatable'))}"
        ),
    )
    yield "Swap:", _swap(node)
    yield "Pressure:", _stalls(node)


def _swap(node: NodeView) -> str:
    if "swapTotal" not in node.sizes:
        return _NOT_CARRIED
    if not node.sizes["swapTotal"]:
        return "none"
    free, total = node.sizes.get("swapFree"), node.sizes["swapTotal"]
    return f"{short_size(free)} of {short_size(total)} free"


def _stalls(node: NodeView) -> str:
    if not node.stalls:
        off = "the kernel does not measure them (CONFIG_PSI; psi=1 on its command line)"
        return off if "total" in node.sizes else _NOT_CARRIED
    kinds = (("some", "some task waited for memory"), ("full", "all of them at once"))
    return "; ".join(f"{words} {text}" for kind, words in kinds if (text := _shares(node, kind)))


def _shares(node: NodeView, kind: str) -> str:
    known = [(node.stalls.get((kind, each)), words) for each, words in _AVERAGES.items()]
    return ", ".join(
        f"{share:g} % of the last {words}" for share, words in known if share is not None
    )


def _overcommit(node: NodeView) -> Iterator[tuple[str, str]]:
    if node.mode is None:
        yield "Overcommit:", _NOT_CARRIED
        return
    promises = promises_of(node)
    yield "Overcommit:", _MODES.get(node.mode, node.mode)
    yield "CommitLimit:", _arithmetic(node, promises)
    yield "Committed_AS:", _committed(promises)


def _arithmetic(node: NodeView, promises: Promises) -> str:
    sizes = node.sizes
    swap, ram = short_size(sizes.get("swapTotal")), short_size(sizes.get("total"))
    if sizes.get("kbytes"):
        terms = f"{short_size(sizes['kbytes'])} (vm.overcommit_kbytes) + {swap} swap"
    else:
        huge = sizes.get("hugePages", 0)
        usable = f"({ram} RAM - {short_size(huge)} huge pages)" if huge else f"{ram} RAM"
        terms = f"{usable} x {node.ratio}/100 + {swap} swap"
    result = f"{terms} = {short_size(promises.computed)}"
    if promises.differs:
        return (
            f"{result}, but the kernel shows {short_size(promises.limit)}: memory, swap, huge "
            "pages or settings have changed meanwhile, or /proc/meminfo is not the kernel's own "
            "(lxcfs)"
        )
    return result


def _committed(promises: Promises) -> str:
    if promises.share is None:
        return short_size(promises.committed)
    words = f"{short_size(promises.committed)}, {promises.share:.0f} % of the limit"
    if not promises.enforced:
        return f"{words}, which is not enforced"
    room = (promises.limit or 0) - (promises.committed or 0)
    return f"{words}; {short_size(max(room, 0))} can still be promised"


def _kills(node: NodeView) -> Iterator[tuple[str, str]]:
    names = {
        "recorded": "recorded",
        "unattributed": "of unknown pods",
        "undeliverable": "with a record that could not be stored",
        "beforeStart": "before the agent's first start",
        "host": "of processes outside pods",
    }
    counts = [f"{node.kills[key]} {word}" for key, word in names.items() if node.kills.get(key)]
    yield "Kills:", ", ".join(counts) or ("none" if node.kills else "<unknown>")
    missed = node.near_misses
    if missed.total is not None or missed.containers:
        most = ", ".join(f"{name} {count}" for name, count in missed.containers[:_MAX_NAMED])
        total = missed.total if missed.total is not None else sum(n for _, n in missed.containers)
        yield "Near misses:", f"{total}" + (f" (most: {most})" if most else "")


def _outranked(node: NodeView) -> str:
    if not node.outranked:
        return ""
    text = "\nServices of the node that are killed before containers, because of policies:\n"
    for each in node.outranked:
        example = f", such as {each.example}" if each.example else ""
        score = "unknown" if each.score is None else each.score
        row = f"{each.service} (score {score}): before {each.containers} containers{example}"
        text += paragraph(row, "  ", "    ")
    if node.outranked_left_out:
        text += f"  and {node.outranked_left_out} more\n"
    first = node.outranked[0].service
    remedy = (
        f"To protect one: on the node, create /etc/systemd/system/{first}.d/oom.conf with "
        "[Service] and OOMScoreAdjust=-999, run systemctl daemon-reload and restart it; or choose "
        "a higher score in the policy."
    )
    return text + paragraph(remedy, "  ", "  ")


def _conditions(health: NodeHealth) -> str:
    if not health.failing:
        return ""
    each = (
        paragraph(one.message or "(no message)", f"  {one.type} ({one.reason}): ", "    ")
        for one in health.failing
    )
    return "\nConditions that are False, each with its remedy:\n" + "".join(each)
