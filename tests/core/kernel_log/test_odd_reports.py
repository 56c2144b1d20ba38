"""Reports that are cut, split by similar lines, or incomplete."""

import pytest
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import parse_events, parse_records, unfinished_part

from tests.support.printk import PrintedKill, Printk, killed, oom_kill

PODS = tuple(f"/kubepods.slice/kubepods-pod{uid}.slice" for uid in "ab")
OWN, OTHER = (f"{pod}/cri-containerd-{c * 64}.scope" for pod, c in zip(PODS, "ab", strict=True))
OF_CGROUP, OF_MACHINE = b"Memory cgroup out of memory", b"Out of memory"
GROUP_END = b" are going to be killed due to memory.oom.group set"
ALIKE = b"/soc@0/bus@f00: Fixed dependency cycle(s) with /soc@0/phy"
TOO_LONG = "(name too long)"
GROUP = ((42, b"hog"), (43, b"sh"))
Summary = tuple[str | None, str | None, list[int]]


def read(ring: Printk) -> list[LogKill]:
    return LogAssembler().feed(parse_events(parse_records(ring.text)))


def summary(ring: Printk) -> list[Summary]:
    return [
        (kill.victim_cgroup, kill.group_path, [one.pid for one in kill.victims])
        for kill in read(ring)
    ]


def print_split(ring: Printk, level: int, pieces: list[bytes], at: int, other: bytes) -> None:
    """Print a line that another CPU's line splits before the piece `at`."""
    ring.printed("T1", level, pieces[:at])
    ring.line("C7", 4, other)
    ring.printed("T1", 4, pieces[at:])


@pytest.mark.parametrize("oom", [OWN, PODS[0], None])
@pytest.mark.parametrize(
    "other", [ALIKE, b"/dev/sda1: x", b"Tasks in ", b"Tasks in /[7]: segfault at 0"]
)
@pytest.mark.parametrize("at", range(1, 8))
def test_a_line_of_another_cpu_that_looks_like_a_piece_is_ignored(
    oom: str | None, other: bytes, at: int
) -> None:
    ring, report = Printk(), PrintedKill(oom, OWN, b"hog", 42)
    print_split(ring, 6, oom_kill(report), at, other)
    ring.line("T1", 3, killed(OF_CGROUP if oom else OF_MACHINE, 42, b"hog"))
    (kill,) = read(ring)
    assert kill.constraint is not None
    assert (kill.constraint.oom_memcg, kill.victim_cgroup) == (oom, OWN)


@pytest.mark.parametrize("other", [ALIKE, b"Tasks in ", b"Tasks in D state: 4"])
@pytest.mark.parametrize("at", [1, 2])
def test_a_similar_line_within_the_line_of_a_group_is_ignored(other: bytes, at: int) -> None:
    ring = Printk()
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    print_split(ring, 6, [b"Tasks in ", OWN.encode(), GROUP_END], at, other)
    for pid, comm in GROUP:
        ring.line("T1", 3, killed(OF_CGROUP, pid, comm))
    assert summary(ring) == [(OWN, OWN, [42, 43])]


def test_of_two_possible_paths_none_is_used() -> None:
    service = "/system.slice/backup.service"
    ring, pieces = Printk(), oom_kill(PrintedKill(None, service, b"hog", 42))
    print_split(ring, 6, pieces[:-1], len(pieces) - 2, ALIKE)
    ring.line("C7", 4, b"eth0: link is up")
    ring.printed("T1", 4, pieces[-1:])
    ring.line("T1", 3, killed(OF_MACHINE, 42, b"hog"))
    assert summary(ring) == [(None, None, [42])]


@pytest.mark.parametrize("number", [1, 9, 300])
def test_many_similar_lines_are_parsed_quickly(number: int) -> None:
    ring, pieces = Printk(), oom_kill(PrintedKill(OWN, OWN, b"hog", 42))
    for begin, end in ((0, 5), (5, 7), (7, 9)):
        ring.printed("T1", 6, pieces[begin:end])
        for _ in range(number):
            ring.line("C7", 4, ALIKE)
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    assert summary(ring) == [(OWN if number == 1 else None, None, [42])]


@pytest.mark.parametrize(
    ("oom", "task", "place"),
    [(OWN, TOO_LONG, None), (TOO_LONG, TOO_LONG, None), (None, TOO_LONG, None),
     (PODS[0], "(error)", None), (None, OWN, OWN)],
)  # fmt: skip
def test_a_path_that_is_too_long_to_print_is_unknown(
    oom: str | None, task: str, place: str | None
) -> None:
    ring = Printk()
    ring.kill("T1", PrintedKill(oom, task, b"hog", 42, group=GROUP))
    (kill,) = read(ring)
    assert kill.constraint is not None
    assert (kill.constraint.oom_memcg, kill.constraint.task_memcg, kill.victim_cgroup) == (
        oom,
        place,
        place,
    )
    assert kill.enclosing_cgroup == (place or oom)
    assert [victim.pid for victim in kill.victims] == [42, 43]


def test_a_kernel_without_cpusets_prints_no_cpuset() -> None:
    ring, pieces = Printk(), oom_kill(PrintedKill(PODS[0], OWN, b"hog", 42))
    ring.printed("T1", 6, [pieces[0], *pieces[4:]])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    assert summary(ring) == [(OWN, None, [42])]


@pytest.mark.parametrize(
    ("lost", "place"), [(1, OWN), (3, OWN), (4, OWN), (5, None), (6, None), (7, None), (8, None)]
)
def test_what_is_certain_in_a_line_without_its_beginning_is_used(
    lost: int, place: str | None
) -> None:
    ring = Printk(noise=[0, 1, 0, 1, 0, 1])
    ring.printed("T1", 4, oom_kill(PrintedKill(PODS[0], OWN, b"hog", 42))[lost:])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    assert summary(ring) == [(place, None, [42])]


def test_a_line_without_its_beginning_never_means_that_the_machine_ran_out_of_memory() -> None:
    ring = Printk()
    ring.printed(
        "T1", 4, oom_kill(PrintedKill(None, OWN, b"hog", 42, constraint=b"CONSTRAINT_CPUSET"))[1:]
    )
    ring.line("T1", 3, killed(OF_MACHINE, 42, b"hog"))
    (kill,) = read(ring)
    assert kill.constraint is None


def test_a_group_without_the_beginning_of_its_line_is_recognized() -> None:
    ring = Printk()
    ring.printed("T1", 4, [OWN.encode(), GROUP_END])
    for pid, comm in GROUP:
        ring.line("T1", 3, killed(OF_CGROUP, pid, comm))
    assert summary(ring) == [(OWN, OWN, [42, 43])]


@pytest.mark.parametrize("comm", [b",oom_memcg=/abc", b",cpuset=/", b"\n,oom_memcg=/a"])
def test_the_crash_of_a_process_does_not_join_lines(comm: bytes) -> None:
    ring = Printk()
    ring.line("T1", 4, comm + b"[7]: segfault at 0 ip 000055 sp 00007f error 4 in x[5500+1000]")
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    assert summary(ring) == [(None, None, [42])]


def test_the_crash_of_a_process_is_not_a_group() -> None:
    ring, pieces = Printk(), oom_kill(PrintedKill(PODS[0], OWN, b"hog", 42))
    ring.line("T1", 3, killed(OF_CGROUP, 41, b"sh"))
    print_split(ring, 6, pieces[:7], 6, b"Tasks in \nx[77]: segfault at 0 ip 000055")
    ring.line("C7", 4, b"eth0: link is up")
    ring.printed("T1", 4, pieces[7:])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    assert summary(ring) == [(None, None, [41]), (OWN, None, [42])]


@pytest.mark.parametrize(("after", "why"), [(60.0, OF_CGROUP), (0.0, OF_MACHINE)])
def test_a_kill_long_after_a_group_kill_or_of_another_kind_is_separate(
    after: float, why: bytes
) -> None:
    ring = Printk()
    ring.kill("T1", PrintedKill(OWN, OWN, b"hog", 42, group=GROUP))
    ring.now += after
    ring.line("T1", 3, killed(why, 99, b"other"))
    assert summary(ring) == [(OWN, OWN, [42, 43]), (None, None, [99])]


@pytest.mark.parametrize("printed", [1, 3, 5, 9])
def test_a_kill_whose_line_cannot_be_read_is_separate_from_the_group_before(printed: int) -> None:
    hidden = f"{OTHER}/x,task=hog,pid=99,uid=0"
    ring = Printk()
    ring.kill("T1", PrintedKill(OWN, OWN, b"hog", 42, group=GROUP))
    ring.printed("T1", 6, oom_kill(PrintedKill(hidden, hidden, b"hog", 99))[:printed])
    ring.line("T1", 3, killed(OF_CGROUP, 99, b"hog"))
    assert [pids for _, _, pids in summary(ring)] == [[42, 43], [99]]


def test_a_group_whose_chosen_victim_was_already_dying_is_a_separate_kill() -> None:
    ring, report = Printk(), PrintedKill(PODS[1], OTHER, b"sh", 50)
    ring.kill("T1", PrintedKill(OWN, OWN, b"hog", 42, group=GROUP))
    ring.printed("T1", 6, oom_kill(report))
    dying = OF_CGROUP + b": OOM victim 50 (sh) is already exiting. Skip killing the task"
    ring.line("T1", 6, dying)
    ring.printed("T1", 6, [b"Tasks in ", OTHER.encode(), GROUP_END])
    ring.line("T1", 6, dying)
    ring.line("T1", 3, killed(OF_CGROUP, 51, b"hog"))
    first, second = read(ring)
    assert [victim.pid for victim in first.victims] == [42, 43]
    assert (second.victim_cgroup, [victim.pid for victim in second.victims]) == (OTHER, [51])
    assert second.constraint is not None
    assert second.constraint.oom_memcg == PODS[1]


def test_a_group_is_a_separate_kill_even_if_no_line_names_its_victim() -> None:
    ring = Printk()
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    for path, victims in ((OWN, [50]), (OTHER, [60, 61])):
        ring.line(
            "T1", 6, OF_CGROUP + b": OOM victim 1 (sh) is already exiting. Skip killing the task"
        )
        ring.printed("T1", 6, [b"Tasks in ", path.encode(), GROUP_END])
        for pid in victims:
            ring.line("T1", 3, killed(OF_CGROUP, pid, b"hog"))
    assert summary(ring) == [(None, None, [42]), (OWN, OWN, [50]), (OTHER, OTHER, [60, 61])]


def test_without_times_a_text_in_between_is_not_part_of_a_path() -> None:
    ring, pieces = Printk(time=False), oom_kill(PrintedKill(PODS[0], OWN, b"a\nb", 42))
    ring.printed("T1", 4, pieces[:-1])
    ring.line("C7", 4, b"[   4242]     0  4242    52282     8251   112640        0   992 hog")
    ring.printed("T1", 4, pieces[-1:])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"a\nb"))
    assert summary(ring) == [(OWN, None, [42])]


@pytest.mark.parametrize(
    "comm", [b"x\nTasks in \n/a", b"x\n,cpuset=\n/a", b"\n,oom_memcg=/a", b"\n\n\n"]
)
def test_a_list_of_tasks_that_look_like_pieces_does_not_hide_the_kill(comm: bytes) -> None:
    ring = Printk(noise=[0, 1, 1])
    for pid in range(40):
        ring.line(
            "T1", 6, b"[%7d]     0  4242    52282     8251   112640    0  992 %s" % (pid, comm)
        )
    forged = killed(OF_CGROUP, 9, b"forged")
    ring.kill("T1", PrintedKill(OWN, OWN, b"hog", 42, cpuset=forged, group=GROUP))
    assert summary(ring) == [(OWN, OWN, [42, 43])]


@pytest.mark.parametrize("other", [b"Tasks in ", b"Tasks in /[7]: segfault at 0", ALIKE])
def test_a_read_leaves_an_unfinished_line_to_the_next_one(other: bytes) -> None:
    ring = Printk()
    ring.line("T1", 3, killed(OF_CGROUP, 41, b"sh"))
    read = len(ring.text)
    print_split(ring, 6, oom_kill(PrintedKill(OWN, OWN, b"hog", 42))[:-1], 3, other)
    ring.line("C7", 4, other)
    assert unfinished_part(ring.text) == ring.text[read:]


@pytest.mark.parametrize("uid", [b"65534", b"-2147483648", b"-1"])
def test_a_uid_is_printed_as_a_signed_number(uid: bytes) -> None:
    ring = Printk()
    ring.kill("T1", PrintedKill(PODS[0], OWN, b"hog", 42))
    ring.text = ring.text.replace(b",uid=0", b",uid=" + uid)
    assert summary(ring) == [(OWN, None, [42])]
