from bench.recall.truth import Kill, LogLine, Place, kills, number_of, parse_line, place_of, pod_uid

UID = "0a1b2c3d-1111-2222-3333-444455556666"
BURSTABLE = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"


def path(digit: str) -> str:
    return f"{BURSTABLE}{UID.replace('-', '_')}.slice/cri-containerd-{digit * 64}.scope"


def place(digit: str) -> Place:
    return Place(UID, digit * 64)


def victim_container(digit: str) -> str:
    return (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,"
        f"oom_memcg={path(digit)},task_memcg={path(digit)},task=hog,pid=7,uid=0"
    )


KILLED = "Memory cgroup out of memory: Killed process 7 (hog) total-vm:1kB"
ELSEWHERE = "Out of memory: Killed process 8 (hog) total-vm:1kB"


def group(digit: str) -> str:
    return f"Tasks in {path(digit)} are going to be killed due to memory.oom.group set"


def log(*texts: str) -> list[LogLine]:
    return [LogLine(n, float(n), text) for n, text in enumerate(texts)]


def test_kernel_records_are_parsed_and_user_space_records_are_not() -> None:
    assert parse_line("6,12,3500000,-;hello; world") == LogLine(12, 3.5, "hello; world")
    assert parse_line("14,13,3500000,-;Killed process 7 (hog)") is None
    assert parse_line(" SUBSYSTEM=memory") is None
    assert (number_of("14,13,3500000,-;hello"), number_of(" SUBSYSTEM=memory")) == (13, None)


def test_pod_and_container_are_found_in_paths_of_both_cgroup_drivers() -> None:
    assert place_of(path("a")) == place("a")
    assert place_of(f"/kubepods/burstable/pod{UID}/{'b' * 64}") == place("b")
    assert place_of("/system.slice/sshd.service") is None
    assert place_of(f"/kubepods/burstable/pod{UID}") is None
    assert pod_uid(f"/kubepods/burstable/pod{UID}") == UID


def test_a_group_kill_is_one_kill_with_or_without_its_oom_kill_line() -> None:
    lines = log(victim_container("a"), KILLED, group("a"), KILLED, KILLED, group("b"), KILLED)
    assert kills(lines) == [Kill(place("a"), 1.0), Kill(place("b"), 4.0)]


def test_single_kills_are_distinguished_from_group_kills() -> None:
    lines = log(
        victim_container("a"),
        KILLED,
        victim_container("b"),
        KILLED,
        group("b"),
        KILLED,
        victim_container("a"),
        KILLED,
    )
    assert [(kill.place, kill.at) for kill in kills(lines)] == [
        (place("a"), 1.0),
        (place("b"), 3.0),
        (place("a"), 7.0),
    ]


def test_a_kill_by_a_node_out_of_memory_is_found() -> None:
    assert kills(log(victim_container("a"), ELSEWHERE)) == [Kill(place("a"), 1.0)]
