import pytest
from oomwarden.core.log_text.user_space import UserSpaceKillers

OOMD = (
    b"Nov 20 10:00:01 node-a systemd-oomd[612]: Killed /user.slice/app.scope due to memory "
    b"pressure for /user.slice being 65.03% > 60.00% for > 20s with reclaim activity\n"
)
EARLYOOM = (
    b'Nov 20 10:00:02 node-a earlyoom[70]: sending SIGTERM to process 4242 uid 1000 "java": '
    b"oom_score 901, VmRSS 1500 MiB\n"
)


def found(*pieces: bytes) -> set[str]:
    killers = UserSpaceKillers()
    for each in pieces:
        killers.feed(each)
    return killers.found


def test_programs_that_killed_before_the_kernel_are_found() -> None:
    assert found(OOMD) == {"systemd-oomd"}
    assert found(EARLYOOM, OOMD) == {"systemd-oomd", "earlyoom"}


@pytest.mark.parametrize("at", range(0, len(OOMD), 7))
def test_a_line_that_is_read_in_two_pieces_is_found(at: int) -> None:
    assert found(OOMD[:at], OOMD[at:]) == {"systemd-oomd"}


def test_a_program_that_only_started_killed_nothing() -> None:
    started = b"systemd[1]: Started systemd-oomd.service\nearlyoom[70]: mem avail: 9 MiB\n"
    assert found(started) == set()
