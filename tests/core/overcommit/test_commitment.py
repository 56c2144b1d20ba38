import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.overcommit.commit_limit import commit_limit
from oomwarden.core.overcommit.commitment import (
    Commitment,
    MachineMemory,
    is_exceeded,
    machine_memory,
)
from oomwarden.core.overcommit.failures import failures
from oomwarden.core.overcommit.settings import OvercommitMode, OvercommitSettings

GIB, PAGE = 1 << 30, 4096


def machine(committed: int | None = None, **settings: int) -> Commitment:
    return Commitment(
        MachineMemory(8 * GIB, 2 * GIB, committed=committed), OvercommitSettings(**settings)
    )


def test_eight_gibibytes_two_of_swap_and_80_percent_are_8_4() -> None:
    limit = commit_limit(8 * GIB, 2 * GIB, ratio=80)
    assert limit == pytest.approx(8.4 * GIB, abs=PAGE)
    assert limit % PAGE == 0


def test_huge_pages_are_subtracted_before_the_ratio() -> None:
    assert commit_limit(8 * GIB, 0, huge_pages=4 * GIB, ratio=50) == 2 * GIB
    assert commit_limit(GIB, 0, huge_pages=2 * GIB) == 0


def test_kbytes_replace_the_ratio_and_huge_pages() -> None:
    assert commit_limit(8 * GIB, GIB, huge_pages=GIB, ratio=80, kbytes=1 << 20) == 2 * GIB


def test_a_real_meminfo_gives_the_kernels_own_limit() -> None:
    """A machine with 24,684,084 kB and the default ratio: CommitLimit is 12,342,040 kB."""
    found = machine_memory(
        {"MemTotal": 24684084 << 10, "CommitLimit": 12342040 << 10, "Committed_AS": 1 << 30}
    )
    assert found is not None
    commitment = Commitment(found, OvercommitSettings())
    assert (commitment.shown_ratio, commitment.limit) == (50, 12342040 << 10)
    assert machine_memory({}) is None


@given(
    st.integers(1, 1 << 28), st.integers(0, 1 << 28), st.integers(0, 1 << 20), st.integers(0, 200)
)
def test_the_ratio_is_found_from_the_limit(ram: int, swap: int, huge: int, ratio: int) -> None:
    """Of a large machine there is one ratio at most."""
    pages = ram + huge + 1000
    limit = commit_limit(pages * PAGE, swap * PAGE, huge_pages=huge * PAGE, ratio=ratio)
    memory = MachineMemory(pages * PAGE, swap * PAGE, huge * PAGE, limit)
    found = Commitment(memory, OvercommitSettings())
    assert found.shown_ratio == ratio
    assert found.limit == limit


def test_no_ratio_explains_a_limit_that_was_set_in_kbytes() -> None:
    memory = MachineMemory(8 * GIB, 0, kernel_limit=3 * GIB + 7 * PAGE)
    assert Commitment(memory, OvercommitSettings()).shown_ratio is None


def test_head_room_may_be_negative_and_reserves_are_kept_in_mode_2() -> None:
    assert machine().head_room is None
    assert machine(11 * GIB, ratio=80).head_room == pytest.approx(-2.6 * GIB, abs=PAGE)
    assert is_exceeded(machine(11 * GIB, ratio=80))
    room = machine(GIB, ratio=100, admin_reserve=8 << 20, user_reserve=128 << 20)
    assert room.allowed(0) == 9 * GIB - (8 << 20)
    assert room.allowed(320 << 20) == 9 * GIB - (18 << 20)
    assert room.allowed(100 * GIB) == 9 * GIB - (136 << 20)


def test_what_fails_is_said_for_each_mode() -> None:
    found = machine(GIB, ratio=80)
    assert "more than 10Gi (RAM and swap)" in failures(found, OvercommitMode.HEURISTIC)
    assert failures(found, OvercommitMode.ALWAYS).startswith("No allocation fails.")
    never = failures(found, OvercommitMode.NEVER)
    assert "more than 7.4Gi fails with ENOMEM" in never
    assert "fork" in never
    assert "2.6Gi more than CommitLimit" in failures(
        machine(11 * GIB, ratio=80), OvercommitMode.NEVER
    )
    assert "once 8.4Gi are promised" in failures(machine(ratio=80), OvercommitMode.NEVER)
