"""The ledger after the store was lost: rebuilt from this node's OOMKills in the API server."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from oomwarden.core.ledger.account import Account, CounterRange
from oomwarden.core.ledger.evidence_shares import shares_of
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import KillCounters, Level


class RecordedRange(Struct, frozen=True, order=True):
    """A record's range. If `young`, retention cannot have deleted records of that age."""

    start: int
    end: int
    young: bool = True


class RecordedKills(Struct, frozen=True):
    """What the OOMKills of one boot cover.

    Attributes:
        pods: Up to which counter values each pod is recorded, by its cgroup's inode.
        containers: What is recorded of each container, by its id.
        named_increments: How much of a pod's ranges belongs to containers with a known id, by the
            pod's inode.
        ranges: Each pod's ranges in order, by its inode.
        victims: Pids of each pod's victims, by the pod's UID; empty if no record names one.
        total: Sum of all ranges.
        since: When the node got its OOMNode, if an agent has already run in this boot (RFC 3339, as
            the API server writes times).
        agents: UIDs of the pods that this boot's agents ran in.
    """

    pods: Mapping[int, KillCounters] = field(default_factory=dict)
    containers: Mapping[str, KillCounters] = field(default_factory=dict)
    named_increments: Mapping[int, int] = field(default_factory=dict)
    ranges: Mapping[int, list[RecordedRange]] = field(default_factory=dict)
    victims: Mapping[str, set[int]] = field(default_factory=dict)
    total: int = 0
    since: str | None = None
    agents: frozenset[str] = frozenset()

    def covers_pod(self, pod_uid: str | None, created: str | None) -> bool:
        """Return whether an agent ran before the pod did, so that it recorded all its kills."""
        return self.is_young(created) or pod_uid in self.agents

    def is_young(self, created: str | None) -> bool:
        """Return whether a pod is younger than the first agent, and than what retention may delete.

        Args:
            created: When the pod was created (RFC 3339); None if it is unknown.
        """
        return created is not None and self.since is not None and created > self.since


def summarize_records(
    kills: Iterable[Mapping[str, Any]], boot_id: str, since: str | None, kept_from: str = ""
) -> RecordedKills:
    """Sum up a node's OOMKills of one boot.

    Args:
        kills: All OOMKills of the node; those of other boots do not count.
        boot_id: The boot.
        since: As in `RecordedKills`.
        kept_from: Retention may have deleted any record from before this time (RFC 3339). A kill
            from before may have had a record.
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
        named_increments=named,
        ranges={inode: sorted(known) for inode, known in spans.items()},
        victims=dict(victims),
        total=sum(end - start for start, end in map(_span, of_boot)),
        since=since and max(since, kept_from),
    )


def _span(kill: Mapping[str, Any]) -> tuple[int, int]:
    return kill["evidence"]["from"], kill["evidence"]["to"]


def _by_pod(kills: Iterable[Mapping[str, Any]]) -> dict[int, KillCounters]:
    """Return up to which value each pod's counter is recorded, and how many group kills are."""
    pods: dict[int, KillCounters] = {}
    for kill in kills:
        inode = kill["evidence"]["cgroup"]
        before = pods.get(inode, KillCounters())
        groups = kill["kills"] * bool(kill.get("groupKill"))
        end = max(before.oom_kill, kill["evidence"]["to"])
        pods[inode] = KillCounters(end, before.oom_group_kill + groups)
    return pods


def _by_container(
    kills: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, KillCounters], dict[int, int]]:
    """Return what is recorded of each container by its id, and how much that is of each pod."""
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


def _gaps_of(pod: Account, known: RecordedKills, created: str | None) -> list[tuple[int, int]]:
    """Return what is not recorded between a pod's young records, and before the first one.

    What lies before the first one is surely unrecorded only if the pod is younger than the node's
    first agent of this boot.
    """
    before = RecordedRange(0, 0, young=known.is_young(created))
    found = []
    for span in known.ranges.get(pod.cgroup.inode, ()):
        if before.end < span.start and before.young and span.young:
            found.append((before.end, span.start))
        if span.end > before.end:
            before = span
    return found


def gaps(
    ledger: Ledger, known: RecordedKills, created: Mapping[int, str] | None = None
) -> list[CounterRange]:
    """Return the ranges between a pod's records that no record covers.

    The ledger counts them as recorded, because later ranges are.

    Args:
        ledger: The ledger after `rebuild`.
        known: What the records cover.
        created: When each pod was created (RFC 3339), by its cgroup's inode.
    """
    return [
        CounterRange(pod.cgroup, pod.epoch, start, end, pod.cgroup)
        for pod in _pods(ledger)
        for start, end in _gaps_of(pod, known, (created or {}).get(pod.cgroup.inode))
    ]


def _pods(ledger: Ledger) -> list[Account]:
    return [each for each in ledger.accounts.values() if each.cgroup.level is Level.POD]


def rebuild(ledger: Ledger, known: RecordedKills, created: Mapping[int, str]) -> None:
    """Mark as recorded what records cover, and what happened before the first agent ran.

    If a pod is younger than the node's first agent of this boot, all that is not recorded is
    unrecorded. If it is older but has a record, all that follows this record is. Otherwise it is
    unknown which of its kills had records: all count as recorded.

    Args:
        ledger: All cgroups, read once.
        known: What the records cover.
        created: When each pod was created (RFC 3339), by its cgroup's inode.
    """
    accounts = list(ledger.accounts.values())
    ledger.version += 1
    for pod in _pods(ledger):
        _rebuild_pod(ledger, pod, known, created.get(pod.cgroup.inode))
    for level in (Level.QOS, Level.KUBEPODS):
        for account in (account for account in accounts if account.cgroup.level is level):
            below = [child.unrecorded for child in ledger.children(account.cgroup.inode)]
            account.recorded = account.observed - sum(below, KillCounters())


def kills_before_start(
    ledger: Ledger, known: RecordedKills, lost: Sequence[CounterRange] = ()
) -> int:
    """Return by how much `oom_kill` rose before the first agent ran, or with records now deleted.

    Args:
        ledger: The ledger after `rebuild`.
        known: What the records cover.
        lost: The ranges that `gaps` returns.
    """
    top = next((account for account in ledger.accounts.values() if account.parent is None), None)
    in_gaps = sum(one.end - one.start for one in lost)
    return max(top.recorded.oom_kill - known.total - in_gaps, 0) if top else 0


def _rebuild_pod(ledger: Ledger, pod: Account, known: RecordedKills, created: str | None) -> None:
    inode, is_covered = pod.cgroup.inode, known.covers_pod(pod.cgroup.pod_uid, created)
    without_record = KillCounters() if is_covered else pod.observed
    pod.recorded = _recorded_part(pod, known.pods.get(inode, without_record))
    children = ledger.children(inode)
    for child in children:
        own = known.containers.get(child.cgroup.container_id or "", KillCounters())
        child.recorded = _recorded_part(child, own)
    pod.is_ambiguous = _is_ambiguous(pod, children, known.named_increments.get(inode, 0))
    if pod.is_ambiguous or not pod.unrecorded.oom_kill:
        for child in children:
            child.recorded = child.observed


def _is_ambiguous(pod: Account, children: Sequence[Account], named: int) -> bool:
    """Return whether what containers counted beyond their records may be old or new kills.

    Some of the pod's old kills are in no record that is left, or in one that names no container.
    Only if one container explains them and the new ones together is the attribution certain.
    """
    unnamed = pod.recorded.oom_kill - named
    pending = [child.unrecorded.oom_kill for child in children if child.unrecorded.oom_kill > 0]
    certain = len(pending) == 1 and pending[0] == pod.unrecorded.oom_kill + unnamed
    return pod.unrecorded.oom_kill > 0 and unnamed > 0 and bool(pending) and not certain


def _recorded_part(account: Account, recorded: KillCounters) -> KillCounters:
    observed = account.observed
    kills = min(recorded.oom_kill, observed.oom_kill)
    if kills == observed.oom_kill:
        return observed
    groups = min(recorded.oom_group_kill, observed.oom_group_kill)
    if kills == 0:
        return KillCounters(0, groups)
    return KillCounters(kills, groups, observed.oom, observed.oom_local)
