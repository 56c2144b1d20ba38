"""A small fleet plays the day that `make bench ARGS=etcd-sum` prints of a large one."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from oomwarden.core.quota.retention import Bounds

from bench.etcd_sizes import measure
from bench.etcd_sum import EPOCH, HOURS, Size, day
from bench.fleet import Kills, crash_loop, fork_loop

DAY_ENDS = EPOCH + HOURS[-1] * 3600
SMALL = Size(nodes=20, pods=300, bounds=Bounds(per_namespace=100, per_cluster=500))


@pytest.mark.parametrize("kills", [crash_loop, fork_loop])
@pytest.mark.parametrize("operator", [True, False])
def test_a_fleet_of_crash_loops_stays_within_bounds_and_tells_every_kill(
    kills: Callable[[float], Kills],
    *,
    operator: bool,
) -> None:
    world = day(kills, 3, operator=operator, sizes=measure(), size=SMALL)
    assert [name for name, _ in world.rows] == [f"{hours:5.1f} h" for hours in HOURS]
    assert len(world.etcd.records) < (SMALL.bounds.per_cluster * 1.2 if operator else 20 * 300)
    for pod in world.pods:
        covered = sorted(world.etcd.spans[pod.name])
        assert covered[0][0] == 0
        assert all(before[1] == after[0] for before, after in pairwise(covered))
        assert covered[-1][1] == pod.told <= pod.kills.until(DAY_ENDS + 60)


def test_kills_that_are_counted_are_those_that_come_one_by_one() -> None:
    for times in (crash_loop(EPOCH), fork_loop(EPOCH)):
        for number in range(50):
            at = times.at(number)
            assert (times.until(at - 0.01), times.until(at + 0.01)) == (number, number + 1)
