from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.badness.badness import NEVER, ProcessMemoryUse, badness
from oomwarden.core.badness.ranking import Candidate, MemoryScale, cgroup_total_pages, rank

PAGE = 4096
GIB = 1 << 30
SCALE = MemoryScale(8 * GIB // PAGE, PAGE)


def candidate(pid: int, resident: int = 0, adj: int = 0, *, protected: bool = False) -> Candidate:
    use = ProcessMemoryUse(resident // PAGE, 0, 0)
    return Candidate(pid, "sh", use, adj, protected=protected)


def test_memory_and_score_add_up_and_the_highest_is_killed_first() -> None:
    found = rank([candidate(1, 2 * GIB), candidate(2, 0, 500), candidate(3, GIB, 200)], SCALE)
    assert [each.candidate.pid for each in found] == [2, 3, 1]
    assert [each.rank for each in found] == [1, 2, 3]


def test_of_two_with_the_same_points_the_later_one_is_killed() -> None:
    found = rank([candidate(7, GIB), candidate(5, GIB)], SCALE)
    assert [each.candidate.pid for each in found] == [7, 5]


def test_a_process_that_is_never_killed_comes_last_and_has_no_rank() -> None:
    first = candidate(1, 4 * GIB, protected=True)
    found = rank([first, candidate(9, 4 * GIB, NEVER), candidate(4)], SCALE)
    assert [(each.candidate.pid, each.rank) for each in found] == [(4, 1), (1, None), (9, None)]
    assert [each.points is None for each in found] == [False, True, True]


def test_thousandths_are_of_what_the_kernel_chooses_in() -> None:
    assert SCALE.thousandths(2 * GIB) == 250


candidates = st.builds(
    Candidate,
    pid=st.integers(1, 1 << 22),
    command=st.just("sh"),
    use=st.builds(
        ProcessMemoryUse, st.integers(0, 1 << 22), st.integers(0, 1 << 20), st.integers(0, 1 << 24)
    ),
    oom_score_adj=st.integers(-1000, 1000),
)


@given(st.lists(candidates, max_size=30, unique_by=lambda each: each.pid))
def test_nobody_before_another_has_fewer_points(given_: list[Candidate]) -> None:
    found = rank(given_, SCALE)
    points = [each.points for each in found if each.points is not None]
    assert points == sorted(points, reverse=True)
    assert {each.candidate for each in found} == set(given_)
    for each in found:
        one = each.candidate
        assert each.points == badness(one.use, one.oom_score_adj, SCALE.total_pages, PAGE)


def test_a_cgroup_s_total_is_its_limit_and_the_swap_that_exists_and_is_used() -> None:
    limit = 512 << 20
    assert cgroup_total_pages(limit, 0, 2 * GIB, 60, PAGE) * PAGE == limit
    assert cgroup_total_pages(limit, None, 2 * GIB, 60, PAGE) * PAGE == limit + 2 * GIB
    assert cgroup_total_pages(limit, GIB, 2 * GIB, 60, PAGE) * PAGE == limit + GIB
    assert cgroup_total_pages(limit, 4 * GIB, 2 * GIB, 60, PAGE) * PAGE == limit + 2 * GIB
    assert cgroup_total_pages(limit, None, 2 * GIB, 0, PAGE) * PAGE == limit
