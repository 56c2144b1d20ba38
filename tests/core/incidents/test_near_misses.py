"""Near misses: what rises without a failure after it counts, across restarts of a container."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.incidents.near_misses import (
    MAX_HOLDERS,
    ROUND_SECONDS,
    SLICE_SECONDS,
    WINDOW_SECONDS,
    LimitHolder,
    NearMissCounts,
)
from oomwarden.core.model.cgroup import LimitHits

APP: LimitHolder = ("uid", "app")
START = 1_800_000_000.0


class Node:
    """Counts with a clock that one turns by hand."""

    def __init__(self) -> None:
        self.counts = NearMissCounts()
        self.now = START
        self.gone: set[int] = set()

    def read(
        self, hits: int, failures: int = 0, inode: int = 1, holder: LimitHolder = APP,
        *, is_new: bool = True,
    ) -> int:  # fmt: skip
        counted = LimitHits(hits, failures)
        return self.counts.observe(inode, holder, counted, self.now, is_new=is_new)

    def pass_time(self, seconds: float = ROUND_SECONDS) -> None:
        self.now += seconds
        self.counts.settle(self.now, self._is_live)
        self.counts.forget(self._is_live)

    def _is_live(self, inode: int) -> bool:
        return inode not in self.gone

    @property
    def found(self) -> list[tuple[LimitHolder, int]]:
        return [(each.holder, each.count) for each in self.counts.recent()]


def test_hits_without_a_failure_after_them_are_near_misses() -> None:
    node = Node()
    assert node.read(7) == 7
    assert node.found == []  # a kill may follow
    node.pass_time()
    assert node.found == [(APP, 7)]


def test_hits_of_a_kill_are_not_near_misses() -> None:
    node = Node()
    node.read(16, failures=1)
    node.pass_time()
    assert node.found == []


def test_hits_just_before_a_kill_are_not_near_misses() -> None:
    node = Node()
    node.read(900)
    node.now += ROUND_SECONDS
    node.read(950, failures=1)
    node.pass_time()
    assert node.found == []


def test_hits_before_and_after_a_kill_are_near_misses() -> None:
    node = Node()
    node.read(5)
    node.pass_time()
    node.read(25, failures=1)
    node.pass_time()
    node.read(28, failures=1)
    node.pass_time()
    assert node.found == [(APP, 5 + 3)]


def test_hits_of_a_cgroup_that_is_gone_before_the_next_reading_do_not_count() -> None:
    node = Node()
    node.read(5)
    node.gone = {1}
    node.pass_time()
    assert node.found == []


def test_a_restarted_container_continues_the_count_of_the_one_before() -> None:
    node = Node()
    node.read(5)
    node.pass_time()
    node.gone = {1}
    node.read(2, inode=2)
    node.pass_time()
    assert node.found == [(APP, 7)]


def test_hits_from_before_the_agents_start_do_not_count() -> None:
    node = Node()
    assert node.read(1000, is_new=False) == 0
    node.pass_time()
    node.read(1004, is_new=False)
    node.pass_time()
    assert node.found == [(APP, 4)]


def test_a_counter_that_fell_counts_from_its_new_value() -> None:
    node = Node()
    node.read(100)
    node.pass_time()
    assert node.read(3) == 0
    assert node.read(5) == 2


def test_near_misses_are_forgotten_after_an_hour_in_steps() -> None:
    node = Node()
    node.read(5)
    node.pass_time(SLICE_SECONDS + ROUND_SECONDS)
    node.read(6)
    node.pass_time()
    assert node.found == [(APP, 6)]
    node.pass_time(WINDOW_SECONDS - SLICE_SECONDS)
    assert node.found == [(APP, 1)]
    node.pass_time(WINDOW_SECONDS)
    assert node.found == []
    assert node.counts.holders() == set()


def test_first_and_last_time_are_those_of_the_readings() -> None:
    node = Node()
    for hits in (1, 2, 3):
        node.read(hits)
        node.pass_time()
    (found,) = node.counts.recent()
    assert (found.since, found.last) == (START, START + 2 * ROUND_SECONDS)


def test_near_misses_from_before_the_clock_was_set_back_are_forgotten() -> None:
    node = Node()
    node.read(5)
    node.pass_time()
    node.pass_time(-7200)
    assert node.found == []


def test_the_number_of_containers_that_are_kept_is_bounded() -> None:
    node = Node()
    for number in range(2 * MAX_HOLDERS):
        node.read(1, inode=number, holder=("uid", str(number)))
        node.pass_time(0.1)
    node.pass_time()
    assert len(node.found) == MAX_HOLDERS


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40))
def test_every_hit_counts_unless_there_is_a_failure_in_its_round_or_the_next(
    rounds: list[tuple[int, bool]],
) -> None:
    node, hits, failures, expected = Node(), 0, 0, 0
    for number, (more, has_failed) in enumerate(rounds):
        hits, failures = hits + more, failures + has_failed
        node.now += ROUND_SECONDS
        node.read(hits, failures)
        node.pass_time(0)
        is_followed = any(failed for _, failed in rounds[number + 1 : number + 2])
        expected += 0 if has_failed or is_followed else more
    node.pass_time()
    assert sum(count for _, count in node.found) == expected
