"""Who takes what of an increment: first what was read, then what the log saw, then elimination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oomwarden.core.ledger.account import Account, KillCounters
from oomwarden.core.ledger.log_evidence import EvidenceShare, LogEvidence, distribute
from oomwarden.core.ledger.torn_reads import missing_counts
from oomwarden.core.model.cgroup import Cgroup


@dataclass(frozen=True, slots=True)
class Attribution:
    """A share of what a pod, or a level above the pods, owes.

    `pod` and `container` are None where nobody can tell; `account` is the container's inode when
    it has books of its own.
    """

    kills: int
    groups: int
    pod: Cgroup | None
    container: Cgroup | None = None
    account: int | None = None
    candidates: tuple[Cgroup, ...] = ()


def attribute_pod(
    pod: Account, containers: Sequence[Account], seen: Sequence[LogEvidence], *, complete: bool
) -> list[Attribution]:
    """Divide what a pod owes among its containers.

    `complete` tells that every container that there was has an account: only then can the one
    that is gone be told by elimination.
    """
    by_path = {account.cgroup.path: account for account in containers}
    own = {path: account.unrecorded for path, account in by_path.items()}
    unread = [s for s in seen if _may_be_unread(by_path.get(s.container.path))]
    told = sum(own.values(), KillCounters())
    placed, rest = distribute(pod.unrecorded - told, unread, own)
    extra = {share.container.path: share for share in placed}
    lost = [account for account in containers if account.gone]
    groups = max((pod.unrecorded - told).oom_group_kill - sum(share.groups for share in placed), 0)
    if rest and complete and len(lost) == 1 and extra.keys() <= {lost[0].cgroup.path}:
        share = extra.get(lost[0].cgroup.path, EvidenceShare(pod.cgroup, lost[0].cgroup, 0, 0))
        share = replace(share, kills=share.kills + rest, groups=share.groups + groups)
        extra[lost[0].cgroup.path], rest = share, 0
    if rest:
        unexplained = [account for account in lost if account.cgroup.path not in extra]
        for path, lack in missing_counts(unexplained, KillCounters(rest, groups)).items():
            kills, in_groups = lack.oom_kill, lack.oom_group_kill
            extra[path] = EvidenceShare(pod.cgroup, by_path[path].cgroup, kills, in_groups)
            rest, groups = rest - kills, groups - in_groups
    claims = [_own_claim(pod, account, extra.pop(path, None)) for path, account in by_path.items()]
    claims += [Attribution(s.kills, s.groups, pod.cgroup, s.container) for s in extra.values()]
    if rest:
        candidates = tuple(account.cgroup for account in lost)
        claims.append(Attribution(rest, groups, pod.cgroup, candidates=candidates))
    return [claim for claim in claims if claim.kills > 0]


def _may_be_unread(account: Account | None) -> bool:
    return account is None or account.gone


def _own_claim(pod: Account, account: Account, extra: EvidenceShare | None) -> Attribution:
    owed = account.unrecorded
    kills, groups = (extra.kills, extra.groups) if extra else (0, 0)
    inode = account.cgroup.inode
    total, in_groups = owed.oom_kill + kills, owed.oom_group_kill + groups
    return Attribution(total, in_groups, pod.cgroup, account.cgroup, inode)


def attribute_level(
    level: Account,
    pods: Sequence[Account],
    containers: Mapping[int, Sequence[Account]],
    seen: Sequence[LogEvidence],
    *,
    complete: bool,
) -> list[Attribution]:
    """Divide what a QoS class or kubepods owes beyond its children among pods that went unread.

    `containers` are the pods' children, by the pod's inode.
    """
    by_path = {account.cgroup.path: account for account in pods}
    gone = [account for account in pods if account.gone]
    unread = [s for s in seen if _may_be_unread(by_path.get(s.pod.path))]
    known = _known_claims(gone, containers)
    told = KillCounters(sum(claim.kills for claim in known), sum(claim.groups for claim in known))
    own = {
        c.container.path: KillCounters(c.kills, c.groups) for c in known if c.container is not None
    }
    placed, rest = distribute(level.unrecorded - told, unread, own)
    only = gone[0] if complete and len(gone) == 1 and _all_in(placed, gone[0]) else None
    claims = [*known, *(_seen_claim(by_path, containers, share) for share in placed)]
    if rest:
        groups = max(level.unrecorded.oom_group_kill - sum(claim.groups for claim in claims), 0)
        claims.append(_rest_of_level(rest, groups, only, gone, containers))
    return claims


def _known_claims(
    gone: Sequence[Account], containers: Mapping[int, Sequence[Account]]
) -> list[Attribution]:
    """Give what containers were read to owe after their pod was read for the last time."""
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


def _all_in(placed: Sequence[EvidenceShare], pod: Account) -> bool:
    return all(share.pod.path == pod.cgroup.path for share in placed)


def _seen_claim(
    pods: Mapping[str, Account], containers: Mapping[int, Sequence[Account]], seen: EvidenceShare
) -> Attribution:
    known = pods.get(seen.pod.path)
    pod = known.cgroup if known else seen.pod
    inside = (account.cgroup for account in containers.get(pod.inode, ()))
    container = next((c for c in inside if c.path == seen.container.path), seen.container)
    return Attribution(seen.kills, seen.groups, pod, container)


def _rest_of_level(
    kills: int,
    groups: int,
    only: Account | None,
    gone: Sequence[Account],
    containers: Mapping[int, Sequence[Account]],
) -> Attribution:
    if only is None:
        return Attribution(
            kills, groups, None, candidates=tuple(account.cgroup for account in gone)
        )
    lost = containers.get(only.cgroup.inode, ())
    if len(lost) == 1:
        return Attribution(kills, groups, only.cgroup, lost[0].cgroup)
    return Attribution(kills, groups, only.cgroup, candidates=tuple(a.cgroup for a in lost))
