"""The ranking of a node or a pod for people. What is not in the answer is unknown."""

from collections.abc import Callable, Sequence

from oomwarden.cli.output.tables import table
from oomwarden.cli.output.terminal import visible
from oomwarden.core.badness.rank_report import DomainLevel
from oomwarden.core.history.kill_record import flag_at, number_at, text_at
from oomwarden.core.model.quantity import rounded_bytes
from oomwarden.core.objects.json_parts import Json, object_at, objects_at

_WIDE = ("RESIDENT", "PAGE TABLES", "SWAP", "MEMORY/1000", "POINTS IN PAGES")
Placing = Callable[[Json], dict[str, object]]
"""Returns the cells that say where a process is, by their headings."""
_RECLAIM = "The kernel first reclaims what it can, such as page cache; it kills when that fails."


def node_ranking(answer: Json, top: int, *, is_wide: bool, headed: bool) -> str:
    """Return the order at the node's level, and the first process inside each container."""
    domains = objects_at(answer, "domains")
    parts = [_heading(answer, _title_of_node(answer))]
    for domain in domains:
        if domain.get("level") == DomainLevel.NODE:
            ranking = objects_at(domain, "ranking")[:top]
            parts.append(f"\n{_title(domain)}\n")
            parts.append(_processes(ranking, _of_node, is_wide=is_wide, headed=headed))
            parts.append(_rest(domain, len(ranking)))
    parts.append(_containers([each for each in domains if _is_limited(each)], headed=headed))
    return "".join(parts)


def pod_ranking(answer: Json, *, is_wide: bool, headed: bool) -> str:
    """Return the order inside each container, at the pod's limit, and at the node's level."""
    title = f"pod {visible(_pod(answer))} on {_title_of_node(answer)}"
    parts = [_heading(answer, title)]
    domains = objects_at(answer, "domains")
    for domain in sorted(domains, key=lambda each: each.get("level") == DomainLevel.NODE):
        parts.append(f"\n{_title(domain)}\n")
        ranking, level = objects_at(domain, "ranking"), domain.get("level")
        place = _of_container if level == DomainLevel.CONTAINER else _of_pod
        parts.append(_processes(ranking, place, is_wide=is_wide, headed=headed))
        parts.append(_rest(domain, None if level == DomainLevel.NODE else len(ranking)))
    return "".join(parts)


def _size(size: int | None) -> str:
    return "<unknown>" if size is None else rounded_bytes(size)


def _heading(answer: Json, title: str) -> str:
    notes = [f"{title[0].upper()}{title[1:]}", _RECLAIM]
    if answer.get("nested") is True:
        notes.append(
            "The node is itself a container: the kernel also chooses from processes of the machine "
            "that are not shown, and pids are those of the node."
        )
    if unread := number_at(answer, "unreadProcesses"):
        notes.append(f"Not all processes are ranked: {unread} could not be read in time.")
    return "\n".join(notes) + "\n"


def _title_of_node(answer: Json) -> str:
    memory = object_at(answer, "memory")
    sizes = [_size(number_at(memory, key)) for key in ("ram", "swap", "available")]
    swap = "no swap" if number_at(memory, "swap") == 0 else f"swap {sizes[1]}"
    name = visible(text_at(answer, "node") or "<unknown>")
    return f"node {name}: RAM {sizes[0]}, {swap}, available {sizes[2]}."


def _title(domain: Json) -> str:
    """Describe a level in one line."""
    processes = number_at(domain, "processes")
    if domain.get("level") == DomainLevel.NODE:
        return f"If the node runs out of memory, the kernel chooses from {processes} processes:"
    is_pod = domain.get("level") == DomainLevel.POD
    what = "The pod" if is_pod else f"Container {visible(text_at(domain, 'container') or '?')}"
    if number_at(domain, "limitBytes") is None:
        return f"{what} has no memory limit: it dies only if the node runs out of memory."
    swap = number_at(domain, "swapLimitBytes")
    also = f" and {_size(swap)} of swap" if swap else ""
    limit = _size(number_at(domain, "limitBytes"))
    return f"{what}: limit {limit}{also}, in use {_usage(domain)}.{_group(domain)}"


def _group(domain: Json) -> str:
    processes = number_at(domain, "processes")
    if flag_at(domain, "groupKill") is not True or processes == 1:
        return ""
    return f" Group kill: all {processes} processes die, whichever is chosen."


def _usage(domain: Json) -> str:
    usage, limit = number_at(domain, "usageBytes"), number_at(domain, "limitBytes")
    share = f" ({usage * 100 // limit}%)" if usage is not None and limit else ""
    return _size(usage) + share


def _pod(process: Json) -> str:
    namespace, pod = text_at(process, "namespace"), text_at(process, "pod")
    return f"{namespace}/{pod}" if namespace and pod else "<unknown>"


def _of_node(process: Json) -> dict[str, object]:
    if text_at(process, "pod") is None:
        return {"KILLS": _killed(process), "POD": "<host>", "CONTAINER": text_at(process, "unit")}
    container = text_at(process, "container")
    return {"KILLS": _killed(process), "POD": _pod(process), "CONTAINER": container}


def _of_pod(process: Json) -> dict[str, object]:
    return {"KILLS": _killed(process), "CONTAINER": text_at(process, "container")}


def _of_container(process: Json) -> dict[str, object]:
    rank = number_at(process, "nodeRank")
    return {"ON NODE": "never" if rank is None else rank}


def _killed(process: Json) -> int | None:
    """Return how many processes die with this one, itself included."""
    return number_at(process, "processesKilled")


def _processes(ranking: Sequence[Json], place: Placing, *, is_wide: bool, headed: bool) -> str:
    rows = [_row(each, place(each), is_wide=is_wide) for each in ranking]
    if not rows:
        return ""
    return table(list(rows[0]), [list(each.values()) for each in rows], headed=headed)


def _row(process: Json, place: dict[str, object], *, is_wide: bool) -> dict[str, object]:
    rank, points = number_at(process, "rank"), process.get("thousandths")
    sizes = [number_at(process, f"{key}Bytes") or 0 for key in ("resident", "pageTable", "swap")]
    row: dict[str, object] = {
        "RANK": "never" if rank is None else rank,
        "POINTS": _points(points),
        "COMMAND": text_at(process, "command"),
        "PID": number_at(process, "pid"),
        "MEMORY": _size(sum(sizes)),
        "ADJ": number_at(process, "oomScoreAdj"),
    }
    if is_wide:
        row |= dict(zip(_WIDE, _arithmetic(process, sizes), strict=True))
    return {**row, "SET BY": _setter(object_at(process, "setBy")), **place}


def _arithmetic(process: Json, sizes: Sequence[int]) -> list[object]:
    memory = process.get("memoryThousandths")
    return [*map(_size, sizes), _points(memory), number_at(process, "points")]


def _points(value: object) -> object:
    return round(value) if isinstance(value, int | float) else None


def _setter(found: Json) -> str:
    by, detail = text_at(found, "by") or "Unknown", text_at(found, "detail")
    if by == "Policy" and detail:
        return detail
    return f"{by} ({detail})" if detail else by


def _rest(domain: Json, shown: int | None) -> str:
    """Say how many processes the table leaves out; None if it is meant to show only some."""
    never, total = number_at(domain, "neverKilled") or 0, number_at(domain, "processes")
    more = 0 if shown is None or total is None else total - shown
    notes = [f"Not shown: {more} more."] if more > 0 else []
    if never:
        notes.append(
            f"Never killed: {never} (oom_score_adj -1000, or the machine's first process)."
        )
    return f"{' '.join(notes)}\n" if notes else ""


def _is_limited(domain: Json) -> bool:
    is_container = domain.get("level") == DomainLevel.CONTAINER
    return is_container and number_at(domain, "limitBytes") is not None


def _containers(domains: Sequence[Json], *, headed: bool) -> str:
    """Return what dies first in each container that reaches its limit, the fullest one first."""
    if not domains:
        return "\nNo container of this node has a memory limit.\n"
    rows = [_container_row(each) for each in sorted(domains, key=_fullness, reverse=True)]
    titles = ["LIMIT", "IN USE", "FIRST", "PID", "POINTS", "KILLS", "POD", "CONTAINER"]
    lines = table(titles, rows, headed=headed)
    return f"\nIf a container reaches its own limit, the kernel chooses inside it:\n{lines}"


def _fullness(domain: Json) -> float:
    return (number_at(domain, "usageBytes") or 0) / (number_at(domain, "limitBytes") or 1)


def _container_row(domain: Json) -> list[object]:
    first = next(iter(objects_at(domain, "ranking")), {})
    return [
        _size(number_at(domain, "limitBytes")),
        _usage(domain),
        text_at(first, "command"),
        number_at(first, "pid"),
        _points(first.get("thousandths")),
        _killed(first),
        _pod(domain),
        text_at(domain, "container"),
    ]
