"""A record alone shows what led to the kill."""

import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from e2e.plugin import plugin_of_admin
from e2e.workloads import container, pod
from e2e.world import World, eventually

pytestmark = pytest.mark.usefixtures("release")

MIB = 1 << 20
SCRIPT = (
    "hog 20 & "
    "for n in `seq 60`; do dd if=/dev/zero of=/dev/shm/$n bs=1M count=1 2>/dev/null; sleep 2; done"
)
"""One process of 20 MiB, and a tmpfs that grows by 1 MiB in 2 seconds."""


def mebibytes(quantity: str) -> float:
    """Parse a quantity of a record into MiB."""
    units = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
    unit = units.get(quantity[-2:])
    return int(quantity[:-2]) * unit / MIB if unit else int(quantity) / MIB


def seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


@pytest.fixture
def kill(world: World, namespace: str) -> dict[str, Any]:
    """Let a container grow slowly to its limit of 56 MiB, and return its record."""
    slow = container("app", world.cluster.busybox_image, "sh", "-c", SCRIPT, limit="56Mi")
    world.apply(pod(namespace, "slow", slow))
    found: list[dict[str, Any]] = eventually(lambda: world.kills(namespace, "slow"), 180)
    return found[0]


def test_a_record_shows_slow_growth_to_the_limit(
    world: World, namespace: str, kill: dict[str, Any], tmp_path: Path
) -> None:
    memory = kill["memory"]
    samples = memory["samples"]
    usages = [mebibytes(sample["usage"]) for sample in samples]
    # At the limit, the kernel reclaims page cache for a while before it kills.
    growing = [usage for usage in usages if usage < 0.95 * mebibytes(kill["limit"])]
    assert len(growing) >= 2
    assert all(before < after for before, after in pairwise(growing))
    assert seconds(samples[-1]["at"]) <= seconds(memory["at"]) <= seconds(kill["time"]["before"])
    assert mebibytes(memory["usage"]) > 0.6 * mebibytes(kill["limit"])
    assert memory["pattern"]["evidence"]
    detail = memory["detail"]
    assert detail["processes"][0]["command"] == "hog"
    assert 20 <= mebibytes(detail["processes"][0]["rss"]) < 30
    assert detail["processCount"] >= 2
    assert mebibytes(detail["shmem"]) > 5
    assert mebibytes(detail["anon"]) >= 20

    judged = plugin_of_admin(world, tmp_path).oom(
        "leak", "-n", namespace, "--pod", "slow", "-o", "json"
    )
    verdict = json.loads(judged.out)
    assert verdict["limit"] == "56Mi"
    readings = [*memory.get("history", []), *samples, memory]
    assert verdict["samples"] == len({each["at"] for each in readings})
    assert verdict["pattern"] != "Leak"  # minutes do not show one
