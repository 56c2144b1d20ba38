from typing import Any

from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.rebuild import (
    RecordedKills,
    gaps,
    kills_before_start,
    rebuild,
    summarize_records,
)
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level

Kill = dict[str, Any]

TOP = Cgroup(1, "kubepods", Level.KUBEPODS)
POD = Cgroup(10, "kubepods/pod1", Level.POD, "uid")
APPS = [Cgroup(11 + n, f"kubepods/pod1/{n}", Level.CONTAINER, "uid", str(n) * 64) for n in (0, 1)]


def kill(start: int, end: int, container: int = 0, created: str = "2026-01-02T12:00:00Z") -> Kill:
    return {
        "metadata": {"creationTimestamp": created},
        "pod": {"uid": "uid"},
        "container": {"id": str(container) * 64},
        "kills": 1,
        "groupKill": True,
        "evidence": {"bootID": "boot", "cgroup": 10, "level": "Pod", "from": start, "to": end},
    }


def ledger(pod: int, *apps: int) -> Ledger:
    books = Ledger()
    books.open(TOP, None)
    books.open(POD, 1)
    for app, kills in zip(APPS, apps, strict=True):
        books.open(app, 10)
        books.observe(Reading(app.inode, KillCounters(oom_kill=kills, oom_group_kill=kills // 2)))
    books.observe(Reading(1, KillCounters(oom_kill=pod + 4, oom_group_kill=pod // 2 + 2)))
    books.observe(Reading(10, KillCounters(oom_kill=pod, oom_group_kill=pod // 2)))
    return books


def test_kills_after_a_pods_last_record_are_unrecorded_and_attributed_to_each_container() -> None:
    books = ledger(8, 4, 4)
    known = summarize_records([kill(0, 2), kill(2, 4, 1)], "boot", None)
    rebuild(books, known, {})
    assert kills_before_start(books, known, gaps(books, known, {})) == 4  # of pods that are gone
    found = [(b.container, b.start, b.end, b.group_kills) for b in books.settle_pod(10)]
    assert found == [(APPS[0], 4, 6, 1), (APPS[1], 6, 8, 1)]
    assert books.accounts[1].unrecorded == KillCounters()


def test_records_of_another_boot_do_not_count() -> None:
    other = kill(0, 8)
    other["evidence"]["bootID"] = "earlier"
    assert summarize_records([other], "boot", None) == RecordedKills()


def test_kills_of_an_old_pod_without_records_count_as_before_the_start() -> None:
    books = ledger(6, 4, 2)
    known = summarize_records([], "boot", "2026-01-01T00:00:00Z", kept_from="2026-01-02T11:00:00Z")
    rebuild(books, known, {10: "2026-01-02T10:59:59Z"})
    assert kills_before_start(books, known, gaps(books, known, {})) == 6 + 4
    assert books.settle_pod(10) == []


def test_all_kills_of_a_young_pod_without_records_are_unrecorded() -> None:
    books = ledger(6, 4, 2)
    known = summarize_records([], "boot", "2026-01-01T00:00:00Z", kept_from="2026-01-02T11:00:00Z")
    rebuild(books, known, {10: "2026-01-02T11:00:01Z"})
    assert kills_before_start(books, known, gaps(books, known, {})) == 4
    assert sum(b.end - b.start for b in books.settle_pod(10)) == 6


def test_a_gap_between_young_records_is_unrecorded_unless_retention_may_have_made_it() -> None:
    books = ledger(8, 4, 4)
    early, late = kill(0, 2), kill(4, 8)
    young = summarize_records([early, late], "boot", None, kept_from="2026-01-02T11:00:00Z")
    assert [(b.start, b.end) for b in gaps(books, young, {})] == [(2, 4)]
    old = summarize_records([early, late], "boot", None, kept_from="2026-01-02T12:00:01Z")
    assert gaps(books, old, {}) == []
