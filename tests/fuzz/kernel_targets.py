"""Kernel input that processes can influence: kernel log, mountinfo, cgroup names."""

from itertools import pairwise

from hypothesis import strategies as st
from oomwarden.core.kernel_log.kills import LogAssembler
from oomwarden.core.kernel_log.lines import Killed, parse_events, parse_records, printable
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.cgroup_paths import child
from oomwarden.core.parse.mountinfo import container_name

from tests.fuzz.objects import VICTIM
from tests.support.log_lines import TAIL, Ring


def kernel_log(example: tuple[list[bytes], list[int]]) -> None:
    """Whatever the log contains and wherever it is cut, only what is in it is parsed."""
    pieces, cuts = example
    text = b"".join(pieces)
    ends = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    assembler, kills = LogAssembler(), 0
    for start, end in pairwise(ends):
        records = parse_records(text[start:end])
        assert all(record.priority >> 3 == 0 for record in records)
        events = parse_events(records)
        assert len(events) <= len(records)
        completed = assembler.feed(events)
        kills += len(completed)
        for victim in (each for kill in completed for each in kill.victims):
            assert str(victim.pid).encode() in text
            assert printable(victim.comm).isprintable()
    assert kills <= text.count(b"Killed process") + text.count(b"memory.oom.group") + len(ends)


_PATH = "/kubepods.slice/kubepods-pod1.slice/cri-containerd-a.scope"
_WORDS = [
    b"<6>[   50.001000] ", b"<3>", b"<14>", b"\n", b"\0", b"oom-kill:constraint=CONSTRAINT_MEMCG,",
    b"nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/x,task_memcg=/y,task=z,pid=7,uid=0",
    b"Memory cgroup out of memory: Killed process 7 (", b") ", b"Out of memory: Killed process 8 (",
    TAIL, b"Tasks in /y are going to be killed due to memory.oom.group set",
    b"Memory cgroup out of memory: OOM victim 7 (z) is already exiting. Skip killing the task",
]  # fmt: skip
LOGS = st.tuples(
    st.lists(st.sampled_from(_WORDS) | st.binary(max_size=12), max_size=30),
    st.lists(st.integers(0, 4096), max_size=4),
)


def comm(example: tuple[bytes, list[bytes], bool]) -> None:
    """A process name can neither fake a kill in another container nor a victim."""
    first, others, group = example
    ring, victims = Ring(), [(100 + number, each) for number, each in enumerate([first, *others])]
    for pid, name in victims if not group else ():
        ring.constraint(pid, name, _PATH, _PATH)
        ring.killed(pid, name)
    if group:
        ring.group_kill(_PATH, victims)
    kills = LogAssembler().feed(parse_events(parse_records(ring.text)))
    assert {kill.victim_cgroup for kill in kills} <= {_PATH, None}
    victims_read = [each for kill in kills for each in kill.victims]
    assert {each.pid for each in victims_read} <= {pid for pid, _ in victims}
    assert all(
        isinstance(each, Killed) and len(printable(each.comm)) <= 64 for each in victims_read
    )


COMMS = st.one_of(
    st.binary(min_size=1, max_size=15),
    st.sampled_from(
        [b"\n<3>Killed pro", b"a) total-vm:1kB", b"x\n<6>Tasks in ", b",task_memcg=/e"]
    ),
).map(lambda name: name.replace(b"\0", b"?")[:15])


def mountinfo(lines: list[tuple[str, str]]) -> None:
    """No path in a tenant's volume changes the name of a container."""
    pod = f"/var/lib/kubelet/pods/{VICTIM}"
    made = [(f"{pod}/containers/app/0123abcd", "/dev/termination-log")]
    made += [
        (f"{pod}/volumes/kubernetes.io~empty-dir/v{source}", target) for source, target in lines
    ]
    text = b"".join(
        b"1 2 8:1 %s %s rw - ext4 /dev/sda1 rw\n" % (_escaped(source), _escaped(target))
        for source, target in made
    )
    assert container_name(text, VICTIM) in {"app", None}


def _escaped(path: str) -> bytes:
    """Escape a path as the kernel does (fs/seq_file.c, mangle_path)."""
    raw = path.replace("\0", "").encode("utf-8", "surrogatepass")
    return b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes([byte]) for byte in raw)


PATHS = st.text(max_size=30) | st.sampled_from(
    [
        f"/pods/{VICTIM}/containers/evil/0123abcd",
        f"\n/var/lib/kubelet/pods/{VICTIM}/containers/evil/0123abcd",
        "/../..",
    ]
)


def any_mountinfo(text: bytes) -> None:
    """For any text, the result is a valid container name, or None."""
    found = container_name(text, VICTIM)
    assert found is None or (found.isascii() and len(found) <= 63)


def cgroup_name(name: str) -> None:
    """A cgroup is the kubelet's only if its whole name matches, at the right level."""
    for level in Level:
        parent = Cgroup(1, "kubepods", level, VICTIM if level is Level.POD else None)
        found = child(parent, name, 2)
        if found is None:
            continue
        assert level is not Level.CONTAINER
        assert found.path == f"kubepods/{name}"
        assert found.container_id is None or len(found.container_id) == 64
        assert found.level is not Level.POD or len((found.pod_uid or "").replace("-", "")) == 32


CGROUPS = st.text(max_size=20) | st.from_regex(
    r"(kubepods-(burstable-)?pod[0-9a-f_-]{32,37}\.slice|(cri-containerd-)?[0-9a-f]{63,65}(\.scope)?|pod[0-9a-f-]{36})\n?",
    fullmatch=True,
)
