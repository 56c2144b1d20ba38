"""If the kernel prints neither times nor callers, nothing in a text is parsed as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import parse_events, parse_records

from tests.support.printk import PrintedKill, Printk, killed, oom_kill

CONTAINER = f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{'a' * 64}.scope"
OF_CGROUP = b"Memory cgroup out of memory"
FORGED = (b"a\n[ T1] b", b"a\n[1.5] b", b"\n[9.9] x\n[ C0] ", b"[9999999.0] x", b"\n[1.5][ T1] ",
          b"x\n\n[ T9] ")  # fmt: skip
COMMS = st.lists(
    st.sampled_from([b"\n", b"[1.5] ", b"[ T1] ", b"[99.9]", b"[  C0] ", b"a", b") "]), max_size=6
).map(lambda parts: b"".join(parts)[:15])


def read(ring: Printk) -> list[LogKill]:
    return LogAssembler().feed(parse_events(parse_records(ring.text)))


def victims(kills: list[LogKill]) -> list[tuple[str | None, int, bytes]]:
    return [(kill.victim_cgroup, one.pid, one.comm) for kill in kills for one in kill.victims]


def assert_read(ring: Printk, comm: bytes) -> None:
    ring.line("T1", 4, comm + b" invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0")
    ring.kill("T1", PrintedKill(CONTAINER, CONTAINER, comm, 42))
    assert victims(read(ring)) == [(CONTAINER, 42, comm)]


@pytest.mark.parametrize("comm", FORGED)
@pytest.mark.parametrize("prefix", ["", "time", "callers", "time callers"])
def test_a_comm_that_looks_like_a_prefix_is_a_comm(comm: bytes, prefix: str) -> None:
    assert_read(Printk(time="time" in prefix, callers="callers" in prefix), comm)


@given(COMMS, st.builds(Printk, time=st.booleans(), callers=st.booleans()))
def test_no_comm_hides_its_process(comm: bytes, ring: Printk) -> None:
    assert_read(ring, comm)


def test_a_line_of_another_subsystem_that_looks_stamped_ends_no_report() -> None:
    ring, pieces = Printk(time=False), oom_kill(PrintedKill(CONTAINER, CONTAINER, b"hog", 42))
    ring.printed("T1", 6, pieces[:3])
    ring.line("T2", 6, b"[9999999.0] x[7]: segfault at 0 ip 000055 sp 00007f error 4")
    ring.printed("T1", 4, pieces[3:])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    assert victims(read(ring)) == [(CONTAINER, 42, b"hog")]


@pytest.mark.parametrize("looks", [b"[ T1] ", b"[9.9] "])
def test_a_cpusets_name_that_looks_like_a_victim_with_a_caller_is_not_one(looks: bytes) -> None:
    forged = looks + killed(OF_CGROUP, 9, b"forged")
    ring = Printk(time=False, noise=[0, 1, 1])
    ring.kill("T1", PrintedKill(CONTAINER, CONTAINER, b"hog", 42, cpuset=forged))
    assert victims(read(ring)) == [(CONTAINER, 42, b"hog")]


def test_a_victim_that_was_already_dying_is_no_kill() -> None:
    ring, report = Printk(), PrintedKill(None, CONTAINER, b"hog", 42, constraint=b"CONSTRAINT_NONE")
    ring.printed("T1", 6, oom_kill(report))
    ring.line("T1", 6, b"Out of memory (oom_kill_allocating_task): OOM victim 42 (hog) is already "
                       b"exiting. Skip killing the task")  # fmt: skip
    ring.line("T2", 3, killed(b"Out of memory", 57, b"other"))
    assert victims(read(ring)) == [(None, 57, b"other")]
