from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Constraint, Killed
from oomwarden.core.ledger.log_evidence import (
    distribute,
    evidence_below,
    kills_within,
)
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level

QOS = Cgroup(2, "kubepods.slice/kubepods-burstable.slice", Level.QOS)
UID = "0a1b2c3d_1111_2222_3333_44445555666{}"


def path(number: int) -> str:
    pod = f"kubepods-burstable-pod{UID.format(number)}.slice"
    return f"{QOS.path}/{pod}/cri-containerd-{str(number) * 64}.scope"


def dead(*pids: int) -> tuple[Killed, ...]:
    return tuple(Killed(float(pid), pid, b"hog", 0, 0, 0, 0, 0, 0, 0) for pid in pids)


def group(number: int, *pids: int) -> LogKill:
    return LogKill(dead(*pids), None, f"/{path(number)}")


def single(number: int, pid: int) -> LogKill:
    return LogKill(dead(pid), Constraint(1.0, None, f"/{path(number)}", pid))


def shares(
    increment: KillCounters, *kills: LogKill, recorded: dict[str, KillCounters] | None = None
) -> list[int]:
    placed, rest = distribute(increment, evidence_below(QOS, kills), recorded or {})
    return [*(share.kills for share in placed), rest]


def test_a_path_names_pod_and_container_even_on_a_nested_node() -> None:
    outer = LogKill(dead(1), None, f"/docker/node/{path(1)}/inner.service")
    (one,) = evidence_below(QOS, [outer])
    assert (one.pod.pod_uid, one.container.container_id) == (
        UID.format(1).replace("_", "-"),
        "1" * 64,
    )
    assert one.container.path == path(1)


def test_kills_elsewhere_or_in_no_container_are_no_evidence() -> None:
    host = LogKill(dead(1), None, "/system.slice/cron.service")
    odd = LogKill(dead(1), None, f"/{QOS.path}/odd/thing")
    assert evidence_below(QOS, [host, odd]) == []


def test_group_kills_count_their_first_victim_twice() -> None:
    assert shares(KillCounters(5, 2), group(1, 11), group(2, 21, 22)) == [2, 3, 0]


def test_every_group_kill_gets_a_share_even_if_victims_were_already_dead() -> None:
    assert shares(KillCounters(3, 2), group(1, 11), group(2, 21)) == [2, 1, 0]


def test_the_newest_kills_get_nothing_until_they_are_counted() -> None:
    assert shares(KillCounters(2, 1), group(1, 11), group(2, 21)) == [2, 0]
    assert shares(KillCounters(1), single(1, 11), single(2, 21)) == [1, 0]


def test_kills_that_the_log_does_not_explain_are_left() -> None:
    assert shares(KillCounters(9, 4), group(1, 11), group(2, 21)) == [2, 2, 5]


def test_what_is_recorded_of_a_container_uses_up_its_oldest_kills() -> None:
    recorded = {path(1): KillCounters(2, 1)}
    assert shares(KillCounters(2, 1), group(1, 11), group(2, 21), recorded=recorded) == [2, 0]
    placed, _ = distribute(
        KillCounters(2, 1), evidence_below(QOS, [group(1, 11), group(2, 21)]), recorded
    )
    assert [share.path for share in placed] == [path(2)]


def test_on_a_kernel_that_counts_no_group_kills_the_log_counts_them() -> None:
    (share,), rest = distribute(KillCounters(2), evidence_below(QOS, [group(1, 11)]), {})
    assert (share.groups, rest) == (1, 0)


def test_a_range_covers_no_more_kills_of_the_log_than_fit_into_it() -> None:
    kills = [single(1, 11), single(1, 12), single(1, 13)]
    assert kills_within(kills, 2, 0) == kills[:2]
    groups = [group(1, 11), group(1, 12)]
    assert kills_within(groups, 2, 1) == groups[:1]
    assert kills_within(groups, 3, 2) == groups


def test_a_container_that_was_read_during_its_group_kill_gets_the_other_victims() -> None:
    read, three = KillCounters(oom_kill=2, oom_group_kill=1), group(1, 11, 12, 13)
    placed, rest = distribute(KillCounters(1), evidence_below(QOS, [three]), {path(1): read})
    assert [(one.path, one.kills, one.groups) for one in placed] == [(path(1), 1, 0)]
    assert rest == 0


def test_the_first_victim_of_a_torn_group_kill_may_have_been_counted_twice() -> None:
    read, three = KillCounters(oom_kill=2, oom_group_kill=1), group(1, 11, 12, 13)
    assert shares(KillCounters(2), three, recorded={path(1): read}) == [2, 0]
    assert shares(KillCounters(3), three, recorded={path(1): read}) == [2, 1]


def test_a_group_kill_that_was_read_completely_gets_no_more_kills() -> None:
    whole, three = KillCounters(oom_kill=3, oom_group_kill=1), group(1, 11, 12, 13)
    assert shares(KillCounters(1), three, recorded={path(1): whole}) == [1]
