from collections import Counter

import pytest

from bench.weight import readings
from bench.weight.loops import (
    MIB,
    Report,
    calls_by_loop,
    memory_by_module,
    milliseconds_by_loop,
)
from bench.weight.readings import CpuReading

FIRST = Report(
    interpreter=9 * MIB,
    imported=14 * MIB,
    resident=20 * MIB,
    imports=[
        ("ssl", 1 * MIB, False),
        ("oomwarden.agent.run", 1 * MIB, False),
        ("oomwarden.agent.flows.kills", 1 * MIB, False),
        ("oomwarden.core.model", 1 * MIB, False),
        ("anyio", 2 * MIB, True),
    ],
    handles={"enforce": (2_000_000, 10), "event loop": (5_000_000, 0)},
)


def test_memory_is_summed_by_package_and_adds_up_to_what_is_resident() -> None:
    found = memory_by_module(FIRST)
    assert found["interpreter"] == 9
    assert found["oomwarden.agent"] == 2
    assert found["oomwarden.core"] == found["ssl"] == 1
    assert found["imported after that"] == 2
    assert found["made before the event loop began"] == 1
    assert sum(found.values()) == pytest.approx(20)


def test_cpu_time_by_loop_is_that_between_two_reports_the_largest_first() -> None:
    handles = {"enforce": (3_000_000, 11), "event loop": (5_000_000, 0), "status": (9_000_000, 1)}
    later = Report(9 * MIB, 14 * MIB, 20 * MIB, [], handles)
    found = milliseconds_by_loop(FIRST, later, seconds=30.0)
    assert list(found.items()) == [("status", 18.0), ("enforce", 2.0)]


STRACE = """\
100   epoll_wait(5, [], 1, 0) = 0
100   write(-1, "enforce", 7)           = -1 EBADF (Bad file descriptor)
100   openat(AT_FDCWD, "x", O_RDONLY) = 3
101   pread64(7, "low 0\\n"..., 65536, 0) = 76
100   close(3) = 0
100   write(-1, "", 0)                  = -1 EBADF (Bad file descriptor)
100   write(9, "-1, \\"status\\"", 12)   = 12
101   futex(0x55, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
101   <... futex resumed>)              = 0
102   getpid() = 100
100   --- SIGUSR2 {si_signo=SIGUSR2} ---
"""


def test_system_calls_belong_to_the_task_that_runs_and_other_threads_to_themselves() -> None:
    calls = calls_by_loop(STRACE.splitlines(), {101: "detect"}, main=100)
    expected = {"event loop": 2, "enforce": 2, "thread detect": 2, "thread ?": 1}
    assert calls == Counter(expected)


def test_lines_that_are_no_calls_are_skipped() -> None:
    assert not calls_by_loop(["", "+++ exited with 0 +++", "\x00\xff", "100"], {}, main=100)


def test_sizes_of_a_process_are_in_mib_and_what_is_missing_is_left_out() -> None:
    status = "Name:\tx:y\nVmHWM:\t 2048 kB\nVmRSS:\t 1024 kB\nRssAnon:\t 512 kB\nThreads:\t7\n"
    expected = {"resident": 1.0, "anonymous": 0.5, "peak": 2.0, "threads": 7.0}
    assert readings.parse_memory(status) == expected
    assert readings.parse_memory("") == {"threads": 0.0}


def test_what_is_used_between_two_readings_is_their_difference_by_thread() -> None:
    before = CpuReading(Counter(main=5_000_000, detect=1_000_000), 10)
    now = CpuReading(Counter(main=9_000_000, detect=1_000_000, samples=500_000), 12)
    used = readings.since(before, now)
    assert used.milliseconds == 4.5
    assert used.switches == 2
