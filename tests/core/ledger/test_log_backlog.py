"""After the store was lost: which kills in the kernel log have no record yet."""

from oomwarden.api.policy import QOSClass
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import parse_events, parse_records
from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_backlog import restore_backlog
from oomwarden.core.ledger.rebuild import RecordedKills, kills_before_start, rebuild
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import PodFacts

UID = "5c6ddc4e-7d0c-4a8f-9d62-0e3c5e3f0d11"
TOP = "kubepods.slice"
QOS = f"{TOP}/kubepods-burstable.slice"
POD = f"{QOS}/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
SCOPE = f"{POD}/cri-containerd-{'a' * 64}.scope"
SINCE = RecordedKills(since="2026-01-01T00:00:00Z")
FACTS = PodFacts(UID, UID, "shop", "after", {}, QOSClass.BURSTABLE, created="2026-01-02T00:00:00Z")


def group_kill() -> tuple[LogKill, ...]:
    victim = (
        "<3>[ 51.000000] Memory cgroup out of memory: Killed process 101 (hog) total-vm:1kB, "
        "anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:992\n"
    )
    group = (
        f"<6>[ 51.000000] Tasks in /{SCOPE} are going to be killed due to memory.oom.group set\n"
    )
    return tuple(
        LogAssembler().feed(parse_events(parse_records((victim + group + victim).encode())))
    )


def node(*, counted: int = 2) -> Ledger:
    ledger = Ledger()
    ledger.open(Cgroup(1, TOP, Level.KUBEPODS), None)
    ledger.open(Cgroup(2, QOS, Level.QOS), 1)
    for inode in (1, 2):
        ledger.observe(Reading(inode, KillCounters(oom_kill=counted, oom_group_kill=1)))
    return ledger


def rebuilt(ledger: Ledger) -> tuple[list[LogKill], int]:
    rebuild(ledger, SINCE, {3: FACTS.created or ""})
    lines = restore_backlog(ledger, group_kill(), {UID: FACTS}, SINCE)
    return lines, kills_before_start(ledger, SINCE)


def test_kills_of_a_young_pod_that_is_gone_are_unrecorded_at_the_level_above() -> None:
    ledger = node()
    lines, before = rebuilt(ledger)
    assert (len(lines), before) == (1, 0)
    assert ledger.accounts[2].unrecorded.oom_kill == 2


def test_kills_of_a_pod_that_was_removed_before_its_counters_were_read_are_unrecorded_above() -> (
    None
):
    ledger = node()
    ledger.open(Cgroup(3, POD, Level.POD, UID), 2)
    ledger.mark_gone(3)
    lines, before = rebuilt(ledger)
    assert (len(lines), before) == (1, 0)
    assert ledger.accounts[2].unrecorded.oom_kill == 2


def test_a_pod_that_was_read_keeps_its_unrecorded_kills_even_if_it_is_gone() -> None:
    for gone in (False, True):
        ledger = node()
        ledger.open(Cgroup(3, POD, Level.POD, UID), 2)
        ledger.observe(Reading(3, KillCounters(oom_kill=2, oom_group_kill=1)))
        if gone:
            ledger.mark_gone(3)
        lines, before = rebuilt(ledger)
        assert (len(lines), before) == (1, 0)
        assert ledger.accounts[3].unrecorded.oom_kill == ledger.accounts[2].unrecorded.oom_kill == 2
