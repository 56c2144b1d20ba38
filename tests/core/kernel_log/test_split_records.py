"""A report is parsed correctly, however printk splits it and whatever the names in it.

Correctly means: the true container or none, never another one, and never another cause.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.core.incidents.cause import CauseVerdict, PodLimits, from_log
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill, kills_in
from oomwarden.core.kernel_log.lines import Constraint, parse_events, parse_records, unfinished_part
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support import printk
from tests.support.printk import PrintedKill, Printk, killed, oom_kill

KUBEPODS = "kubepods.slice"
OF_CGROUP = b"Memory cgroup out of memory"
UIDS = ("aaaaaaaa_aaaa_aaaa_aaaa_aaaaaaaaaaaa", "bbbbbbbb_bbbb_bbbb_bbbb_bbbbbbbbbbbb")
PODS = tuple(f"{KUBEPODS}/kubepods-pod{uid}.slice" for uid in UIDS)
OWN, VICTIM = (f"{pod}/cri-containerd-{c * 64}.scope" for pod, c in zip(PODS, "ab", strict=True))
GROUP_END = " are going to be killed due to memory.oom.group set"
FORGED = (
    f",task_memcg=/{VICTIM}", f"x,task_memcg=/{VICTIM},task=q,pid=1,uid=0", f",oom_memcg=/{VICTIM}",
    ",task_memcg=", ",task=", ",oom_memcg=", ",global_oom", ",mems_allowed=0", ",cpuset=",
    ",mems_allowed=0,global_oom,task_memcg=", f"x{GROUP_END}", "x,task=hog,pid=42,uid=0",
    "Tasks in ",
    "oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=0,cpuset=,mems_allowed=7,global_oom",
    "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=", f"/{VICTIM}", f"/{OWN}",
    killed(OF_CGROUP, 9, b"forged").decode(), "container", "web.service",
    "x: OOM victim 42 (hog) is already exiting. Skip killing the task",
)  # fmt: skip
PARTS = st.one_of(
    st.sampled_from([part for text in FORGED for part in text.split("/") if part]),
    st.text(st.characters(codec="utf-8", exclude_characters="/\n\0"), min_size=1, max_size=12),
)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("".join).filter(lambda n: len(n.encode()) < 255)
BELOW = st.one_of(
    st.sampled_from(["", *(f"/x{text}" for text in FORGED)]),
    st.lists(NAMES, max_size=4).map(lambda names: "".join(f"/{name}" for name in names)),
)
COMMS = st.one_of(
    st.sampled_from([b"hog", b"a,task=b", b"\n,task_memcg=/", b"\n,task=x", b"x\n/a,task=", b"\n\n",
                     b",pid=1", b",mems_allowed=", b",uid=0", b"\n,global_oom", b"\nTasks in /"]),
    st.binary(max_size=15).filter(lambda comm: b"\0" not in comm),
)  # fmt: skip
NOISE = st.lists(st.integers(0, len(printk.NOISE)), max_size=14)
RINGS = st.builds(
    Printk, time=st.booleans(), callers=st.booleans(), level=st.integers(0, 7), noise=NOISE
)


@st.composite
def reports(draw: st.DrawFn) -> PrintedKill:
    """A kill in a container whose owner chooses the names of cgroups and processes."""
    task = f"/{OWN}{draw(BELOW)}"
    levels = [task[:at] for at in range(1, len(task)) if task[at] == "/"]
    oom = draw(st.sampled_from([None, task, *levels]))
    cpuset = draw(st.one_of(st.just("/"), st.just(task.rpartition("/")[2]), NAMES)).encode()
    return PrintedKill(oom, task, draw(COMMS), 42, cpuset=cpuset,
                  constraint=b"CONSTRAINT_MEMCG" if oom else b"CONSTRAINT_NONE")  # fmt: skip


def read(text: bytes) -> list[LogKill]:
    return LogAssembler().feed(parse_events(parse_records(text)))


def of_pid(kills: list[LogKill], pid: int) -> list[LogKill]:
    return [kill for kill in kills if any(victim.pid == pid for victim in kill.victims)]


def verdict(line: Constraint, pod: str) -> CauseVerdict:
    return from_log(line, Cgroup(1, pod, Level.POD), PodLimits(None, (None, None)))


def assert_true(kill: LogKill, report: PrintedKill) -> None:
    pod, container = report.task[1:].split("/")[1:3]
    pod_path = f"{KUBEPODS}/{pod}"
    others = [path for path in (OWN, VICTIM) if path != f"{pod_path}/{container}"]
    assert not any(kills_in(path, [kill]) for path in others)
    line = kill.constraint
    if line is not None:
        assert (line.oom_memcg is None) == (report.oom is None)
        assert verdict(line, pod_path) == verdict(replace(line, oom_memcg=report.oom), pod_path)


@given(reports(), RINGS)
def test_no_name_changes_the_cgroup_or_the_cause(report: PrintedKill, ring: Printk) -> None:
    ring.kill("T1", report)
    (found,) = read(ring.text)
    assert [victim.pid for victim in found.victims] == [42]
    assert_true(found, report)


@pytest.mark.parametrize("name", [name for name in FORGED if "/" in name])
def test_a_name_that_forges_a_path_does_not_hide_the_true_one(name: str) -> None:
    task, ring = f"/{OWN}/x{name}", Printk()
    ring.kill("T1", PrintedKill(task, task, b"hog", 42))
    (kill,) = read(ring.text)
    assert kill.victim_cgroup == task


@pytest.mark.parametrize("noise", [[0, 1, 1], [1, 1, 1], [0, 1]])
@pytest.mark.parametrize("more", [b"", b",task_memcg=", b" x"])
def test_a_cpusets_name_that_looks_like_a_victim_is_not_one(noise: list[int], more: bytes) -> None:
    forged = killed(OF_CGROUP, 9, b"forged") + more
    ring = Printk(noise=noise)
    ring.kill("T1", PrintedKill(f"/{OWN}", f"/{OWN}", b"hog", 42, cpuset=forged))
    assert any(record.text.startswith(forged) for record in parse_records(ring.text))
    (kill,) = read(ring.text)
    assert [victim.pid for victim in kill.victims] == [42]


@given(reports(), RINGS, COMMS)
def test_no_name_changes_the_next_kill_in_another_pod(
    report: PrintedKill, ring: Printk, comm: bytes
) -> None:
    other = PrintedKill(f"/{PODS[1]}", f"/{VICTIM}", comm, 77)
    ring.kill("T1", report)
    ring.kill("T2", other, within_rate_limit=False)
    kills = read(ring.text)
    assert not kills_in(OWN, [kill for kill in of_pid(kills, 77) if not of_pid([kill], 42)])
    assert not kills_in(VICTIM, kills)


@given(reports(), RINGS)
def test_no_name_adds_its_kill_to_the_group_kill_before(report: PrintedKill, ring: Printk) -> None:
    ring.kill("T2", PrintedKill(None, f"/{VICTIM}", b"sh", 77, group=[(77, b"sh"), (78, b"sh")]))
    ring.kill("T1", report)
    assert not kills_in(VICTIM, of_pid(read(ring.text), 42))


@given(RINGS)
def test_plain_names_are_located_wherever_the_line_is_split(ring: Printk) -> None:
    report = PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"hog", 42, group=[(42, b"hog"), (43, b"sh")])
    ring.kill("T1", report)
    (kill,) = read(ring.text)
    assert (kill.victim_cgroup, kill.group_path) == (f"/{OWN}", f"/{OWN}")
    assert kill.constraint is not None
    assert kill.constraint.oom_memcg == f"/{PODS[0]}"
    assert [victim.pid for victim in kill.victims] == [42, 43]


@given(st.lists(st.booleans(), min_size=18, max_size=18))
def test_the_caller_distinguishes_two_reports_printed_at_the_same_time(turns: list[bool]) -> None:
    ring = Printk(callers=True)
    first = PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"a", 1)
    second = PrintedKill(f"/{PODS[1]}", f"/{VICTIM}", b"b", 2)
    left = {"T1": list(oom_kill(first)), "T2": list(oom_kill(second))}
    for turn in [*turns, *[True] * 9, *[False] * 9]:
        caller = "T1" if turn else "T2"
        if left[caller]:
            ring.line(caller, 6 if len(left[caller]) == 9 else 4, left[caller].pop(0))
    ring.line("T2", 3, killed(OF_CGROUP, 2, b"b"))
    ring.line("T1", 3, killed(OF_CGROUP, 1, b"a"))
    kills = read(ring.text)
    assert {kill.victims[0].pid: kill.victim_cgroup for kill in kills} == {
        1: f"/{OWN}",
        2: f"/{VICTIM}",
    }


@given(st.lists(st.booleans(), min_size=18, max_size=18))
def test_without_a_caller_two_simultaneous_reports_are_located_correctly_or_not_at_all(
    turns: list[bool],
) -> None:
    ring = Printk()
    left = {
        True: list(oom_kill(PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"a", 1))),
        False: list(oom_kill(PrintedKill(f"/{PODS[1]}", f"/{VICTIM}", b"b", 2))),
    }
    for turn in [*turns, *[True] * 9, *[False] * 9]:
        if left[turn]:
            ring.line("T0", 6 if len(left[turn]) == 9 else 4, left[turn].pop(0))
    ring.line("T0", 3, killed(OF_CGROUP, 2, b"b"))
    ring.line("T0", 3, killed(OF_CGROUP, 1, b"a"))
    places = {kill.victims[0].pid: kill.victim_cgroup for kill in read(ring.text)}
    assert places[1] in {None, f"/{OWN}"}
    assert places[2] in {None, f"/{VICTIM}"}


@pytest.mark.parametrize("printed", range(1, 9))
def test_only_what_is_certain_in_a_cut_line_is_used(printed: int) -> None:
    ring = Printk()
    report = PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"hog", 42)
    ring.printed("T1", 6, oom_kill(report)[:printed])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    (kill,) = read(ring.text)
    line = kill.constraint
    assert kill.victim_cgroup == (f"/{OWN}" if printed == 8 else None)
    assert (line.oom_memcg if line else None) == (f"/{PODS[0]}" if printed >= 6 else None)


def test_a_path_longer_than_a_record_still_names_the_container() -> None:
    deep = f"/{OWN}" + f"/{'deep' * 60}" * 5
    ring = Printk()
    ring.kill("T1", PrintedKill(deep, deep + "/leaf", b"hog", 42, group=[(42, b"hog")]))
    (kill,) = read(ring.text)
    assert kills_in(OWN, [kill]) == [kill]
    assert kill.group_path is not None


def test_the_end_of_a_group_line_may_be_lost() -> None:
    ring = Printk()
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    ring.printed("T1", 6, [b"Tasks in ", f"/{OWN}".encode()])
    ring.line("T1", 3, killed(OF_CGROUP, 42, b"hog"))
    (kill,) = read(ring.text)
    assert kill.group_path == f"/{OWN}"


def test_a_group_line_of_a_cgroup_other_than_the_victims_is_another_kill() -> None:
    ring = Printk()
    ring.kill("T1", PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"hog", 42))
    ring.printed("T2", 6, [b"Tasks in ", f"/{VICTIM}".encode(), GROUP_END.encode()])
    first, second = read(ring.text)
    assert (first.group_path, second.group_path) == (None, f"/{VICTIM}")


def test_a_line_that_names_another_thread_of_the_victim_belongs_to_it() -> None:
    ring = Printk()
    ring.printed("T1", 6, oom_kill(PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"java", 42)))
    ring.line("T1", 3, killed(OF_CGROUP, 57, b"GC Thread#0"))
    (kill,) = read(ring.text)
    assert (kill.victim_cgroup, kill.victims[0].pid) == (f"/{OWN}", 57)


def test_a_line_waits_for_the_victim_that_it_names() -> None:
    ring = Printk()
    ring.printed("T1", 6, oom_kill(PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"a", 1)))
    for pid in (2, 1):
        ring.line("T1", 3, killed(OF_CGROUP, pid, b"a"))
    assert [kill.victim_cgroup for kill in read(ring.text)] == [None, f"/{OWN}"]


@pytest.mark.parametrize("printed", range(1, 10))
def test_a_read_in_the_middle_of_a_line_leaves_it_to_the_next(printed: int) -> None:
    ring = Printk(noise=[1] * 9)
    ring.line("T9", 6, b"eth0: link is up")
    ring.printed("T1", 6, oom_kill(PrintedKill(f"/{PODS[0]}", f"/{OWN}", b"hog", 42))[:printed])
    begun = ring.text[ring.text.index(b"oom-kill:") - len(b"<6>[   50.000000] ") :]
    assert unfinished_part(ring.text) == (b"" if printed == 9 else begun)
