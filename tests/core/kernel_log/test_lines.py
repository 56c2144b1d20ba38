import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.kernel_log.kills import LogAssembler, kills_in
from oomwarden.core.kernel_log.lines import (
    Constraint,
    GroupKill,
    Killed,
    parse_events,
    parse_records,
    printable,
    unread_part,
)

POD = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b.slice"
SCOPE = f"{POD}/cri-containerd-{'ab' * 32}.scope"


def killed(comm: bytes, pid: int = 4242, stamp: bytes = b"   52.408804") -> bytes:
    return (
        b"<3>[%s] Memory cgroup out of memory: Killed process %d (%s) total-vm:209128kB, "
        b"anon-rss:32100kB, file-rss:904kB, shmem-rss:0kB, UID:0 pgtables:112kB oom_score_adj:992"
        % (stamp, pid, comm)
    )


def constraint(path: str, pid: int, oom_memcg: str | None = None) -> bytes:
    whose = b"global_oom" if oom_memcg is None else b"oom_memcg=" + oom_memcg.encode()
    return (
        b"<6>[   52.408700] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,"
        b"mems_allowed=0,%s,task_memcg=%s,task=hog,pid=%d,uid=0" % (whose, path.encode(), pid)
    )


def group(path: str) -> bytes:
    return b"<6>[   52.409000] Tasks in %s are going to be killed due to memory.oom.group set" % (
        path.encode()
    )


def only_kill(buffer: bytes) -> Killed:
    (event,) = parse_events(parse_records(buffer))
    assert isinstance(event, Killed)
    return event


def test_a_killed_line_has_the_victim_with_sizes_in_bytes() -> None:
    event = only_kill(killed(b"hog"))
    assert (event.pid, event.comm, event.anon_rss) == (4242, b"hog", 32100 * 1024)
    assert (event.oom_score_adj, event.page_tables, event.uid) == (992, 112 * 1024, 0)


@pytest.mark.parametrize(
    "comm",
    [b"Plex Media Serv", b"x) total-vm:1kB", b"\xff\xfe\xfd", b"()", b"[", b'"q"', b"a, pid=1"],
)
def test_a_hostile_comm_does_not_confuse_the_line(comm: bytes) -> None:
    event = only_kill(killed(comm))
    assert (event.comm, event.total_vm) == (comm, 209128 * 1024)


def test_a_comm_with_a_newline_makes_two_lines_with_the_same_time() -> None:
    whole = killed(b"a\nb")
    first, _, second = whole.partition(b"\n")
    event = only_kill(first + b"\n<3>[   52.408804] " + second)
    assert (event.comm, event.pid) == (b"a\nb", 4242)


def test_user_space_cannot_forge_a_kill() -> None:
    forged = killed(b"hog").replace(b"<3>", b"<11>")
    assert parse_events(parse_records(forged)) == []


def test_a_line_without_a_time_stamp_is_read() -> None:
    assert only_kill(killed(b"hog").replace(b"[   52.408804] ", b"")).stamp is None


def test_a_line_with_a_caller_is_read() -> None:
    assert only_kill(killed(b"hog").replace(b"804] ", b"804][  T123] ")).pid == 4242


def test_a_torn_first_line_is_skipped() -> None:
    assert only_kill(b"le-rss:0kB, UID:0\n" + killed(b"hog")).pid == 4242


def test_a_global_kill_has_no_limit() -> None:
    (event,) = parse_events(parse_records(constraint(SCOPE, 7)))
    assert isinstance(event, Constraint)
    assert (event.oom_memcg, event.task_memcg, event.pid) == (None, SCOPE, 7)


@given(st.binary(max_size=400))
def test_garbage_never_raises(garbage: bytes) -> None:
    parse_events(parse_records(garbage))


@given(st.binary(min_size=1, max_size=15))
def test_any_comm_becomes_printable(comm: bytes) -> None:
    assert printable(comm).isprintable()


def test_a_group_kill_is_one_kill_and_names_each_victim_once() -> None:
    lines = [constraint(SCOPE, 10, POD), killed(b"hog", 10), group(SCOPE)]
    lines += [killed(b"hog", 10), killed(b"sh", 11)]
    (kill,) = LogAssembler().feed(parse_events(parse_records(b"\n".join(lines))))
    assert [victim.pid for victim in kill.victims] == [10, 11]
    assert (kill.victim_cgroup, kill.group_path) == (SCOPE, SCOPE)


def test_a_group_kill_without_its_constraint_line_is_located_by_the_group_line() -> None:
    other = SCOPE.replace("ab", "cd")
    lines = [killed(b"a", 1), group(SCOPE), killed(b"a", 1)]
    lines += [killed(b"b", 2), group(other), killed(b"b", 2)]
    kills = LogAssembler().feed(parse_events(parse_records(b"\n".join(lines))))
    assert [[v.pid for v in kill.victims] for kill in kills] == [[1], [2]]
    assert kills_in(other.lstrip("/"), kills) == [kills[1]]


def test_paths_on_a_nested_node_are_compared_by_their_end() -> None:
    lines = [constraint("/docker/0123" + SCOPE, 5, POD), killed(b"a", 5)]
    kills = LogAssembler().feed(parse_events(parse_records(b"\n".join(lines))))
    assert len(kills_in(SCOPE.lstrip("/"), kills)) == 1


def test_only_the_unread_part_of_the_ring_is_new() -> None:
    assert unread_part(b"two", b"one\ntwo\nthree") == (b"\nthree", False)
    assert unread_part(b"lost", b"one") == (b"one", True)
    assert unread_part(b"", b"one") == (b"one", False)


def test_the_same_text_printed_again_later_is_new() -> None:
    assert unread_part(b"full\n", b"full\nkill\nfull\n", 5) == (b"kill\nfull\n", False)
    assert unread_part(b"full\n", b"full\nkill\n", 500) == (b"kill\n", False)


def test_the_line_of_a_group_is_recognized() -> None:
    (event,) = parse_events(parse_records(group(SCOPE)))
    assert event == GroupKill(52.409, SCOPE)
