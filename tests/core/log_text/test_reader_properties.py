import string
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.log_text.json_form import facts
from oomwarden.core.log_text.reader import KillReader, read_kills

from tests.support.log_forms import FORMS, Said
from tests.support.oom_bodies import BODIES

FRAGMENTS = (
    rb"""
Out of memory: |Memory cgroup out of memory: |Killed process 42 (|Kill process |hog) total-vm:1kB, |
anon-rss:8kB| UID:0 pgtables:4kB oom_score_adj:0|(|)|oom-kill:constraint=CONSTRAINT_MEMCG|,cpuset=/|
,nodemask=(null)|,mems_allowed=0|,oom_memcg=/a|,task_memcg=/a/b|,task=hog,pid=42,uid=0|Tasks in /a|
/a/b| are going to be killed due to memory.oom.group set|Task in /a| killed as a result of limit of|
[ pid ]   uid  tgid total_vm      rss swapents name|[ 42]  0  42  7  7  7 hog|[  1.000001] |=3D|
memory: usage 4kB, limit 4kB, failcnt 8|** 3 printk messages dropped ** |anon 4096|> |{|}|]|
Memory cgroup stats for /a:|"MESSAGE":[7,|"MESSAGE" : [|&gt;|<br>|\n|
x invoked oom-killer: gfp_mask=0|
May 16 09:23:20 node-a kernel: |0x1, order=0|oom_reaper: reaped process 42 (hog)|=|3,4,5,-;|
2026-05-16T09:23:20Z |9999999999999999999999999|CPU: 0 PID: 1 Comm: x Not tainted 6.1 #1|data: |
active_anon:1 free:2|5 pages RAM|{"message":"|"}|  host: a
""".replace(b"|\n", b"|")
    .strip(b"\n")
    .split(b"|")
)
FRAGMENTS += [b"\n", b"\n", b"\n", b"\r\n", b" ", b"\x00", b"\xff", b"\x1b[31m", b"_HOSTNAME=a\n"]
LOGS = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=6), max_size=60).map(b"".join)
NAMES = st.text(string.printable.strip() + " ", min_size=1, max_size=15).filter(
    lambda name: name.strip() == name and "\\" not in name and "=" not in name
)
PLAIN_NAMES = st.text(string.ascii_lowercase + string.digits + "-_/:", min_size=1, max_size=15)
SIZES = st.integers(0, 1 << 40)


def found(data: bytes) -> list[dict[str, Any]]:
    return [facts(each) for each in read_kills(data)]


@given(st.binary(max_size=400) | LOGS)
@settings(max_examples=400)
def test_no_bytes_raise(data: bytes) -> None:
    for kill in found(data):
        assert kill["line"] >= 1
        assert kill["of"] in {"machine", "cgroup", None}


@given(LOGS, st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=200)
def test_the_result_does_not_depend_on_the_pieces(data: bytes, cuts: Sequence[int]) -> None:
    reader, at = KillReader(), 0
    for cut in [*sorted(cuts), len(data)]:
        reader.feed(data[at:cut])
        at = max(at, cut)
    reader.finish()
    assert [facts(each) for each in reader.kills] == found(data)


def _body(pid: int, comm: str, sizes: Sequence[int], uid: int, adj: int) -> str:
    total, anon, file, shmem, tables = sizes
    return (
        f"Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:{total}kB, "
        f"anon-rss:{anon}kB, file-rss:{file}kB, shmem-rss:{shmem}kB, UID:{uid} "
        f"pgtables:{tables}kB oom_score_adj:{adj}"
    )


def _told(kill: dict[str, Any]) -> tuple[Any, ...]:
    sizes = [kill[key] for key in ("totalVmKB", "anonRssKB", "fileRssKB", "shmemRssKB")]
    sizes.append(kill["pageTablesKB"])
    return kill["pid"], kill["comm"], sizes, kill["uid"], kill["oomScoreAdj"]


FACTS = st.tuples(
    st.integers(1, 1 << 22),
    PLAIN_NAMES,
    st.lists(SIZES, min_size=5, max_size=5),
    st.integers(0, (1 << 32) - 1),
    st.integers(-1000, 1000),
)


@given(st.sampled_from(sorted(FORMS)), FACTS)
@settings(max_examples=300)
def test_a_printed_kill_reads_back_from_any_form(
    form: str, printed: tuple[int, str, list[int], int, int]
) -> None:
    text = FORMS[form]([Said(3, 5000.25, _body(*printed))])
    (kill,) = found(text.encode())
    assert _told(kill) == printed


@given(NAMES, st.sampled_from(["dmesg", "syslog with stamp", "kmsg", "journalctl -o json"]))
@settings(max_examples=200)
def test_a_hostile_command_reads_back(comm: str, form: str) -> None:
    printed = (42, comm, [9, 8, 7, 6, 5], 0, 1)
    (kill,) = found(FORMS[form]([Said(3, 5000.25, _body(*printed))]).encode())
    assert _told(kill) == printed


NOISE = st.lists(
    st.sampled_from(
        [
            Said(4, 0.5, "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=60"),
            Said(6, 0.5, "EXT4-fs (sda1): mounted filesystem with ordered data mode"),
            Said(6, 0.5, "hog[77]: segfault at 0 ip 000055 sp 00007f error 4 in hog[5500+1000]"),
            Said(6, 0.5, "docker0: port 1(veth0) entered disabled state"),
        ]
    ),
    max_size=70,
)


@given(st.sampled_from(sorted(BODIES)), NOISE, NOISE)
@settings(max_examples=100)
def test_other_messages_around_a_kill_change_nothing(
    body: str, before: list[Said], after: list[Said]
) -> None:
    form, said = FORMS["syslog with stamp"], BODIES[body].said()
    (kill,) = found(form([*before, *said, *after]).encode())
    (alone,) = found(form(said).encode())
    assert {**kill, "line": 0} == {**alone, "line": 0}
    assert kill["line"] == alone["line"] + len(before)
