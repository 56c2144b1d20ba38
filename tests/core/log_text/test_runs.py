"""Many lines that are read at once have the effect that they have when they are read one by one."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.log_text.json_form import facts
from oomwarden.core.log_text.lines.runs import Runs, list_prefix
from oomwarden.core.log_text.lines.scan import Stretch
from oomwarden.core.log_text.reader import KillReader

HEAD = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
ROWS = [
    f"[{pid:7}]  1000 {pid:5} {pid * 9:8} {pid * 3:8} 114688 0 {pid % 7} hog" for pid in range(9)
]
KILL = "Out of memory: Killed process 4 (hog) total-vm:144kB, anon-rss:40kB, file-rss:0kB"
QUIET = [" <TASK>", " dump_stack_lvl+0x44/0x5c", "Mem-Info:", "lowmem_reserve[]: 0 1900", "a;b", ""]
STATS = ["Memory cgroup stats for /a:", "anon 4096", "file 1", "pgfault 3", "kernel 9", "x anon 5"]
REPORT = [
    "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=992",
    "CPU: 1 PID: 4 Comm: java Not tainted 6.1.0 #1",
    "memory: usage 65536kB, limit 65536kB, failcnt 33",
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/a,",
    "Out of memory: Kille",
    "Killed process 5 (a",
    "524154 pages RAM",
    "Free swap  = 0kB",
    "active_anon:1 inactive_anon:2",
    "** 3 printk messages dropped **",
]
TEXTS = st.sampled_from([*ROWS, *QUIET, *STATS, *REPORT, HEAD, KILL])
PREFIXES = st.sampled_from(
    [
        "[ 5000.250000] ",
        "[ 5099.250000] ",
        "<3>[   12.250000] ",
        "[Thu May 14 16:55:03 2026] ",
        "May 16 09:23:20 node-a kernel: [ 5000.250000] ",
        "May 16 09:23:20 node-b kernel: ",
        "2026-05-16T09:23:20.123456+00:00 node-a kernel: [ 5000.250000] ",
        "> ",
        "",
    ]
)


def read(data: bytes) -> list[Any]:
    reader = KillReader()
    reader.feed(data)
    reader.finish()
    return [
        [facts(each) for each in reader.kills],
        list(reader.without_victim),
        reader.lost_messages,
    ]


def read_line_by_line(data: bytes, patch: pytest.MonkeyPatch) -> list[Any]:
    patch.setattr(Runs, "rows", lambda *_: None)
    patch.setattr(Runs, "quiet", lambda *_: None)
    return read(data)


@given(PREFIXES, st.lists(TEXTS, max_size=60), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=300)
def test_a_log_reads_as_it_does_line_by_line(prefix: str, texts: list[str], end: str) -> None:
    data = "".join(f"{prefix}{text}{end}" for text in [HEAD, *texts, KILL]).encode()
    with pytest.MonkeyPatch.context() as patch:
        wanted = read_line_by_line(data, patch)
    assert read(data) == wanted


@pytest.mark.parametrize("prefix", ["[ 5000.250000] ", "May 16 09:23:20 node-a kernel: "])
def test_a_whole_report_takes_few_steps(prefix: str) -> None:
    lines = [*QUIET[:3] * 20, HEAD, *ROWS * 10, KILL]
    runs = Runs(Stretch(1, "".join(f"{prefix}{each}\n" for each in lines).encode(), adjoins=True))
    run = runs.quiet()
    assert run is not None
    assert run.count(b"\n") == 59
    runs.take(run)
    runs.line()
    assert list_prefix(runs.line().text) == ("" if prefix[0] == "[" else prefix).encode()
    found = runs.rows(7)
    assert found is not None
    assert found[1].count(b"\n") == 89


@given(st.binary(max_size=400))
def test_any_bytes_after_a_list_of_tasks_are_read(data: bytes) -> None:
    text = b"".join(f"{each}\n".encode() for each in [HEAD, *ROWS]) + data
    *others, kill = read(text + f"\n{KILL}\n".encode())[0]
    assert kill["pid"] == 4
    assert not others or b"Killed" in data
