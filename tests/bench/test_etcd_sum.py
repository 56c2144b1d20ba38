"""A small fleet in the simulation that `make bench ARGS=etcd-sum` runs with a large one."""

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
def test_a_killed_fleet_stays_within_bounds_and_every_kill_is_recorded(
    kills: Callable[[float], Kills],
    *,
    operator: bool,
) -> None:
    world = day(kills, 3, operator=operator, sizes=measure(), size=SMALL)
    assert [name for name, _ in world.rows] == [f"{hours:5.1f} h" for hours in HOURS]
    if operator:  # an hour's records are kept, and a pod may write two
        assert len(world.etcd.records) <= 2 * SMALL.pods
    assert len(world.etcd.records) < 20 * SMALL.pods
    for pod in world.pods:
        covered = sorted(world.etcd.spans[pod.name])
        assert covered[0][0] == 0
        assert all(before[1] == after[0] for before, after in pairwise(covered))
        assert covered[-1][1] == pod.recorded <= pod.kills.count_until(DAY_ENDS + 60)


def test_the_count_of_kills_matches_their_times() -> None:
    for times in (crash_loop(EPOCH), fork_loop(EPOCH)):
        for number in range(50):
            at = times.at(number)
            assert (times.count_until(at - 0.01), times.count_until(at + 0.01)) == (
                number,
                number + 1,
            )
