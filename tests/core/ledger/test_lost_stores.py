"""Whatever is killed, merged, posted and lost with the store: no kill twice, none of another."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.ledger.account import CounterRange, Reading
from oomwarden.core.ledger.evidence_shares import MAX_SHARES, shares_of
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.rebuild import gaps, rebuild, recorded
from oomwarden.core.model.cgroup import Cgroup, Level, MemoryEvents
from oomwarden.core.records.coalesce import Draft, merge

NAMES = "ab"
POD = Cgroup(10, "kubepods/pod", Level.POD, "uid")
CREATED = {10: "2026-01-02T00:00:00Z"}
SINCE = "2026-01-01T00:00:00Z"


def ident(name: str, life: int) -> str:
    return f"{name}{life:063x}"


def draft(start: int, end: int, name: str, found: str | None) -> Draft:
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
    return Draft(kill, None)


class Node:
    """A pod of two containers which restart, and what of its kills came into the API."""

    def __init__(self) -> None:
        self.lives = dict.fromkeys(NAMES, 0)
        self.truth: Counter[str] = Counter()
        self.total = self.told_to = 0
        self.held: list[Draft] = []
        self.lost: list[dict[str, Any]] = []
        self.stored: list[dict[str, Any]] = []
        self.unread: Counter[str] = Counter()

    def kill(self, name: str, times: int, *, how: str) -> None:
        """Kill in a container; `how`: recorded by its id, by no id, or not yet."""
        found = ident(name, self.lives[name])
        self.truth[found] += times
        self.total += times
        if how != "unread" and self.total - times == self.told_to:
            id_told = found if how == "named" else None
            self.held.append(draft(self.told_to, self.total, name, id_told))
            self.told_to = self.total
        else:
            self.unread[found] += times

    def restart(self, name: str) -> None:
        self.lives[name] += 1

    def post(self, chosen: set[int]) -> None:
        """Merge what is held; some of that is posted, the rest is lost with the store."""
        merged = merge(self.held)
        self.held = []
        for n, one in enumerate(merged):
            (self.stored if n in chosen else self.lost).append(one.kill)

    def lose_store(self) -> None:
        """Begin a new ledger from what the kernel and the API server still have."""
        books = Ledger()
        books.open(POD, None)
        for n, name in enumerate(NAMES):
            found = ident(name, self.lives[name])
            inode = 100 + n + 10 * self.lives[name]
            books.open(Cgroup(inode, f"kubepods/pod/{found}", Level.CONTAINER, "uid", found), 10)
            books.read(Reading(inode, MemoryEvents(oom_kill=self.truth[found])))
        books.read(Reading(10, MemoryEvents(oom_kill=self.total)))
        known = recorded(self.stored, "boot", SINCE, SINCE)
        rebuild(books, known, CREATED)
        holes = gaps(books, known, CREATED)
        told = books.settle_pod(10, complete=not books.accounts[10].unclear)
        self.check_new(told, known.pods[10].oom_kill if 10 in known.pods else 0)
        self.stored += [self.booked(booking) for booking in (*holes, *told)]
        self.told_to = self.total
        self.lost, self.unread = [], Counter()

    def check_new(self, told: list[CounterRange], told_to: int) -> None:
        """Hold what is told as new against the kills that no stored record or hole covers."""
        new, anybodys = Counter(self.unread), 0
        for kill in self.lost:
            start, end = kill["evidence"]["from"], kill["evidence"]["to"]
            if start >= told_to and not shares_of(kill):
                anybodys += end - start
            for share in shares_of(kill) if start >= told_to else ():
                new[share["id"]] += share["increments"]
        for one in told:
            if one.container is not None:
                assert one.end - one.start <= new[str(one.container.container_id)] + anybodys

    def booked(self, booking: CounterRange) -> dict[str, Any]:
        found = booking.container.container_id if booking.container else None
        return draft(booking.start, booking.end, (found or "?")[0], found).kill

    def check(self) -> None:
        spans = [(k["evidence"]["from"], k["evidence"]["to"]) for k in self.stored]
        told = sorted(n for start, end in spans for n in range(start, end))
        assert told == list(range(self.total)), "each kill once"
        by_id: Counter[str] = Counter()
        for kill in self.stored:
            shares = shares_of(kill)
            assert len(shares) <= MAX_SHARES
            assert sum(share["increments"] for share in shares) <= kill["evidence"]["to"] - kill[
                "evidence"]["from"]  # fmt: skip
            for share in shares:
                by_id[share["id"]] += share["increments"]
        assert all(count <= self.truth[found] for found, count in by_id.items()), "of no other"


KILL = st.tuples(st.sampled_from(NAMES), st.integers(1, 3))
POSTS = st.sampled_from((set(), {0}, {1}, {0, 1}))
STEP = st.one_of(
    st.tuples(st.just("record"), KILL, st.sampled_from(("named", "unnamed")), POSTS),
    st.tuples(st.just("hold"), KILL, st.sampled_from(("named", "unnamed"))),
    st.tuples(st.just("kill"), KILL),
    st.tuples(st.just("restart"), st.sampled_from(NAMES)),
    st.tuples(st.just("lose")),
)


@settings(max_examples=300)
@given(st.lists(STEP, max_size=12))
def test_whatever_is_lost_with_a_store_is_told_once_and_of_no_other_container(
    steps: list[tuple[Any, ...]],
) -> None:
    node = Node()
    for step, *how in steps:
        if step in ("record", "hold"):
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


def test_a_merged_record_of_a_restarted_container_leaves_the_next_kill_to_its_own() -> None:
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


def test_where_lost_kills_may_be_a_containers_the_next_one_names_nobody() -> None:
    node = Node()
    node.kill("a", 1, how="named")
    node.post(set())
    node.kill("b", 1, how="named")
    node.post({0})
    node.kill("b", 1, how="unread")
    node.restart("b")
    node.lose_store()
    told = [(k["evidence"]["from"], k["container"].get("id")) for k in node.stored]
    assert told == [(1, ident("b", 0)), (0, None), (2, None)]
