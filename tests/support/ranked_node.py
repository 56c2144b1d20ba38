"""A ranking of node-1 with two containers and two processes of the host."""

from oomwarden.core.badness.badness import ProcessMemoryUse
from oomwarden.core.badness.machine_reading import (
    CgroupMemory,
    MachineReading,
    MachineTotals,
    RankedContainer,
)
from oomwarden.core.badness.rank_report import RankReport
from oomwarden.core.badness.ranking import Candidate
from oomwarden.core.badness.score_origin import ScoreFacts

PAGE, MIB, GIB = 4096, 1 << 20, 1 << 30


def process(
    pid: int, size: int, adj: int, container: int | None = None, name: str = "sh"
) -> Candidate:
    return Candidate(
        pid, name, ProcessMemoryUse(size // PAGE, 0, PAGE), adj, container, "a.service"
    )


def container(name: str, limit: int | None, *, group: bool = True) -> RankedContainer:
    memory = CgroupMemory(limit, 0, 480 * MIB, is_group_kill=group)
    facts = ScoreFacts(980, frozenset({300}), "OOMPolicy/protect-db", "Burstable")
    return RankedContainer("shop", "api-1", name, "kubepods/api-1", memory, facts)


REPORT = RankReport(
    MachineReading(
        node="node-1",
        time="2026-11-29T10:00:00+00:00",
        machine=MachineTotals(4 * GIB, 0, 3 * GIB, 60, PAGE),
        candidates=(
            process(4242, 400 * MIB, 980, 0, "python3"),
            process(4243, 40 * MIB, 300, 0, "worker\x1b[31m"),
            process(900, 96 * MIB, -999, None, "kubelet"),
            process(1, 8 * MIB, -1000, None, "systemd"),
            process(5000, 8 * MIB, 980, 1, "proxy"),
        ),
        unread=0,
        containers=(container("app", 512 * MIB), container("proxy", None, group=False)),
        pods={},
        is_nested=False,
    )
)
