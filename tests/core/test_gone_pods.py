from oomwarden.core.accounts import Booking
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.gone_pods import place_by_log
from oomwarden.core.kernel_log import Killed
from oomwarden.core.log_kills import LogKill

QOS = Cgroup(2, "kubepods.slice/kubepods-burstable.slice", Level.QOS)
UID = "0a1b2c3d_1111_2222_3333_44445555666{}"


def kill(number: int, *pids: int, path: str | None = None) -> LogKill:
    victims = tuple(Killed(1.0, pid, b"hog", 0, 0, 0, 0, 0, 0, 0) for pid in pids)
    pod = f"kubepods-burstable-pod{UID.format(number)}.slice"
    place = path or f"/{QOS.path}/{pod}/cri-containerd-{str(number) * 64}.scope"
    return LogKill(victims, None, place)


def owed(total: int) -> Booking:
    return Booking(QOS, 0, 5, 5 + total, None)


def test_ranges_are_shared_out_where_victims_add_up_to_what_is_owed() -> None:
    first, second = place_by_log(owed(5), [kill(1, 11), kill(2, 21, 22)])
    assert (first.start, first.end, second.start, second.end) == (5, 7, 7, 10)
    assert first.pod is not None
    assert first.pod.pod_uid == UID.format(1).replace("_", "-")
    assert second.container is not None
    assert (second.container.container_id, second.group_kills) == ("2" * 64, 1)


def test_a_single_kill_takes_all_that_is_owed() -> None:
    (only,) = place_by_log(owed(3), [kill(1, 11)])
    assert (only.start, only.end) == (5, 8)
    assert only.pod is not None


def test_nothing_is_guessed_where_the_sums_differ() -> None:
    assert place_by_log(owed(9), [kill(1, 11), kill(2, 21)]) == [owed(9)]


def test_kills_elsewhere_and_paths_that_are_no_pod_are_passed_over() -> None:
    elsewhere = kill(1, 11, path="/system.slice/cron.service")
    odd = kill(1, 11, path=f"/{QOS.path}/odd/thing")
    assert place_by_log(owed(2), [elsewhere, odd]) == [owed(2)]
