"""What kernels of all ages print about an OOM kill, and what a reader should make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.log_forms import Said

POD = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice"
PLACE = f"{POD}/cri-containerd-{'ab' * 32}.scope"
V1 = f"/kubepods/burstable/pod0a1b2c3d-1111-2222-3333-444455556666/{'cd' * 32}"


@dataclass(frozen=True)
class Body:
    """The lines of a kill: level and text, and the facts in them."""

    lines: Sequence[tuple[int, str]]
    facts: dict[str, Any] = field(default_factory=dict)

    def said(self, stamp: float = 5000.25) -> list[Said]:
        """Return the messages, a millisecond apart."""
        return [Said(level, stamp + at / 1000, text) for at, (level, text) in enumerate(self.lines)]


_TAIL = "total-vm:209128kB, anon-rss:32100kB, file-rss:904kB, shmem-rss:12kB"
_SIZES = {"totalVmKB": 209128, "anonRssKB": 32100, "fileRssKB": 904, "shmemRssKB": 12}
_NEW_TAIL = f"{_TAIL}, UID:1000 pgtables:112kB oom_score_adj:992"
_NEW = {**_SIZES, "uid": 1000, "pageTablesKB": 112, "oomScoreAdj": 992, "pid": 4242, "comm": "hog"}
_OLD = {"totalVmKB": 209128, "anonRssKB": 32100, "fileRssKB": 904, "pid": 4242, "comm": "hog"}
_INVOKED = (4, "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=992")

BODIES: dict[str, Body] = {
    "2.4": Body(
        [(3, "Out of Memory: Killed process 4242 (hog).")],
        {"pid": 4242, "comm": "hog", "of": "machine"},
    ),
    "2.6.18": Body(
        [
            (4, "oom-killer: gfp_mask=0x201d2, order=0"),
            (3, "Out of Memory: Kill process 4200 (sh) score 77 and children."),
            (3, "Out of memory: Killed process 4242 (hog)."),
        ],
        {"pid": 4242, "comm": "hog", "of": "machine", "chosen": 4200, "score": 77},
    ),
    "2.6.32": Body(
        [
            (4, "java invoked oom-killer: gfp_mask=0x280da, order=0, oom_adj=0"),
            (3, "Out of memory: kill process 4200 (sh) score 456 or a child"),
            (3, "Killed process 4242 (hog) vsz:209128kB, anon-rss:32100kB, file-rss:904kB"),
        ],
        {**_OLD, "of": "machine", "chosen": 4200, "score": 456, "invokedBy": "java"},
    ),
    "RHEL 6": Body(
        [
            (3, "Out of memory: Kill process 4242 (hog) score 456 or sacrifice child"),
            (
                3,
                "Killed process 4242, UID 498, (hog) total-vm:209128kB, anon-rss:32100kB, "
                "file-rss:904kB",
            ),
        ],
        {**_OLD, "of": "machine", "uid": 498, "chosen": None, "score": 456},
    ),
    "RHEL 7": Body(
        [
            (3, "Memory cgroup out of memory: Kill process 4242 (hog) score 0 or sacrifice child"),
            (3, f"Killed process 4242 (hog), UID 1000, {_TAIL}"),
        ],
        {**_OLD, **_SIZES, "of": "cgroup", "uid": 1000},
    ),
    "3.10 cgroup": Body(
        [
            (6, f"Task in {V1} killed as a result of limit of {V1}"),
            (6, "memory: usage 524288kB, limit 524288kB, failcnt 4321"),
            (6, "memory+swap: usage 1048576kB, limit 1048576kB, failcnt 12"),
            (6, "kmem: usage 0kB, limit 9007199254740988kB, failcnt 0"),
            (
                6,
                f"Memory cgroup stats for {V1}: cache:32KB rss:524188KB rss_huge:370688KB "
                "mapped_file:0KB swap:524356KB inactive_anon:267804KB active_anon:256384KB",
            ),
            (6, "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name"),
            (6, "[ 4200]     0  4200     5000      100      10        0           992 sh"),
            (6, "[ 4242]     0  4242    52282     8251     110        0           992 hog"),
            (3, "Memory cgroup out of memory: Kill process 4200 (sh) score 9 or sacrifice child"),
            (3, "Killed process 4242 (hog) total-vm:209128kB, anon-rss:32100kB, file-rss:904kB"),
        ],
        {
            **_OLD,
            "of": "cgroup",
            "place": V1,
            "limitOf": V1,
            "limitKB": 524288,
            "chosen": 4200,
            "taskCount": 2,
        },
    ),
    "4.19 group": Body(
        [
            (
                3,
                "Memory cgroup out of memory: Kill process 4242 (hog) score 1959 or sacrifice child",
            ),
            (3, f"Killed process 4242 (hog) {_TAIL}"),
            (6, "Tasks in /A1 are going to be killed due to memory.oom.group set"),
            (
                3,
                "Killed process 4243 (sh) total-vm:2052kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB",
            ),
            (3, f"Killed process 4242 (hog) {_TAIL}"),
        ],
        {**_OLD, **_SIZES, "of": "cgroup", "group": "/A1", "with": [4243], "score": 1959},
    ),
    "5.0": Body(
        [(3, f"Memory cgroup out of memory: Killed process 4242 (hog) {_TAIL}")],
        {**_OLD, **_SIZES, "of": "cgroup"},
    ),
    "6.1 pod": Body(
        [
            _INVOKED,
            (4, "CPU: 1 PID: 4242 Comm: hog Not tainted 6.1.0-50-amd64 #1  Debian 6.1.100-1"),
            (6, "memory: usage 65536kB, limit 65536kB, failcnt 33"),
            (6, "swap: usage 0kB, limit 0kB, failcnt 0"),
            (6, f"Memory cgroup stats for {POD}:"),
            (6, "anon 60000000"),
            (6, "file 4096"),
            (
                6,
                "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
            ),
            (6, "[   4242]  1000  4242    52282     8251   114688        0           992 hog"),
            (
                6,
                "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x.scope,"
                f"mems_allowed=0,oom_memcg={POD},task_memcg={PLACE},task=hog,pid=4242,uid=1000",
            ),
            (3, f"Memory cgroup out of memory: Killed process 4242 (hog) {_NEW_TAIL}"),
            (
                6,
                "oom_reaper: reaped process 4242 (hog), now anon-rss:0kB, file-rss:0kB, "
                "shmem-rss:0kB",
            ),
        ],
        {
            **_NEW,
            "of": "cgroup",
            "place": PLACE,
            "limitOf": POD,
            "limitKB": 65536,
            "taskCount": 1,
            "invokedBy": "java",
        },
    ),
    "6.8 machine": Body(
        [
            _INVOKED,
            (
                6,
                "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem "
                "pgtables_bytes swapents oom_score_adj name",
            ),
            (
                6,
                "[   4242]  1000  4242    52282     8251     8025      226         0   "
                "114688        0           992 hog",
            ),
            (
                6,
                "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,"
                f"global_oom,task_memcg={PLACE},task=hog,pid=4242,uid=1000",
            ),
            (3, f"Out of memory: Killed process 4242 (hog) {_NEW_TAIL}"),
        ],
        {**_NEW, "of": "machine", "place": PLACE, "limitOf": None, "taskCount": 1},
    ),
    "group since 5.0": Body(
        [
            (3, f"Memory cgroup out of memory: Killed process 4242 (hog) {_NEW_TAIL}"),
            (6, f"Tasks in {PLACE} are going to be killed due to memory.oom.group set"),
            (3, f"Memory cgroup out of memory: Killed process 4242 (hog) {_NEW_TAIL}"),
            (3, f"Memory cgroup out of memory: Killed process 4243 (sh) {_NEW_TAIL}"),
            (3, f"Memory cgroup out of memory: Killed process 4244 (a b) {_NEW_TAIL}"),
        ],
        {**_NEW, "of": "cgroup", "group": PLACE, "with": [4243, 4244]},
    ),
}
"""Kills of many kernels."""
