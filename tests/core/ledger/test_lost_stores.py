"""Whatever is killed, merged, posted and lost: each kill is recorded once, with its container."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.ledger.account import CounterRange, Reading
from oomwarden.core.ledger.evidence_shares import MAX_SHARES, shares_of
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.rebuild import gaps, rebuild, summarize_records
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.records.coalesce import merge
from oomwarden.core.records.outbox_row import OutboxRow

NAMES = "ab"
POD = Cgroup(10, "kubepods/pod", Level.POD, "uid")
CREATED = {10: "2026-01-02T00:00:00Z"}
SINCE = "2026-01-01T00:00:00Z"


def ident(name: str, life: int) -> str:
    return f"{name}{life:063x}"


def draft(start: int, end: int, name: str, found: str | None) -> OutboxRow:
    container = {"name": name, "id": found} if found else {"candidates": list(NAMES)}
    evidence = {"bootID": "boot", "cgroup": 10, "level": "Pod", "epoch": 0}
    kill = {
        "metadata": {"name": f"r{start}", "creationTimestamp": "2026-01-02T00:00:00Z"},
        "node": "n",
        "pod": {"name": "p", "uid": "uid"},
        "container": container,
        "cause": "Unknown",
        "kills": end - start,
        "time": {"before": "2026-01-02T00:00:00Z"},
        "evidence": evidence | {"from": start, "to": end},
    }
    return OutboxRow(kill, None)


class Node:
    """A pod of two containers that restart, and which of its kills reached the API server."""

    def __init__(self) -> None:
        self.lives = dict.fromkeys(NAMES, 0)
        self.truth: Counter[str] = Counter()
        self.total = self.recorded_to = 0
        self.waiting: list[OutboxRow] = []
        self.lost: list[dict[str, Any]] = []
        self.stored: list[dict[str, Any]] = []
        self.unread: Counter[str] = Counter()

    def kill(self, name: str, times: int, *, how: str) -> None:
        """Kill in a container; `how`: recorded with its id, without an id, or not yet."""
        found = ident(name, self.lives[name])
        self.truth[found] += times
        self.total += times
        if how != "unread" and self.total - times == self.recorded_to:
            container = found if how == "named" else None
            self.waiting.append(draft(self.recorded_to, self.total, name, container))
            self.recorded_to = self.total
        else:
            self.unread[found] += times

    def restart(self, name: str) -> None:
        self.lives[name] += 1

    def post(self, chosen: set[int]) -> None:
        """Merge the waiting records; post the chosen ones, and lose the rest with the store."""
        merged = merge(self.waiting)
        self.waiting = []
        for n, one in enumerate(merged):
            (self.stored if n in chosen else self.lost).append(one.kill)

    def lose_store(self) -> None:
        """Rebuild the ledger from what the kernel and the API server still have."""
        books = Ledger()
        books.open(POD, None)
        for n, name in enumerate(NAMES):
            found = ident(name, self.lives[name])
            inode = 100 + n + 10 * self.lives[name]
            books.open(Cgroup(inode, f"kubepods/pod/{found}", Level.CONTAINER, "uid", found), 10)
            books.observe(Reading(inode, KillCounters(oom_kill=self.truth[found])))
        books.observe(Reading(10, KillCounters(oom_kill=self.total)))
        known = summarize_records(self.stored, "boot", SINCE, SINCE)
        rebuild(books, known, CREATED)
        missing = gaps(books, known, CREATED)
        new = books.settle_pod(10, complete=not books.accounts[10].is_ambiguous)
        self.check_new(new, known.pods[10].oom_kill if 10 in known.pods else 0)
        self.stored += [self.record(one) for one in (*missing, *new)]
        self.recorded_to = self.total
        self.lost, self.unread = [], Counter()

    def check_new(self, ranges: list[CounterRange], recorded_to: int) -> None:
        """Compare what is recorded as new with the kills that no stored record or gap covers."""
        new, anybodys = Counter(self.unread), 0
        for kill in self.lost:
            start, end = kill["evidence"]["from"], kill["evidence"]["to"]
            if start >= recorded_to and not shares_of(kill):
                anybodys += end - start
            for share in shares_of(kill) if start >= recorded_to else ():
                new[share["id"]] += share["increments"]
        for one in ranges:
            if one.container is not None:
                assert one.end - one.start <= new[str(one.container.container_id)] + anybodys

    def record(self, one: CounterRange) -> dict[str, Any]:
        found = one.container.container_id if one.container else None
        return draft(one.start, one.end, (found or "?")[0], found).kill

    def check(self) -> None:
        spans = [(k["evidence"]["from"], k["evidence"]["to"]) for k in self.stored]
        covered = sorted(n for start, end in spans for n in range(start, end))
        assert covered == list(range(self.total)), "each kill once"
        by_id: Counter[str] = Counter()
        for kill in self.stored:
            shares = shares_of(kill)
            assert len(shares) <= MAX_SHARES
            assert sum(share["increments"] for share in shares) <= kill["evidence"]["to"] - kill[
                "evidence"]["from"]  # fmt: skip
            for share in shares:
                by_id[share["id"]] += share["increments"]
        assert all(count <= self.truth[found] for found, count in by_id.items()), (
            "for its own container"
        )


KILL = st.tuples(st.sampled_from(NAMES), st.integers(1, 3))
POSTS = st.sampled_from((set(), {0}, {1}, {0, 1}))
STEP = st.one_of(
    st.tuples(st.just("record"), KILL, st.sampled_from(("named", "unnamed")), POSTS),
    st.tuples(st.just("wait"), KILL, st.sampled_from(("named", "unnamed"))),
    st.tuples(st.just("kill"), KILL),
    st.tuples(st.just("restart"), st.sampled_from(NAMES)),
    st.tuples(st.just("lose")),
)


@settings(max_examples=300)
@given(st.lists(STEP, max_size=12))
def test_whatever_is_lost_with_a_store_is_recorded_once_and_for_its_own_container(
    steps: list[tuple[Any, ...]],
) -> None:
    node = Node()
    for step, *how in steps:
        if step in ("record", "wait"):
            node.kill(*how[0], how=how[1])
        if step == "record":
            node.post(how[2])
        elif step == "kill":
            node.kill(*how[0], how="unread")
        elif step == "restart":
            node.restart(how[0])
        elif step == "lose":
            node.post(set())
            node.lose_store()
    node.post(set())
    node.lose_store()
    node.check()


def test_a_merged_record_of_a_restarted_container_does_not_cover_the_next_kill() -> None:
    node = Node()
    node.kill("a", 2, how="named")
    node.restart("a")
    node.kill("a", 3, how="named")
    node.post({0})
    node.kill("b", 1, how="unread")
    node.lose_store()
    assert node.stored[-1]["container"] == {"name": "b", "id": ident("b", 0)}
    assert (node.stored[-1]["evidence"]["from"], node.stored[-1]["evidence"]["to"]) == (5, 6)
    node.check()


def test_the_next_kill_names_no_container_if_lost_kills_may_be_its_own() -> None:
    node = Node()
    node.kill("a", 1, how="named")
    node.post(set())
    node.kill("b", 1, how="named")
    node.post({0})
    node.kill("b", 1, how="unread")
    node.restart("b")
    node.lose_store()
    recorded = [(k["evidence"]["from"], k["container"].get("id")) for k in node.stored]
    assert recorded == [(1, ident("b", 0)), (0, None), (2, None)]
