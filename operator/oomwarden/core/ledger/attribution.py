"""Which container each unrecorded kill belongs to.

Own counters come first, then the kernel log, then elimination.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.ledger.account import Account, Attribution, CounterRange
from oomwarden.core.ledger.log_evidence import LogEvidence, distribute
from oomwarden.core.ledger.torn_reads import missing_counts
from oomwarden.core.model.cgroup import Cgroup, KillCounters


class _Remainder(Struct):
    """A pod's kills beyond its containers' own counters, while the rules attribute them.

    Attributes:
        kills: Kills that no rule has attributed yet.
        groups: Group kills among them.
        found: Kills that a rule has attributed, by the container's path.
    """

    pod: Cgroup
    kills: int
    groups: int
    found: dict[str, Attribution]

    def attribute(self, container: Cgroup, kills: int, groups: int) -> None:
        share = self.found.get(container.path, Attribution(0, 0, self.pod, container))
        share = replace(share, kills=share.kills + kills, groups=share.groups + groups)
        self.found[container.path] = share
        self.kills, self.groups = self.kills - kills, self.groups - groups


def attribute_pod(
    pod: Account, containers: Sequence[Account], evidence: Sequence[LogEvidence], *, complete: bool
) -> list[Attribution]:
    """Attribute a pod's unrecorded kills to its containers.

    Four rules apply in this order, each to what the earlier ones left:

    1. Own counters: what a container's counters show is its own.
    2. Log: what the kernel log places in a container that is gone, or was never read.
    3. Last one gone: if only one container is gone, the rest is its own.
    4. Torn group: a container that was last read in the middle of a group kill lacks a part of it.

    For what is left then, all gone containers are candidates.

    Args:
        pod: The pod's account.
        containers: The accounts of its containers.
        evidence: Kills that the log places in the pod, the oldest first.
        complete: Whether every container that the pod had has an account. Only then is rule 3 safe.
    """
    gone = [account for account in containers if account.gone]
    rest = _attribute_by_log(pod, containers, evidence)
    if rest.kills and complete:
        _attribute_to_last_gone(rest, gone)
    if rest.kills:
        _attribute_torn_groups(rest, gone)
    attributions = [
        _from_own_counters(pod, account, rest.found.pop(account.cgroup.path, None))
        for account in containers
    ]
    attributions += rest.found.values()
    if rest.kills:
        candidates = tuple(account.cgroup for account in gone)
        attributions.append(Attribution(rest.kills, rest.groups, pod.cgroup, candidates=candidates))
    return [attribution for attribution in attributions if attribution.kills > 0]


def _from_own_counters(pod: Account, account: Account, extra: Attribution | None) -> Attribution:
    """Rule 1, with what the other rules added for the container."""
    own, more = account.unrecorded, extra or Attribution(0, 0, pod.cgroup, account.cgroup)
    total, groups = own.oom_kill + more.kills, own.oom_group_kill + more.groups
    return Attribution(total, groups, pod.cgroup, account.cgroup, account.cgroup.inode)


def _attribute_by_log(
    pod: Account, containers: Sequence[Account], evidence: Sequence[LogEvidence]
) -> _Remainder:
    """Rule 2: distribute what the containers' own counters do not show."""
    by_path = {account.cgroup.path: account for account in containers}
    own = {path: account.unrecorded for path, account in by_path.items()}
    beyond = pod.unrecorded - sum(own.values(), KillCounters())
    unread = [one for one in evidence if _may_be_unread(by_path.get(one.container.path))]
    shares, kills = distribute(beyond, unread, own)
    groups = max(beyond.oom_group_kill - sum(share.groups for share in shares), 0)
    return _Remainder(pod.cgroup, kills, groups, {one.path: one for one in shares})


def _attribute_to_last_gone(rest: _Remainder, gone: Sequence[Account]) -> None:
    """Rule 3, unless the log names another container."""
    if len(gone) == 1 and rest.found.keys() <= {gone[0].cgroup.path}:
        rest.attribute(gone[0].cgroup, rest.kills, rest.groups)


def _attribute_torn_groups(rest: _Remainder, gone: Sequence[Account]) -> None:
    """Rule 4, for gone containers that no other rule explains."""
    unexplained = {one.cgroup.path: one for one in gone if one.cgroup.path not in rest.found}
    left = KillCounters(rest.kills, rest.groups)
    for path, missing in missing_counts(list(unexplained.values()), left).items():
        rest.attribute(unexplained[path].cgroup, missing.oom_kill, missing.oom_group_kill)


def _may_be_unread(account: Account | None) -> bool:
    return account is None or account.gone


def attribute_level(
    level: Account,
    pods: Sequence[Account],
    containers: Mapping[int, Sequence[Account]],
    evidence: Sequence[LogEvidence],
    *,
    complete: bool,
) -> list[Attribution]:
    """Attribute the kills that a QoS class or kubepods counted beyond its pods.

    They happened in pods that were removed before their counters were read. A removed pod with
    unrecorded kills of its own may have more of them: the lines that its own counters do not
    explain keep their kills, until the pod is settled.

    Args:
        level: The account of the QoS class or of kubepods.
        pods: The accounts below it.
        containers: The accounts of the pods' containers, by the pod's inode.
        evidence: Kills that the log places below the level, the oldest first.
        complete: Whether every pod that there was has an account.
    """
    by_path = {account.cgroup.path: account for account in pods}
    gone = [account for account in pods if account.gone]
    owing = [account for account in pods if account.unrecorded_kills > 0]
    paths = {account.cgroup.path for account in owing}
    all_unread = [one for one in evidence if _may_be_unread(by_path.get(one.pod.path))]
    unread = [one for one in all_unread if one.pod.path not in paths]
    read_late = _read_after_their_pod([each for each in gone if each not in owing], containers)
    beyond = _beyond(level, owing, all_unread)
    attributed = KillCounters(
        sum(one.kills for one in read_late), sum(one.groups for one in read_late)
    )
    own = {
        one.container.path: KillCounters(one.kills, one.groups)
        for one in read_late
        if one.container is not None
    }
    counted = _counted(unread, beyond.oom_kill)
    shares, rest = distribute(beyond - attributed, counted, own)
    only = gone[0] if complete and len(gone) == 1 and _all_in(shares, gone[0]) else None
    attributions = [*read_late, *(_from_log(by_path, containers, share) for share in shares)]
    if rest:
        attributed_groups = sum(one.groups for one in attributions)
        groups = max(beyond.oom_group_kill - attributed_groups, 0)
        attributions.append(_rest_of_level(rest, groups, only, gone, containers))
    return attributions


def _beyond(
    level: Account, owing: Sequence[Account], evidence: Sequence[LogEvidence]
) -> KillCounters:
    """Return what a level counted beyond what belongs to pods with unrecorded kills."""
    left = level.unrecorded - sum((each.unrecorded for each in owing), KillCounters())
    for pod in owing:
        lines = sum(one.least for one in evidence if one.pod.path == pod.cgroup.path)
        left -= KillCounters(max(lines - pod.unrecorded_kills, 0))
    return left


def _counted(evidence: Sequence[LogEvidence], kills: int) -> list[LogEvidence]:
    """Return the oldest lines that explain this many kills: the counters may not have the rest."""
    found, total = list[LogEvidence](), 0
    for one in evidence:
        if total >= kills:
            break
        found.append(one)
        total += one.least
    return found


def _read_after_their_pod(
    gone: Sequence[Account], containers: Mapping[int, Sequence[Account]]
) -> list[Attribution]:
    """Return the kills of containers that were read after the last read of their pod."""
    return [
        Attribution(
            own.unrecorded.oom_kill,
            own.unrecorded.oom_group_kill,
            pod.cgroup,
            own.cgroup,
            own.cgroup.inode,
        )
        for pod in gone
        for own in containers.get(pod.cgroup.inode, ())
        if own.unrecorded.oom_kill > 0
    ]


def _all_in(shares: Sequence[Attribution], pod: Account) -> bool:
    return all(share.pod_path == pod.cgroup.path for share in shares)


def _from_log(
    pods: Mapping[str, Account], containers: Mapping[int, Sequence[Account]], share: Attribution
) -> Attribution:
    """Replace pod and container by those that have accounts, where there are any."""
    known = pods.get(share.pod_path)
    inside = (account.cgroup for account in containers.get(known.cgroup.inode, ())) if known else ()
    container = next((c for c in inside if c.path == share.path), share.container)
    return replace(share, pod=known.cgroup if known else share.pod, container=container)


def _rest_of_level(
    kills: int,
    groups: int,
    only: Account | None,
    gone: Sequence[Account],
    containers: Mapping[int, Sequence[Account]],
) -> Attribution:
    if only is None:
        candidates = tuple(account.cgroup for account in gone)
        return Attribution(kills, groups, None, candidates=candidates)
    inside = containers.get(only.cgroup.inode, ())
    if len(inside) == 1:
        return Attribution(kills, groups, only.cgroup, inside[0].cgroup)
    return Attribution(kills, groups, only.cgroup, candidates=tuple(a.cgroup for a in inside))


def count_incidents(ranges: Sequence[CounterRange]) -> int:
    """Count decisions of the OOM killer: a group kill is one, whatever the number of processes."""
    return sum(one.group_kills or one.end - one.start for one in ranges)
