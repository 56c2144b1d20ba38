"""The books of a lost store, rebuilt from what the API server keeps of this node."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from oomwarden.core.accounts import Account, Booking, Tally
from oomwarden.core.facts import Level
from oomwarden.core.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Recorded:
    """What OOMKills of one boot tell, by pod cgroup (inode) and by container id.

    `total` is the sum of all ranges; `holes` lie between them: kills whose records were lost with
    the store. `victims` are the pids of each pod's, by its UID, also where there are none. `since`
    is when this node got its OOMNode, if an agent ran in this boot already (RFC 3339, as the API
    server writes times). `agents` are the UIDs of the pods that this boot's agents ran in.
    """

    pods: Mapping[int, Tally] = field(default_factory=dict)
    containers: Mapping[str, Tally] = field(default_factory=dict)
    holes: Mapping[int, list[tuple[int, int]]] = field(default_factory=dict)
    victims: Mapping[str, set[int]] = field(default_factory=dict)
    total: int = 0
    since: str | None = None
    agents: frozenset[str] = frozenset()

    def covers(self, pod_uid: str | None, created: str | None) -> bool:
        """Whether an agent of ours ran before a pod: then none of its kills is from before us."""
        young = created is not None and self.since is not None and created > self.since
        return young or pod_uid in self.agents


def recorded(
    kills: Iterable[Mapping[str, Any]], boot_id: str, since: str | None, kept_from: str = ""
) -> Recorded:
    """Sum up a node's OOMKills; those of other boots count nothing.

    Retention may have deleted any record from before `kept_from`: what is missing from before
    then is not known to be untold.
    """
    pods: dict[int, Tally] = {}
    containers: dict[str, Tally] = {}
    spans: dict[int, list[tuple[int, int]]] = {}
    victims: dict[str, set[int]] = {}
    total = 0
    for kill in kills:
        evidence, found = kill["evidence"], kill.get("container", {}).get("id")
        if evidence["bootID"] != boot_id:
            continue
        size, groups = (
            evidence["to"] - evidence["from"],
            kill["kills"] * bool(kill.get("groupKill")),
        )
        total += size
        pids = {victim["pid"] for victim in kill.get("victims", ())}
        victims.setdefault(kill["pod"]["uid"], set()).update(pids)
        if evidence["level"] == Level.POD:
            if kill["metadata"].get("creationTimestamp", kept_from) >= kept_from:
                span = (evidence["from"], evidence["to"])
                spans.setdefault(evidence["cgroup"], []).append(span)
            before = pods.get(evidence["cgroup"], Tally())
            told_to = max(before.oom_kill, evidence["to"])
            pods[evidence["cgroup"]] = Tally(told_to, before.oom_group_kill + groups)
            own = containers.get(found or "", Tally())
            containers[found or ""] = Tally(own.oom_kill + size, own.oom_group_kill + groups)
    holes = {inode: _holes(sorted(known)) for inode, known in spans.items()}
    return Recorded(pods, containers, holes, victims, total, since and max(since, kept_from))


def _holes(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    ends = [(end, start) for (_, end), (start, _) in pairwise(spans)]
    return [(end, start) for end, start in ends if end < start]


def untold(ledger: Ledger, known: Recorded) -> list[Booking]:
    """Give what lies between a live pod's records: it is booked, but nobody can read it."""
    return [
        Booking(pod.cgroup, pod.epoch, start, end, pod.cgroup)
        for inode, holes in known.holes.items()
        if (pod := ledger.accounts.get(inode))
        for start, end in holes
    ]


def rebuild(ledger: Ledger, known: Recorded, created: Mapping[int, str]) -> None:
    """Book what is told already or was before our time.

    `created` tells by cgroup inode when a pod was created. A pod that is younger than the node's
    first agent of this boot owes all that is not recorded; so does one with a record, from that
    on; of another one nobody knows what was told.
    """
    accounts = list(ledger.accounts.values())
    for pod in (account for account in accounts if account.cgroup.level is Level.POD):
        _rebuild_pod(ledger, pod, known, created.get(pod.cgroup.inode))
    for level in (Level.QOS, Level.KUBEPODS):
        for account in (account for account in accounts if account.cgroup.level is level):
            below = [child.owed for child in ledger.children(account.cgroup.inode)]
            account.booked = account.seen - sum(below, Tally())


def before_start(ledger: Ledger, known: Recorded) -> int:
    """Give by how much `oom_kill` rose in ways that nobody can tell of: it was before our time."""
    top = next((account for account in ledger.accounts.values() if account.parent is None), None)
    lost = sum(end - start for holes in known.holes.values() for start, end in holes)
    return max(top.booked.oom_kill - known.total - lost, 0) if top else 0


def _rebuild_pod(ledger: Ledger, pod: Account, known: Recorded, created: str | None) -> None:
    ours = known.covers(pod.cgroup.pod_uid, created)
    told = known.pods.get(pod.cgroup.inode, Tally() if ours else pod.seen)
    pod.booked = _told_of(pod, told)
    for child in ledger.children(pod.cgroup.inode):
        own = known.containers.get(child.cgroup.container_id or "", Tally())
        child.booked = _told_of(child, own) if pod.owed.oom_kill else child.seen


def _told_of(account: Account, told: Tally) -> Tally:
    seen = account.seen
    kills = min(told.oom_kill, seen.oom_kill)
    if kills == seen.oom_kill:
        return seen
    groups = min(told.oom_group_kill, seen.oom_group_kill)
    return Tally(kills, groups, 0 if kills == 0 else seen.oom, 0 if kills == 0 else seen.oom_local)
