"""Which lines of the kernel log no record tells: the store that knew it was lost."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.ledger.account import KillCounters
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_evidence import LogEvidence, evidence_below
from oomwarden.core.ledger.rebuild import RecordedKills
from oomwarden.core.model.cgroup import Level
from oomwarden.core.model.pod import PodFacts


@dataclass(frozen=True, slots=True)
class _Line:
    """A kill of the log, and where it happened; `level`: the cgroup above the pod, by inode."""

    kill: LogKill
    level: int
    seen: LogEvidence

    @property
    def uid(self) -> str:
        return self.seen.pod.pod_uid or ""


def unrecorded_lines(
    ledger: Ledger, log: Sequence[LogKill], pods: Mapping[str, PodFacts], known: RecordedKills
) -> list[LogKill]:
    """Give the kills of the log that are still to be told; what gone pods owe of them is owed.

    Of a pod younger than the node's first agent, without any record, no kill was told; of one with
    records those are untold that the log has after the last recorded victim. All else is not known
    to be untold.

    Args:
        ledger: After `rebuild`.
        log: All kills of the log, the oldest first.
        pods: What the API server knows, by the UID in the cgroup's name.
        known: What the records tell.
    """
    by_pod: defaultdict[str, list[_Line]] = defaultdict(list)
    for line in _lines(ledger, log):
        by_pod[line.uid].append(line)
    kept: list[_Line] = []
    for uid, lines in by_pod.items():
        facts = pods.get(uid)
        kept += _untold(lines, facts, known) if facts is not None else []
    owed = [line for line in kept if _is_owed(ledger, line)]
    kills = [line.kill for line in owed]
    return [kill for kill in log if any(kill is one for one in kills)]


def _lines(ledger: Ledger, log: Sequence[LogKill]) -> Iterator[_Line]:
    for account in list(ledger.accounts.values()):
        if account.cgroup.level in {Level.QOS, Level.KUBEPODS}:
            for kill in log:
                for seen in evidence_below(account.cgroup, [kill]):
                    yield _Line(kill, account.cgroup.inode, seen)


def _untold(lines: list[_Line], facts: PodFacts, known: RecordedKills) -> list[_Line]:
    told = known.victims.get(facts.uid)
    if told is None:
        return lines if known.covers(facts.uid, facts.created) else []
    matches = [n for n, line in enumerate(lines) if any(v.pid in told for v in line.kill.victims)]
    return lines[matches[-1] + 1 :] if matches else []


def _is_owed(ledger: Ledger, line: _Line) -> bool:
    """Whether the pod owes, as its counters say; of one that went unread, its line says so.

    A pod may go away between the listing of its directory and the first look at its counters.
    """
    known = [c for c in ledger.children(line.level) if c.cgroup.path == line.seen.pod.path]
    if known and (not known[0].gone or known[0].unrecorded.oom_kill > 0):
        return known[0].unrecorded.oom_kill > 0
    account = ledger.accounts.get(line.level)
    while account is not None:
        account.recorded -= KillCounters(min(line.seen.most, account.recorded.oom_kill))
        account = ledger.accounts.get(account.parent) if account.parent is not None else None
    return True
