"""After the store was lost: which kills in the kernel log have no record yet."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_evidence import LogEvidence, evidence_below
from oomwarden.core.ledger.rebuild import RecordedKills
from oomwarden.core.model.cgroup import KillCounters, Level
from oomwarden.core.model.pod import PodFacts


class _Line(Struct, frozen=True):
    """A kill in the log.

    Attributes:
        level: Inode of the cgroup above the pod.
        evidence: The pod and the container that the log places it in.
    """

    kill: LogKill
    level: int
    evidence: LogEvidence

    @property
    def uid(self) -> str:
        return self.evidence.pod.pod_uid or ""


def restore_backlog(
    ledger: Ledger, log: Sequence[LogKill], pods: Mapping[str, PodFacts], known: RecordedKills
) -> list[LogKill]:
    """Return the kills of the log without a record; make those of removed pods unrecorded again.

    A pod's kills have no record if the pod is younger than the node's first agent and has no
    records. If it has records, this applies to the kills that follow the last recorded victim in
    the log. Whether any other kill has a record is unknown: it counts as recorded.

    A pod that was removed before its counters were read has no account to attribute its kills to.
    They are taken off the recorded part of the levels above it.

    Args:
        ledger: The ledger after `rebuild`.
        log: All kills of the log, the oldest first.
        pods: What the API server knows, by the UID in the cgroup's name.
        known: What the records cover.
    """
    lines = [line for line in _unrecorded(ledger, log, pods, known) if _is_pending(ledger, line)]
    for line in lines:
        if _pod_account(ledger, line) is None:
            _make_unrecorded(ledger, line)
    kills = [line.kill for line in lines]
    return [kill for kill in log if any(kill is one for one in kills)]


def _unrecorded(
    ledger: Ledger, log: Sequence[LogKill], pods: Mapping[str, PodFacts], known: RecordedKills
) -> list[_Line]:
    by_pod: defaultdict[str, list[_Line]] = defaultdict(list)
    for line in _lines(ledger, log):
        by_pod[line.uid].append(line)
    found: list[_Line] = []
    for uid, lines in by_pod.items():
        facts = pods.get(uid)
        found += _without_record(lines, facts, known) if facts is not None else []
    return found


def _lines(ledger: Ledger, log: Sequence[LogKill]) -> Iterator[_Line]:
    for account in ledger.accounts.values():
        if account.cgroup.level in {Level.QOS, Level.KUBEPODS}:
            for kill in log:
                for evidence in evidence_below(account.cgroup, [kill]):
                    yield _Line(kill, account.cgroup.inode, evidence)


def _without_record(lines: list[_Line], facts: PodFacts, known: RecordedKills) -> list[_Line]:
    recorded = known.victims.get(facts.uid)
    if recorded is None:
        return lines if known.covers_pod(facts.uid, facts.created) else []
    matches = [
        index
        for index, line in enumerate(lines)
        if any(victim.pid in recorded for victim in line.kill.victims)
    ]
    return lines[matches[-1] + 1 :] if matches else []


def _is_pending(ledger: Ledger, line: _Line) -> bool:
    """Return whether the pod's counters show unrecorded kills, or were never read."""
    account = _pod_account(ledger, line)
    return account is None or account.unrecorded.oom_kill > 0


def _pod_account(ledger: Ledger, line: _Line) -> Account | None:
    """Return the account of the line's pod; None if its counters were not read.

    A pod may be removed between the listing of its directory and the first read of its counters.
    """
    known = (
        one for one in ledger.children(line.level) if one.cgroup.path == line.evidence.pod.path
    )
    account = next(known, None)
    unread = account is None or (account.gone and account.unrecorded.oom_kill <= 0)
    return None if unread else account


def _make_unrecorded(ledger: Ledger, line: _Line) -> None:
    account = ledger.accounts.get(line.level)
    ledger.version += 1
    while account is not None:
        account.recorded -= KillCounters(min(line.evidence.most, account.recorded.oom_kill))
        account = ledger.accounts.get(account.parent) if account.parent is not None else None
