"""Every format of the kernel's lines is parsed correctly, whatever the names of processes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill, continues
from oomwarden.core.kernel_log.lines import (
    Constraint,
    Killed,
    parse_events,
    parse_records,
    unread_part,
)

from tests.support.log_lines import Ring

POD = "/kubepods.slice/kubepods-pod0a1b2c3d_1111_2222_3333_444455556661.slice"
COMMS = st.binary(min_size=0, max_size=15).filter(lambda comm: b"\0" not in comm)
PIDS = st.integers(1, 4_194_304)


def path(number: int) -> str:
    return f"{POD}/cri-containerd-{number:064x}.scope"


def kills(text: bytes) -> list[LogKill]:
    return LogAssembler().feed(parse_events(parse_records(text)))


def summary(found: list[LogKill]) -> list[tuple[str | None, list[int]]]:
    return [(kill.victim_cgroup, [victim.pid for victim in kill.victims]) for kill in found]


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(PIDS, min_size=1, max_size=4, unique=True),
                          st.booleans()), max_size=6), COMMS)  # fmt: skip
def test_any_sequence_of_group_kills_is_assembled_correctly(
    reports: list[tuple[int, list[int], bool]], comm: bytes
) -> None:
    ring = Ring()
    for number, pids, in_rate in reports:
        ring.group_kill(path(number), [(pid, comm) for pid in pids], within_rate_limit=in_rate)
    expected = [(path(number), pids) for number, pids, _ in reports]
    found = summary(kills(ring.text))
    same = any(set(one[1]) & set(two[1]) for one, two in pairwise(reports))
    assert found == expected or same  # the log cannot distinguish two consecutive kills of one pid


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_a_read_may_end_between_any_two_records(numbers: list[int], data: st.DataObject) -> None:
    ring, cuts = Ring(), []
    for index, number in enumerate(numbers):
        for pid in (10 * index + 1, 10 * index + 2):
            ring.group_kill(path(number), [(pid * 10 + n, b"hog") for n in range(2)])
    lines = ring.text.splitlines(keepends=True)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(lines)))) | {len(lines)})
    assembler, tail, waiting = LogAssembler(), b"", list[LogKill]()
    for cut in cuts:
        buffer = b"".join(lines[:cut])
        fresh, lost = unread_part(tail, buffer)
        assert not lost
        for kill in assembler.feed(parse_events(parse_records(fresh))):
            if kill.continues:
                assert continues(kill, waiting.pop())
            waiting.append(kill)
        tail = buffer[-512:]
    assert summary(waiting) == summary(kills(ring.text))


@given(COMMS, PIDS)
def test_no_comm_forges_a_victim_or_a_cgroup(comm: bytes, pid: int) -> None:
    ring = Ring()
    ring.constraint(pid, comm, path(1), POD)
    ring.killed(pid, comm)
    (kill,) = kills(ring.text)
    assert (kill.victim_cgroup, [(v.pid, v.comm) for v in kill.victims]) == (path(1), [(pid, comm)])


@pytest.mark.parametrize(
    "how",
    [b"Memory cgroup out of memory", b"Out of memory", b"Out of memory (oom_kill_allocating_task)"],
)
@pytest.mark.parametrize("ring", [Ring(), Ring(stamped=False), Ring(caller=b"[  T123]"),
                                  Ring(caller=b"[    C0]")])  # fmt: skip
def test_every_form_of_the_killed_line_is_read(how: bytes, ring: Ring) -> None:
    ring.text = b""
    ring.killed(7, b"hog", how)
    (event,) = parse_events(parse_records(ring.text))
    assert isinstance(event, Killed)
    assert (event.pid, event.stamp is None) == (7, not ring.stamped)


def test_trap_1_the_first_victim_of_a_group_is_printed_twice_and_listed_once() -> None:
    ring = Ring()
    ring.group_kill(path(1), [(10, b"sh"), (11, b"hog")])
    assert summary(kills(ring.text)) == [(path(1), [10, 11])]


def test_trap_7_a_group_whose_oom_kill_line_was_dropped_is_still_located() -> None:
    ring = Ring()
    for number in range(30):
        ring.group_kill(path(number), [(100 + number, b"hog")], within_rate_limit=number < 10)
    assert summary(kills(ring.text)) == [(path(number), [100 + number]) for number in range(30)]


def test_trap_11_the_allocating_tasks_cpuset_does_not_locate_the_victim() -> None:
    ring = Ring()
    ring.record(
        b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=cri-containerd-other.scope,"
        b"mems_allowed=0,global_oom,task_memcg=" + path(2).encode() + b",task=hog,pid=9,uid=0"
    )
    (event,) = parse_events(parse_records(ring.text))
    assert isinstance(event, Constraint)
    assert (event.task_memcg, event.oom_memcg) == (path(2), None)


def test_trap_12_only_records_of_the_kernels_own_facility_are_used() -> None:
    ring = Ring()
    ring.group_kill(path(1), [(10, b"hog")])
    assert kills(ring.text.replace(b"<3>", b"<11>").replace(b"<6>", b"<14>")) == []


def test_a_constraint_with_another_name_is_read() -> None:
    ring = Ring()
    ring.constraint(9, b"hog", path(1), POD)
    (event,) = parse_events(
        parse_records(ring.text.replace(b"CONSTRAINT_MEMCG", b"CONSTRAINT_BPF"))
    )
    assert isinstance(event, Constraint)


def test_the_line_of_a_victim_that_was_already_dying_is_used_for_no_other() -> None:
    ring = Ring()
    ring.constraint(9, b"sh", path(1), POD)
    ring.skipped(9, b"sh")
    ring.killed(10, b"hog")
    assert summary(kills(ring.text)) == [(None, [10])]


def test_a_line_too_long_for_one_record_is_read_in_pieces() -> None:
    ring = Ring()
    nested = path(1) + "/" + "deep" * 250
    ring.constraint(9, b"hog", nested, POD)
    (whole,) = ring.text.splitlines()
    prefix, text = whole[: whole.index(b"oom-kill")], whole[whole.index(b"oom-kill") :]
    pieces = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    ring.text = b"".join(prefix + piece + b"\n" for piece in pieces)
    (event,) = parse_events(parse_records(ring.text))
    assert isinstance(event, Constraint)
    assert event.task_memcg == nested


def test_lines_of_other_subsystems_in_between_are_ignored() -> None:
    ring, noisy = Ring(), Ring()
    ring.group_kill(path(1), [(10, b"sh"), (11, b"hog")])
    for line in ring.text.splitlines():
        noisy.text += line + b"\n"
        noisy.record(b"eth0: link is up")
        noisy.record(b"oom_reaper: reaped process 10 (sh), now anon-rss:0kB", 6)
    assert summary(kills(noisy.text)) == [(path(1), [10, 11])]


def test_after_lost_lines_no_unfinished_kill_continues() -> None:
    ring, assembler = Ring(), LogAssembler()
    ring.constraint(9, b"sh", path(1), POD)
    assembler.feed(parse_events(parse_records(ring.text)))
    assembler.reset()
    later = Ring(now=50.002)
    later.killed(9, b"hog")
    assert summary(assembler.feed(parse_events(parse_records(later.text)))) == [(None, [9])]


def test_text_of_the_oom_killer_inside_another_line_is_not_a_kill() -> None:
    ring = Ring()
    ring.record(b"audit: Memory cgroup out of memory: Killed process 7 (hog) total-vm:1kB")
    assert kills(ring.text) == []


def test_a_read_that_ends_with_the_next_kills_first_line_is_corrected_by_the_next_read() -> None:
    ring, assembler = Ring(), LogAssembler()
    ring.group_kill(path(1), [(1, b"hog")])
    ring.killed(2, b"hog")
    (begun,) = assembler.feed(parse_events(parse_records(ring.text)))
    read = len(ring.text)
    ring.group(path(2))
    ring.killed(2, b"hog")
    whole, following = assembler.feed(parse_events(parse_records(ring.text[read:])))
    assert continues(whole, begun)
    assert summary([whole, following]) == [(path(1), [1]), (path(2), [2])]
