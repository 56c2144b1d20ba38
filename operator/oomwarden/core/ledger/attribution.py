"""Who takes what of an increment: first what was read, then what the log saw, then elimination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oomwarden.core.ledger.account import Account, Tally
from oomwarden.core.ledger.log_evidence import Share, Sighting, share_out
from oomwarden.core.ledger.torn_reads import lacking
from oomwarden.core.model.cgroup import Cgroup


@dataclass(frozen=True, slots=True)
class Claim:
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


def claims_on_pod(
    pod: Account, containers: Sequence[Account], seen: Sequence[Sighting], *, complete: bool
) -> list[Claim]:
    """Divide what a pod owes among its containers.

    `complete` tells that every container that there was has an account: only then can the one
    that is gone be told by elimination.
    """
    by_path = {account.cgroup.path: account for account in containers}
    own = {path: account.owed for path, account in by_path.items()}
    unread = [s for s in seen if _may_be_unread(by_path.get(s.container.path))]
    told = sum(own.values(), Tally())
    placed, rest = share_out(pod.owed - told, unread, own)
    extra = {share.container.path: share for share in placed}
    lost = [account for account in containers if account.gone]
    groups = max((pod.owed - told).oom_group_kill - sum(share.groups for share in placed), 0)
    if rest and complete and len(lost) == 1 and extra.keys() <= {lost[0].cgroup.path}:
        share = extra.get(lost[0].cgroup.path, Share(pod.cgroup, lost[0].cgroup, 0, 0))
        share = replace(share, kills=share.kills + rest, groups=share.groups + groups)
        extra[lost[0].cgroup.path], rest = share, 0
    if rest:
        unexplained = [account for account in lost if account.cgroup.path not in extra]
        for path, lack in lacking(unexplained, Tally(rest, groups)).items():
            kills, in_groups = lack.oom_kill, lack.oom_group_kill
            extra[path] = Share(pod.cgroup, by_path[path].cgroup, kills, in_groups)
            rest, groups = rest - kills, groups - in_groups
    claims = [_own_claim(pod, account, extra.pop(path, None)) for path, account in by_path.items()]
    claims += [Claim(s.kills, s.groups, pod.cgroup, s.container) for s in extra.values()]
    if rest:
        candidates = tuple(account.cgroup for account in lost)
        claims.append(Claim(rest, groups, pod.cgroup, candidates=candidates))
    return [claim for claim in claims if claim.kills > 0]


def _may_be_unread(account: Account | None) -> bool:
    return account is None or account.gone


def _own_claim(pod: Account, account: Account, extra: Share | None) -> Claim:
    owed = account.owed
    kills, groups = (extra.kills, extra.groups) if extra else (0, 0)
    inode = account.cgroup.inode
    total, in_groups = owed.oom_kill + kills, owed.oom_group_kill + groups
    return Claim(total, in_groups, pod.cgroup, account.cgroup, inode)


def claims_on_level(
    level: Account,
    pods: Sequence[Account],
    containers: Mapping[int, Sequence[Account]],
    seen: Sequence[Sighting],
    *,
    complete: bool,
) -> list[Claim]:
    """Divide what a QoS class or kubepods owes beyond its children among pods that went unread.

    `containers` are the pods' children, by the pod's inode.
    """
    by_path = {account.cgroup.path: account for account in pods}
    gone = [account for account in pods if account.gone]
    unread = [s for s in seen if _may_be_unread(by_path.get(s.pod.path))]
    known = _known_claims(gone, containers)
    told = Tally(sum(claim.kills for claim in known), sum(claim.groups for claim in known))
    own = {c.container.path: Tally(c.kills, c.groups) for c in known if c.container is not None}
    placed, rest = share_out(level.owed - told, unread, own)
    only = gone[0] if complete and len(gone) == 1 and _all_in(placed, gone[0]) else None
    claims = [*known, *(_seen_claim(by_path, containers, share) for share in placed)]
    if rest:
        groups = max(level.owed.oom_group_kill - sum(claim.groups for claim in claims), 0)
        claims.append(_rest_of_level(rest, groups, only, gone, containers))
    return claims


def _known_claims(
    gone: Sequence[Account], containers: Mapping[int, Sequence[Account]]
) -> list[Claim]:
    """Give what containers were read to owe after their pod was read for the last time."""
    return [
        Claim(own.owed.oom_kill, own.owed.oom_group_kill, pod.cgroup, own.cgroup, own.cgroup.inode)
        for pod in gone
        for own in containers.get(pod.cgroup.inode, ())
        if own.owed.oom_kill > 0
    ]


def _all_in(placed: Sequence[Share], pod: Account) -> bool:
    return all(share.pod.path == pod.cgroup.path for share in placed)


def _seen_claim(
    pods: Mapping[str, Account], containers: Mapping[int, Sequence[Account]], seen: Share
) -> Claim:
    known = pods.get(seen.pod.path)
    pod = known.cgroup if known else seen.pod
    inside = (account.cgroup for account in containers.get(pod.inode, ()))
    container = next((c for c in inside if c.path == seen.container.path), seen.container)
    return Claim(seen.kills, seen.groups, pod, container)


def _rest_of_level(
    kills: int,
    groups: int,
    only: Account | None,
    gone: Sequence[Account],
    containers: Mapping[int, Sequence[Account]],
) -> Claim:
    if only is None:
        return Claim(kills, groups, None, candidates=tuple(account.cgroup for account in gone))
    lost = containers.get(only.cgroup.inode, ())
    if len(lost) == 1:
        return Claim(kills, groups, only.cgroup, lost[0].cgroup)
    return Claim(kills, groups, only.cgroup, candidates=tuple(a.cgroup for a in lost))
