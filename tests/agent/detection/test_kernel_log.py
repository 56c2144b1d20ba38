import asyncio
import time

import pytest
from oomwarden.agent.detection.kernel_log import OTHER_PID_NAMESPACE, KernelLogReader
from oomwarden.core.kernel_log.position import Position

from tests.support.recorder_node import logged

PATH = (
    "kubepods.slice/kubepods-pod0a1b2c3d_1111_2222_3333_444455556661.slice/cri-containerd-a.scope"
)


class Ring:
    def __init__(self) -> None:
        self.text = b""

    def read(self, _known: bytes) -> bytes:
        return self.text


async def test_in_another_pid_namespace_the_log_is_never_read() -> None:
    log = KernelLogReader(Ring().read, OTHER_PID_NAMESPACE)
    await log.start_from(Position(0.0))
    assert (log.unclaimed(), log.state.usable) == ((), False)
    assert "itself a container" in log.state.remedy


async def test_each_kill_is_returned_once() -> None:
    ring = Ring()
    log = KernelLogReader(ring.read)
    ring.text = logged(PATH, 1, "51.000000")
    await log.refresh()
    ring.text += logged(PATH, 2, "52.000000")
    await log.refresh()
    pids = [[victim.pid for victim in kill.victims] for kill in log.unclaimed()]
    assert pids == [[1], [2]]


@pytest.mark.parametrize(("cost", "gap"), [(0.0, 0.1), (0.002, 0.1), (0.05, 0.5), (3.0, 1.0)])
async def test_the_dearer_a_read_is_the_longer_is_the_gap_to_the_next_one(
    cost: float, gap: float
) -> None:
    spent = iter((0.0, cost))
    log = KernelLogReader(Ring().read, spent=lambda: next(spent))
    began = time.monotonic()
    await log.refresh()
    assert began + gap <= log.next_allowed <= time.monotonic() + gap


async def test_a_ring_that_overran_is_counted() -> None:
    ring = Ring()
    log = KernelLogReader(ring.read)
    ring.text = logged(PATH, 1, "51.000000")
    await log.refresh()
    ring.text = logged(PATH, 9, "59.000000")
    await log.refresh()
    assert log.overruns == 1


async def test_kills_read_before_the_counters_were_settled_are_dropped() -> None:
    ring = Ring()
    ring.text = logged(PATH, 1, "51.000000")
    log = KernelLogReader(ring.read)
    await log.refresh()
    log.discard_before(log.next_allowed - 100)
    assert len(log.unclaimed()) == 1
    log.discard_before(log.next_allowed)
    assert (log.unclaimed(), log.position) == ((), Position(51.0))


async def test_a_log_without_time_stamps_has_a_remedy() -> None:
    ring = Ring()
    ring.text = logged(PATH, 1, "51.000000").replace(b"[ 51.000000] ", b"")
    log = KernelLogReader(ring.read)
    await log.refresh()
    assert "printk.time=1" in log.state.remedy
    assert len(log.unclaimed()) == 1


async def test_the_remedy_for_a_forbidden_log_names_the_capability() -> None:
    def refuse(_known: bytes) -> bytes:
        raise PermissionError

    log = KernelLogReader(refuse)
    await log.refresh()
    assert "SYSLOG" in log.state.remedy
    assert not log.state.usable


async def test_a_kill_recorded_before_an_older_one_is_not_recorded_again_after_a_restart() -> None:
    ring = Ring()
    ring.text = logged(PATH, 1, "51.000000") + logged(PATH.replace("-a.", "-b."), 2, "52.000000")
    first = KernelLogReader(ring.read)
    await first.start_from(Position(0.0))
    first.claim([first.unclaimed()[1]])
    second = KernelLogReader(ring.read)
    await second.start_from(first.position)
    assert [kill.victims[0].pid for kill in second.unclaimed()] == [1]


async def test_a_line_cut_by_a_read_is_read_whole_the_next_time() -> None:
    ring, line = Ring(), f"oom_memcg=/{PATH},task_memcg=/{PATH},task=hog,pid=7,uid=0"
    log = KernelLogReader(ring.read)
    begun = "<6>[ 51.000000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)\n"
    ring.text = begun.encode()
    await log.refresh()
    ring.text += f"<4>[ 51.000001] ,cpuset=x,mems_allowed=0,{line}\n".encode()
    ring.text += logged(PATH, 7, "51.000002").splitlines(keepends=True)[0]
    await log.refresh()
    assert [kill.victim_cgroup for kill in log.unclaimed()] == [f"/{PATH}"]
    assert log.overruns == 0


async def test_a_line_that_never_ends_is_left_to_the_next_read_only_once() -> None:
    ring = Ring()
    log = KernelLogReader(ring.read)
    ring.text = b"<6>[ 51.000000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)\n"
    await log.refresh()
    await log.refresh()
    ring.text += logged(PATH, 7, "52.000002")
    await log.refresh()
    assert [[victim.pid for victim in kill.victims] for kill in log.unclaimed()] == [[7]]


async def test_the_successor_of_an_agent_without_access_to_the_log_skips_old_lines() -> None:
    def refuse(_known: bytes) -> bytes:
        raise PermissionError(1, "Operation not permitted")

    blind, now = KernelLogReader(refuse), asyncio.get_running_loop().time()
    await blind.start_from(Position(now - 50))
    assert blind.position == Position(now - 50)
    blind.discard_before(now - 10)
    ring = Ring()
    ring.text = logged(PATH, 1, f"{now - 60:.6f}") + logged(PATH, 2, f"{now - 5:.6f}")
    ring.text += logged(PATH, 3, f"{now + 20:.6f}")
    following = KernelLogReader(ring.read)
    await following.start_from(blind.position)
    assert [kill.victims[0].pid for kill in following.unclaimed()] == [3]


async def test_without_time_stamps_a_repeated_burst_hides_no_kill_before_it() -> None:
    ring, burst = Ring(), b"<4>nf_conntrack: table full, dropping packet\n" * 500
    log = KernelLogReader(ring.read)
    ring.text = burst
    await log.refresh()
    ring.text += logged(PATH, 1, "51.000000").replace(b"[ 51.000000] ", b"") + burst
    await log.refresh()
    assert [victim.pid for kill in log.unclaimed() for victim in kill.victims] == [1]


async def test_a_repeated_burst_hides_no_kill_when_the_ring_drops_as_much_as_it_adds() -> None:
    ring, burst = Ring(), b"<4>nf_conntrack: table full, dropping packet\n" * 20
    log = KernelLogReader(ring.read)
    ring.text = b"<6>eth0: link is up\n" * 1000 + burst
    await log.refresh()
    fresh = logged(PATH, 1, "51.000000").replace(b"[ 51.000000] ", b"") + burst
    ring.text = (ring.text + fresh)[len(fresh) :]
    await log.refresh()
    assert [victim.pid for kill in log.unclaimed() for victim in kill.victims] == [1]


class LargeRing(Ring):
    """Returns no more than its end if that has what is known, as syslog.read_since does."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def read(self, known: bytes) -> bytes:
        end = self.text[-20_000:]
        end = end[end.index(b"\n") + 1 :]
        found = end if known and known in end else self.text
        self.sizes.append(len(found))
        return found


async def test_only_the_end_of_a_large_log_is_read_again() -> None:
    ring = LargeRing()
    log = KernelLogReader(ring.read)
    ring.text = b"".join(b"<6>[%5d.000000] eth0: link is up\n" % n for n in range(20_000))
    await log.refresh()
    for pid in (1, 2, 3):
        ring.text += logged(PATH, pid, f"2000{pid}.000000")
        await log.refresh()
    assert [kill.victims[0].pid for kill in log.unclaimed()] == [1, 2, 3]
    assert (max(ring.sizes[1:]) <= 20_000, log.overruns) == (True, 0)


async def test_the_whole_log_is_read_where_its_end_is_all_new() -> None:
    ring = LargeRing()
    log = KernelLogReader(ring.read)
    ring.text = b"".join(b"<6>[%5d.000000] eth0: link is up\n" % n for n in range(2_000))
    await log.refresh()
    ring.text += b"".join(logged(PATH, pid, f"{2000 + pid}.000000") for pid in range(100))
    await log.refresh()
    assert [kill.victims[0].pid for kill in log.unclaimed()] == list(range(100))
    assert log.overruns == 0


async def test_no_kill_is_read_twice_when_time_stamps_are_switched_off() -> None:
    ring = LargeRing()
    log = KernelLogReader(ring.read)
    ring.text = b"".join(b"<6>[%5d.000000] eth0: link is up\n" % n for n in range(2_000))
    ring.text += logged(PATH, 1, "2001.000000")
    await log.refresh()
    for pid in (2, 3):
        ring.text += logged(PATH, pid, "52.000000").replace(b"[ 52.000000] ", b"")
        await log.refresh()
    assert [kill.victims[0].pid for kill in log.unclaimed()] == [1, 2, 3]
    assert log.overruns == 0
