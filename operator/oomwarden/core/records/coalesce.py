"""Merge records that were not posted yet and whose ranges are consecutive.

A kernel counter shows how many kills there were, not in which order they happened in two
containers. So within a block of consecutive ranges, each container's kills may be moved into one
range.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.range_log import MAX_VICTIMS
from oomwarden.core.ledger.evidence_shares import joined_shares
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.metadata import labels_of, name_of
from oomwarden.core.records.outbox_row import OutboxRow

_EQUAL_OR_ABSENT = ("limit", "enforcedAt", "policy", "numa")


def container_of(kill: Manifest) -> str:
    """Return a key for the container, or its candidates, that is unique within a pod."""
    container = kill["container"]
    return str(container.get("name") or "|".join(container.get("candidates", ())))


def account_of(kill: Manifest) -> str:
    """Return a key for the pod and the counter that the record's range belongs to."""
    evidence = kill["evidence"]
    counter = (evidence["bootID"], evidence["cgroup"], evidence.get("epoch", 0))
    return "/".join(str(part) for part in (kill["pod"]["uid"], *counter))


def merge(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """Merge the records of one account whose ranges are consecutive.

    Returns:
        For each block of consecutive ranges, one record per container, or two if it had both group
        kills and single kills, which count differently. Their ranges are consecutive again, and
        each record is named after its new start.
    """
    return [merged for block in _blocks(rows) for merged in _merge_block(block)]


def _blocks(rows: Iterable[OutboxRow]) -> list[list[OutboxRow]]:
    blocks: list[list[OutboxRow]] = []
    for row in sorted(rows, key=lambda one: one.start):
        if blocks and blocks[-1][-1].end == row.start:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _merge_block(block: Sequence[OutboxRow]) -> list[OutboxRow]:
    groups: dict[tuple[str, Any], list[OutboxRow]] = {}
    for row in block:
        key = (container_of(row.kill), row.kill.get("groupKill"))
        groups.setdefault(key, []).append(row)
    start, merged = block[0].start, []
    for group in groups.values():
        end = start + sum(row.end - row.start for row in group)
        merged.append(_moved(_merged(group), start, end))
        start = end
    return merged


def _moved(row: OutboxRow, start: int, end: int) -> OutboxRow:
    """Return the record with another range; its name, and its Event's, follow from that."""
    if (row.start, row.end) == (start, end):
        return row
    evidence = {**row.kill["evidence"], "from": start, "to": end}
    kill = {**row.kill, "evidence": evidence}
    return with_name(OutboxRow(kill, row.event), name_of(kill))


def with_name(row: OutboxRow, name: str) -> OutboxRow:
    """Return the record, and its Event of the same name, with another name."""
    event = row.event and _named(row.event, name)
    return replace(row, kill=_named(row.kill, name), event=event)


def _named(manifest: Manifest, name: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}


def _merged(group: Sequence[OutboxRow]) -> OutboxRow:
    """Merge all records of one container into the last one."""
    if len(group) == 1:
        return group[0]
    kills, last = [row.kill for row in group], group[-1].kill
    causes = {kill["cause"] for kill in kills}
    cause = causes.pop() if len(causes) == 1 else str(Cause.UNKNOWN)
    labels = labels_of({**last, "cause": cause})
    merged = {
        "metadata": {**last["metadata"], "labels": labels},
        "cause": cause,
        "kills": sum(kill["kills"] for kill in kills),
        "container": _common(kill["container"] for kill in kills),
        "victims": _victims(kills),
        "memory": next((kill["memory"] for kill in reversed(kills) if "memory" in kill), None),
        "time": _time([kill["time"] for kill in kills]),
        "evidence": _evidence(kills),
        **{key: _same(kill.get(key) for kill in kills) for key in _EQUAL_OR_ABSENT},
    }
    events = [row.event for row in group if row.event is not None]
    kill = {key: value for key, value in {**last, **merged}.items() if value not in (None, [])}
    return OutboxRow(kill, events[-1] if events else None)


def _evidence(kills: Sequence[Manifest]) -> Manifest:
    sources = [source for kill in kills for source in kill["evidence"].get("sources", ())]
    shares = joined_shares(kills)
    unique = list(dict.fromkeys(sources))
    evidence = {**kills[-1]["evidence"], "sources": unique, "containers": shares}
    return {key: value for key, value in evidence.items() if value != []}


def _same(values: Iterable[object]) -> object:
    """Return the value that all of them have, else None."""
    first, *others = values
    return first if all(other == first for other in others) else None


def _common(facts: Iterable[Manifest]) -> Manifest:
    """Return the facts that are the same in all: a container's id changes when it is restarted."""
    first, *others = facts
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}


def _victims(kills: Iterable[Manifest]) -> list[Manifest]:
    by_pid: dict[int, Manifest] = {}
    for kill in kills:
        for victim in kill.get("victims", ()):
            by_pid.setdefault(victim["pid"], victim)
    return list(by_pid.values())[:MAX_VICTIMS]


def _time(spans: Sequence[Manifest]) -> Manifest:
    """Return the time from first to last; `timestamp` formats times so that text compares."""
    time = {"before": max(span["before"] for span in spans)}
    if all("after" in span for span in spans):
        time["after"] = min(span["after"] for span in spans)
    return time
