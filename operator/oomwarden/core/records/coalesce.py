"""Merge records that were not posted yet and whose ranges are consecutive.

A kernel counter shows how many kills there were, not in which order they happened in two
containers. So within a block of consecutive ranges, each container's kills may be moved into one
range.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.incident import MAX_VICTIMS
from oomwarden.core.ledger.evidence_shares import joined_shares
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.metadata import labels_of, name_of

_EQUAL_OR_ABSENT = ("limit", "enforcedAt", "policy", "numa")


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that was never posted, and its Event if it has one."""

    kill: Manifest
    event: Manifest | None

    @property
    def start(self) -> int:
        """Start of the record's range."""
        return int(self.kill["evidence"]["from"])

    @property
    def end(self) -> int:
        """End of the record's range, where the next one starts."""
        return int(self.kill["evidence"]["to"])


def container_of(kill: Manifest) -> str:
    """Return a key for the container, or its candidates, that is unique within a pod."""
    container = kill["container"]
    return str(container.get("name") or "|".join(container.get("candidates", ())))


def account_of(kill: Manifest) -> str:
    """Return a key for the pod and the counter that the record's range belongs to."""
    evidence = kill["evidence"]
    counter = (evidence["bootID"], evidence["cgroup"], evidence.get("epoch", 0))
    return "/".join(str(part) for part in (kill["pod"]["uid"], *counter))


def merge(drafts: Iterable[Draft]) -> list[Draft]:
    """Merge the records of one account whose ranges are consecutive.

    Returns:
        For each block of consecutive ranges, one record per container, or two if it had both group
        kills and single kills, which count differently. Their ranges are consecutive again, and
        each record is named after its new start.
    """
    return [merged for block in _blocks(drafts) for merged in _merge_block(block)]


def _blocks(drafts: Iterable[Draft]) -> list[list[Draft]]:
    blocks: list[list[Draft]] = []
    for draft in sorted(drafts, key=lambda one: one.start):
        if blocks and blocks[-1][-1].end == draft.start:
            blocks[-1].append(draft)
        else:
            blocks.append([draft])
    return blocks


def _merge_block(block: Sequence[Draft]) -> list[Draft]:
    groups: dict[tuple[str, Any], list[Draft]] = {}
    for draft in block:
        key = (container_of(draft.kill), draft.kill.get("groupKill"))
        groups.setdefault(key, []).append(draft)
    start, merged = block[0].start, []
    for group in groups.values():
        end = start + sum(draft.end - draft.start for draft in group)
        merged.append(_moved(_merged(group), start, end))
        start = end
    return merged


def _moved(draft: Draft, start: int, end: int) -> Draft:
    """Return the record with another range; its name, and its Event's, follow from that."""
    if (draft.start, draft.end) == (start, end):
        return draft
    evidence = {**draft.kill["evidence"], "from": start, "to": end}
    kill = {**draft.kill, "evidence": evidence}
    return renamed(Draft(kill, draft.event), name_of(kill))


def renamed(draft: Draft, name: str) -> Draft:
    """Return the record, and its Event of the same name, with another name."""
    return Draft(_named(draft.kill, name), draft.event and _named(draft.event, name))


def _named(manifest: Manifest, name: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}


def _merged(group: Sequence[Draft]) -> Draft:
    """Merge all records of one container into the last one."""
    if len(group) == 1:
        return group[0]
    kills, last = [draft.kill for draft in group], group[-1].kill
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
    events = [draft.event for draft in group if draft.event is not None]
    kill = {key: value for key, value in {**last, **merged}.items() if value not in (None, [])}
    return Draft(kill, events[-1] if events else None)


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
