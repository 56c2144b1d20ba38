"""Victims of the container runtime: in the pod's own cgroup, in a sandbox, or starting up."""

import pytest
from msgspec.structs import replace
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import Incident, investigate
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import parse_events, parse_records
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.records.event import note
from oomwarden.core.records.oomkill import oom_kill

from tests.support.log_lines import Ring
from tests.support.one_kill import APP, CONTEXT, FACTS, MIB, POD, SNAPSHOT

ALONE = replace(FACTS, containers=FACTS.containers[:1])
LOST = CounterRange(POD, 0, 0, 1, POD)
SANDBOX = f"/{POD.path}/crio-{'f' * 64}.scope"


def killed(task: str, comm: bytes, score: int = 992, *, named: bool = True) -> LogKill:
    ring = Ring()
    if named:
        ring.constraint(42, comm, task, f"/{POD.path}")
    ring.killed(42, comm)
    if not named:
        ring.group(task)
        ring.killed(42, comm)
    ring.text = ring.text.replace(b"oom_score_adj:992", b"oom_score_adj:%d" % score)
    (kill,) = LogAssembler().feed(parse_events(parse_records(ring.text)))
    return kill


def found(kill: LogKill, counted: CounterRange = LOST) -> Incident:
    limits = PodLimits(16 * MIB, (16 * MIB,))
    return investigate(counted, replace(SNAPSHOT, pod=ALONE, limits=limits, log=(kill,)), CONTEXT)


@pytest.mark.parametrize("comm", [b"conmon", b"runc", b"containerd-shim", b"java"])
def test_a_victim_in_the_pods_own_cgroup_is_in_none_of_its_containers(comm: bytes) -> None:
    incident = found(killed(f"/{POD.path}", comm))
    assert (incident.container, incident.candidates) == (None, ())
    assert (incident.verdict.cause, incident.limit) == (Cause.POD_LIMIT, 16 * MIB)
    assert [victim.comm for victim in incident.victims] == [comm]
    name = POD.path.rpartition("/")[2]
    assert oom_kill(incident)["container"] == {"otherCgroup": name}
    line = note(incident)
    assert line.startswith(f"the pod's own cgroup {name}, outside its containers: ")
    assert "Raise its memory limit" not in line


def test_a_pod_that_is_killed_as_a_group_does_not_show_which_cgroup_its_victims_were_in() -> None:
    incident = found(killed(f"/{POD.path}", b"java", named=False), replace(LOST, end=2))
    assert incident.other_cgroup is None
    assert incident.container == ALONE.containers[0]


@pytest.mark.parametrize("comm", [b"pause", b"pod", b"runc:[2:INIT]", b"memfd:crun_clon"])
def test_a_sandboxs_process_is_recognized_by_its_score_whatever_its_name(comm: bytes) -> None:
    sandbox = replace(APP, inode=11, path=SANDBOX[1:], container_id="f" * 64)
    for counted in (LOST, replace(LOST, container=sandbox)):
        incident = found(killed(SANDBOX, comm, -998), counted)
        assert (incident.container, incident.candidates) == (None, ())
        assert incident.other_cgroup == SANDBOX.rpartition("/")[2]
        assert [victim.comm for victim in incident.victims] == [comm]


def test_a_process_with_the_sandboxs_score_belongs_to_its_container_if_that_is_known() -> None:
    incident = found(killed(f"/{APP.path}", b"pause", -998), replace(LOST, container=APP))
    assert incident.container == ALONE.containers[0]


@pytest.mark.parametrize(
    "comm",
    [b"memfd:crun_clon", b"memfd:runc_clon", b"youki:[1:INTER]", b"sysbox-runc", b"conmonrs"],
)
def test_other_runtimes_that_start_a_program_are_recognized(comm: bytes) -> None:
    line = note(found(killed(f"/{APP.path}", comm), replace(LOST, container=APP)))
    assert "Its program had not started" in line


@pytest.mark.parametrize("comm", [b"memfd:crun", b"runc-monitor", b"crund", b"youki:[2:INIT]x"])
def test_a_program_with_a_similar_name_has_started(comm: bytes) -> None:
    line = note(found(killed(f"/{APP.path}", comm), replace(LOST, container=APP)))
    assert "had not started" not in line
