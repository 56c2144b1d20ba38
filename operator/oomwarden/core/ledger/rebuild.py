"""The books of a lost store, rebuilt from what the API server keeps of this node."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.ledger.account import Account, CounterRange, KillCounters
from oomwarden.core.ledger.evidence_shares import shares_of
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Level


@dataclass(frozen=True, slots=True, order=True)
class RecordedRange:
    """A record's range. `young`: retention can have deleted no record of that age."""

    start: int
    end: int
    young: bool = True


@dataclass(frozen=True, slots=True)
class RecordedKills:
    """What OOMKills of one boot tell, by pod cgroup (inode) and by container id.

    `named` is how much of a pod's ranges is of containers whose ids are known; `spans` are its
    ranges in order, and `total` is the sum of all. `victims` are the pids of each pod's, by its
    UID, also where there are none. `since` is when this node got its OOMNode, if an agent ran in
    this boot already (RFC 3339, as the API server writes times). `agents`
    are the UIDs of the pods that this boot's agents ran in.
    """

    pods: Mapping[int, KillCounters] = field(default_factory=dict)
    containers: Mapping[str, KillCounters] = field(default_factory=dict)
    named: Mapping[int, int] = field(default_factory=dict)
    spans: Mapping[int, list[RecordedRange]] = field(default_factory=dict)
    victims: Mapping[str, set[int]] = field(default_factory=dict)
    total: int = 0
    since: str | None = None
    agents: frozenset[str] = frozenset()

    def covers(self, pod_uid: str | None, created: str | None) -> bool:
        """Whether an agent of ours ran before a pod: then none of its kills is from before us."""
        return self.is_young(created) or pod_uid in self.agents

    def is_young(self, created: str | None) -> bool:
        """Whether a pod is younger than the first agent, and than what retention may delete."""
        return created is not None and self.since is not None and created > self.since


def recorded(
    kills: Iterable[Mapping[str, Any]], boot_id: str, since: str | None, kept_from: str = ""
) -> RecordedKills:
    """Sum up a node's OOMKills; those of other boots count nothing.

    Retention may have deleted any record from before `kept_from`: what is missing from before
    then is not known to be untold.
    """
    of_boot = [kill for kill in kills if kill["evidence"]["bootID"] == boot_id]
    of_pods = [kill for kill in of_boot if kill["evidence"]["level"] == Level.POD]
    victims: dict[str, set[int]] = defaultdict(set)
    for kill in of_boot:
        victims[kill["pod"]["uid"]].update(one["pid"] for one in kill.get("victims", ()))
    spans: dict[int, list[RecordedRange]] = defaultdict(list)
    for kill in of_pods:
        young = kill["metadata"].get("creationTimestamp", kept_from) >= kept_from
        spans[kill["evidence"]["cgroup"]].append(RecordedRange(*_span(kill), young))
    containers, named = _by_container(of_pods)
    return RecordedKills(
        pods=_by_pod(of_pods),
        containers=containers,
        named=named,
        spans={inode: sorted(known) for inode, known in spans.items()},
        victims=dict(victims),
        total=sum(end - start for start, end in map(_span, of_boot)),
        since=since and max(since, kept_from),
    )


def _span(kill: Mapping[str, Any]) -> tuple[int, int]:
    return kill["evidence"]["from"], kill["evidence"]["to"]


def _by_pod(kills: Iterable[Mapping[str, Any]]) -> dict[int, KillCounters]:
    """Give up to where each pod's counter is told, and how many group kills are."""
    pods: dict[int, KillCounters] = {}
    for kill in kills:
        inode, before = (
            kill["evidence"]["cgroup"],
            pods.get(kill["evidence"]["cgroup"], KillCounters()),
        )
        groups = kill["kills"] * bool(kill.get("groupKill"))
        told_to = max(before.oom_kill, kill["evidence"]["to"])
        pods[inode] = KillCounters(told_to, before.oom_group_kill + groups)
    return pods


def _by_container(
    kills: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, KillCounters], dict[int, int]]:
    """Give what is told of each container by its id, and how much that is of each pod."""
    containers: dict[str, KillCounters] = {}
    named: dict[int, int] = {}
    for kill in kills:
        inode = kill["evidence"]["cgroup"]
        for share in shares_of(kill):
            own, groups = containers.get(share["id"], KillCounters()), bool(kill.get("groupKill"))
            more = KillCounters(share["increments"], share["kills"] * groups)
            containers[share["id"]] = own + more
            named[inode] = named.get(inode, 0) + share["increments"]
    return containers, named


def _holes(pod: Account, known: RecordedKills, created: str | None) -> list[tuple[int, int]]:
    """Give what is not recorded between a pod's young records, and before the first one.

    What lies before the first one is untold for sure only where the pod is younger than the node's
    first agent of this boot.
    """
    before = RecordedRange(0, 0, young=known.is_young(created))
    holes = []
    for span in known.spans.get(pod.cgroup.inode, ()):
        if before.end < span.start and before.young and span.young:
            holes.append((before.end, span.start))
        if span.end > before.end:
            before = span
    return holes


def gaps(
    ledger: Ledger, known: RecordedKills, created: Mapping[int, str] | None = None
) -> list[CounterRange]:
    """Give what lies between a live pod's records: it is booked, but nobody can read it.

    `created` tells by cgroup inode when a pod was created.
    """
    return [
        CounterRange(pod.cgroup, pod.epoch, start, end, pod.cgroup)
        for pod in _pods(ledger)
        for start, end in _holes(pod, known, (created or {}).get(pod.cgroup.inode))
    ]


def _pods(ledger: Ledger) -> list[Account]:
    return [each for each in ledger.accounts.values() if each.cgroup.level is Level.POD]


def rebuild(ledger: Ledger, known: RecordedKills, created: Mapping[int, str]) -> None:
    """Book what is told already or was before our time.

    `created` tells by cgroup inode when a pod was created. A pod that is younger than the node's
    first agent of this boot owes all that is not recorded; so does one with a record, from that
    on; of another one nobody knows what was told.
    """
    accounts = list(ledger.accounts.values())
    for pod in _pods(ledger):
        _rebuild_pod(ledger, pod, known, created.get(pod.cgroup.inode))
    for level in (Level.QOS, Level.KUBEPODS):
        for account in (account for account in accounts if account.cgroup.level is level):
            below = [child.unrecorded for child in ledger.children(account.cgroup.inode)]
            account.recorded = account.observed - sum(below, KillCounters())


def before_start(ledger: Ledger, known: RecordedKills, lost: Sequence[CounterRange] = ()) -> int:
    """Give by how much `oom_kill` rose in ways that nobody can tell of: it was before our time.

    `lost` is what `untold` gives.
    """
    top = next((account for account in ledger.accounts.values() if account.parent is None), None)
    told_again = sum(booking.end - booking.start for booking in lost)
    return max(top.recorded.oom_kill - known.total - told_again, 0) if top else 0


def _rebuild_pod(ledger: Ledger, pod: Account, known: RecordedKills, created: str | None) -> None:
    inode, ours = pod.cgroup.inode, known.covers(pod.cgroup.pod_uid, created)
    pod.recorded = _told_of(pod, known.pods.get(inode, KillCounters() if ours else pod.observed))
    children = ledger.children(inode)
    for child in children:
        own = known.containers.get(child.cgroup.container_id or "", KillCounters())
        child.recorded = _told_of(child, own)
    pod.unclear = _is_unclear(pod, children, known.named.get(inode, 0))
    if pod.unclear or not pod.unrecorded.oom_kill:
        for child in children:
            child.recorded = child.observed


def _is_unclear(pod: Account, children: Sequence[Account], named: int) -> bool:
    """Whether what the containers have beyond their records may be old or new kills.

    A part of the pod's old kills is in no record that is left, or in one that names no container.
    Only where one container explains them and the new ones together is it certain whose they are.
    """
    unnamed = pod.recorded.oom_kill - named
    owing = [child.unrecorded.oom_kill for child in children if child.unrecorded.oom_kill > 0]
    certain = len(owing) == 1 and owing[0] == pod.unrecorded.oom_kill + unnamed
    return pod.unrecorded.oom_kill > 0 and unnamed > 0 and bool(owing) and not certain


def _told_of(account: Account, told: KillCounters) -> KillCounters:
    seen = account.observed
    kills = min(told.oom_kill, seen.oom_kill)
    if kills == seen.oom_kill:
        return seen
    groups = min(told.oom_group_kill, seen.oom_group_kill)
    return KillCounters(
        kills, groups, 0 if kills == 0 else seen.oom, 0 if kills == 0 else seen.oom_local
    )
