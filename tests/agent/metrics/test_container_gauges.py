import time

import pytest
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.metrics.container_gauges import container_gauges
from oomwarden.core.incidents.memory_history import UsageDetail, UsageHistory, UsageSample
from oomwarden.core.metrics.families.containers import (
    MEMORY_LIMIT,
    MEMORY_USAGE,
    MEMORY_WORKING_SET,
    TIME_TO_LIMIT,
)
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict

from tests.support.one_kill import APP, FACTS, MIB

NAME = ("shop", "api-1", "app")


def inventory(
    usage: int | None, limit: int | None, *, detail_age: float | None = None
) -> Inventory:
    container = Container(APP, 0.0, "app", limit)
    if usage is not None:
        container.memory = UsageHistory()
        sample = UsageSample(time.time() - (detail_age or 0), usage)
        container.memory.add(sample)
        if detail_age is not None:
            container.memory.add_detail(UsageDetail(sample, None, 1, (), inactive_file=10 * MIB))
    return Inventory({APP.inode: container}, pods={"uid": FACTS})


def gauges(node: Inventory) -> dict[object, dict[tuple[str, ...], float]]:
    found = container_gauges(node, lambda _: True)
    return {family: {each.labels: each.value for each in samples} for family, samples in found}


def test_usage_and_limit_are_those_of_the_last_reading() -> None:
    found = gauges(inventory(20 * MIB, 64 * MIB))
    assert (found[MEMORY_USAGE], found[MEMORY_LIMIT]) == ({NAME: 20 * MIB}, {NAME: 64 * MIB})
    assert found[MEMORY_WORKING_SET] == {}


def test_what_is_not_known_has_no_series() -> None:
    found = gauges(inventory(None, None))
    assert set(map(len, found.values())) == {0}


def test_near_the_limit_the_working_set_shows_what_cannot_just_be_dropped() -> None:
    found = gauges(inventory(60 * MIB, 64 * MIB, detail_age=5))
    assert found[MEMORY_WORKING_SET] == {NAME: 50 * MIB}


@pytest.mark.parametrize(("usage", "age"), [(60, 600), (20, 5)])
def test_an_old_working_set_or_one_far_from_the_limit_is_not_shown(usage: int, age: float) -> None:
    assert gauges(inventory(usage * MIB, 64 * MIB, detail_age=age))[MEMORY_WORKING_SET] == {}


def test_the_time_to_the_limit_has_the_pattern_that_it_follows_from() -> None:
    node = inventory(20 * MIB, 64 * MIB)
    node.containers[APP.inode].verdict = Verdict(Pattern.LEAK, "grows", 1.0, 7200.4)
    assert gauges(node)[TIME_TO_LIMIT] == {(*NAME, "Leak"): 7200}


def test_a_container_that_is_left_out_has_no_gauges() -> None:
    found = container_gauges(inventory(20 * MIB, 64 * MIB), lambda _: False)
    assert {len(samples) for _, samples in found} == {0}
