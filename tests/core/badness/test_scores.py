import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.core.badness.badness import ProcessMemoryUse, badness, shown_score
from oomwarden.core.badness.normalized import memory_use, normalized_score
from oomwarden.core.badness.scored import ranked, scored

GIB = 1 << 30
PAGE = 4096


@pytest.mark.parametrize(("adj", "score"), [(0, 250), (-200, 50), (500, 750), (-1000, 0)])
def test_the_well_known_score(adj: int, score: int) -> None:
    assert normalized_score(2 * GIB, 8 * GIB, adj) == score


@pytest.mark.parametrize(("adj", "score"), [(-999, 0), (1000, 1000)])
def test_the_well_known_score_is_cut(adj: int, score: int) -> None:
    assert normalized_score(2 * GIB, 8 * GIB, adj) == score


@given(st.integers(0, 1 << 50), st.integers(1, 1 << 50), st.integers(-1000, 1000))
def test_the_well_known_score_is_between_0_and_1000(usage: int, total: int, adj: int) -> None:
    assert 0 <= normalized_score(usage, total, adj) <= 1000


def test_what_the_kernel_compares_may_be_negative() -> None:
    idle = ProcessMemoryUse(100, 0, 0)
    assert badness(idle, -500, 2_000_000, PAGE) == 100 - 500 * 2000
    assert badness(idle, -1000, 2_000_000, PAGE) is None


def test_page_tables_and_swap_count() -> None:
    assert badness(ProcessMemoryUse(10, 5, 3 * PAGE + 1), 0, 1000, PAGE) == 18


@pytest.mark.parametrize(
    ("points", "shown"), [(0, 666), (None, 0), (1000, 1333), (-1500, 0), (-999, 0), (2000, 2000)]
)
def test_what_proc_shows_since_5_9(points: int | None, shown: int) -> None:
    """(1000 + points * 1000 / total) * 2 / 3 in C, with a total of 1000 pages."""
    assert shown_score(points, 1000) == shown


def test_kernel_threads_have_no_memory() -> None:
    assert memory_use({}, PAGE) is None
    found = memory_use({"VmRSS": 10 * PAGE, "VmSwap": PAGE, "VmPTE": 5000}, PAGE)
    assert found == ProcessMemoryUse(10, 1, 5000)


def test_a_scored_process_counts_whole_pages() -> None:
    found = scored(ProcessMemoryUse(10, 5, PAGE + 7), 100, 2000 * PAGE, PAGE)
    assert (found.pages, found.usage, found.total_pages) == (16, 16 * PAGE, 2000)
    assert (found.points, found.normalized, found.shown) == (16 + 200, 108, 738)


def test_the_ranking_is_the_kernels() -> None:
    """The largest first; of equals the one that is met last; init and -1000 never."""
    small, large = (scored(ProcessMemoryUse(pages, 0, 0), 0, GIB, PAGE) for pages in (10, 20))
    never = scored(ProcessMemoryUse(1000, 0, 0), -1000, GIB, PAGE)
    processes = [
        replace(each, pid=pid)
        for pid, each in ((1, large), (2, small), (3, never), (4, large), (5, small))
    ]
    assert [each.pid for each in ranked(processes)][:3] == [4, 5, 2]
