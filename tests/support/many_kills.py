"""Many OOMKills of two weeks, the same ones every time, as a busy cluster has them."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from oomwarden.core.history.kill_record import KillRecord, read_record

from tests.support.kill_objects import oomkill

NOW = datetime(2026, 11, 29, 10, 7, tzinfo=UTC)
MI = 1 << 20
_WORKLOADS = (
    ("shop", "Deployment", "api", "app", 512),
    ("shop", "StatefulSet", "postgres", "postgres", 2048),
    ("data", "Job", "nightly-etl-with-a-very-long-name-of-a-job-28491", "worker", 1024),
    ("web", "DaemonSet", "log-shipper", "shipper", 96),
    ("ml", "ReplicaSet", "trainer", "train", 8192),
)
_CAUSES = {
    "ContainerLimit": 60,
    "PodLimit": 10,
    "NodeAllocatable": 12,
    "NodeOutOfMemory": 10,
    "NumaNodesOutOfMemory": 4,
    "Unknown": 4,
}
_PATTERNS = ("Leak", "Spike", "Steady", "Startup")
_HOSTILE = '</code><script>document.title="run"</script><img src=http://192.0.2.1/x>\x1b[31m\u202e'


def stamp(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def many_kills(count: int, services: int = 2) -> list[dict[str, Any]]:
    """Return OOMKills of the last 14 days.

    Args:
        count: How many.
        services: How many more workloads there are than the five with names.
    """
    dice = random.Random(3)
    more = [(f"team-{n}", "Deployment", f"service-{n}", "main", 256) for n in range(services)]
    workloads = [*_WORKLOADS, *more]
    return [_kill(number, dice, dice.choice(workloads)) for number in range(count)]


def many_records(count: int, services: int = 2) -> list[KillRecord]:
    return [read_record(each) for each in many_kills(count, services)]


def _kill(
    number: int, dice: random.Random, workload: tuple[str, str, str, str, int]
) -> dict[str, Any]:
    namespace, kind, name, container, limit = workload
    time = NOW - timedelta(seconds=dice.uniform(0, 14 * 86400))
    pattern = dice.choice(_PATTERNS)
    anon = limit * 8 // 10
    owner = {"kind": kind, "name": name}
    return oomkill(
        f"{name}-{number}",
        namespace=namespace,
        pod={"name": f"{name}-{dice.randrange(6)}", "uid": f"u{dice.randrange(9)}", "owner": owner},
        container={"name": container, "type": "App"},
        cause=dice.choices(list(_CAUSES), list(_CAUSES.values()))[0],
        limit=f"{limit}Mi",
        kills=dice.choice([1, 1, 1, 3, 17]),
        node=f"node-{dice.randrange(4)}",
        time={"before": stamp(time), "after": stamp(time - timedelta(seconds=1))},
        memory=memory(time, pattern, limit, dice),
        groupKill=dice.random() < 0.6,
        victims=[_victim(dice, anon) for _ in range(dice.choice([1, 1, 7]))],
        **_answered(dice, time, limit),
    )


def _victim(dice: random.Random, anon: int) -> dict[str, Any]:
    command = dice.choice(["python3", "postgres", "java", _HOSTILE])
    score = dice.choice([992, 0, -500])
    return {"pid": dice.randrange(1 << 22), "command": command, "anonRSS": f"{anon}Mi",
            "oomScoreAdj": score}  # fmt: skip


def memory(time: datetime, pattern: str, limit: int, dice: random.Random) -> dict[str, Any]:
    """Return the memory of a record whose readings look like a pattern; the limit is in MiB."""
    samples = [
        {
            "at": stamp(time - timedelta(seconds=300 - 10 * number)),
            "usage": f"{int(limit * 1024 * _share(pattern, number / 29, dice))}Ki",
        }
        for number in range(30)
    ]
    tmpfs = limit * 6 // 10 if pattern == "Steady" else 0
    parts = {
        "anon": f"{limit * 9 // 10 - tmpfs}Mi",
        "file": f"{limit * 5 // 100 + tmpfs}Mi",
        "shmem": f"{tmpfs}Mi",
        "slab": "3Mi",
        "pageTables": "2Mi",
    }
    at = {"at": stamp(time - timedelta(seconds=0.4)), "usage": f"{limit * 97 // 100}Mi"}
    return {
        **at,
        "samples": samples,
        "detail": {**at, **parts},
        "pattern": {"name": pattern, "evidence": f"what a {pattern} looks like"},
    }


def _share(pattern: str, when: float, dice: random.Random) -> float:
    """Return the share of the limit that is used; `when` goes from 0 to 1."""
    if pattern == "Leak":
        return 0.3 + 0.68 * when
    if pattern == "Spike":
        return 0.5 + 0.1 * dice.random() + (0.35 if when > 0.95 else 0)
    if pattern == "Steady":
        return 0.9 + 0.05 * dice.random()
    return 0.2 + 0.75 * min(1, when * 2)


def _answered(dice: random.Random, time: datetime, limit: int) -> dict[str, Any]:
    policy = {"kind": "OOMPolicy", "name": "protect"}
    answer = dice.randrange(6)
    if answer > 2:
        return {} if answer > 3 else {"policy": policy}
    refused = {"action": "None", "reason": "UpToReached", "message": "The limit has reached upTo."}
    raised = {
        "action": "RaisedLimit",
        "reason": "RaisedLimit",
        "message": "The memory limit was raised.",
        "limitBefore": f"{limit}Mi",
        "limit": f"{limit * 2}Mi",
    }
    response = {**(raised if answer else refused), "time": stamp(time + timedelta(seconds=1))}
    return {"policy": policy, "status": {"response": response}}
