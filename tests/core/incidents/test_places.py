"""Which cgroup of the pod a victim was in: a container, one below it, or no container."""

import pytest
from msgspec.structs import replace
from oomwarden.api.models.oomkill import OOMKill
from oomwarden.api.oomkill import Cause, ContainerType
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import Incident, investigate
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import parse_events, parse_records
from oomwarden.core.ledger.account import Account, CounterRange
from oomwarden.core.ledger.attribution import attribute_pod
from oomwarden.core.ledger.log_evidence import evidence_below
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.records.event import note, regarding
from oomwarden.core.records.oomkill import oom_kill

from tests.support.log_lines import Ring
from tests.support.one_kill import APP, CONTEXT, FACTS, MIB, POD, RANGE, SIDE, SNAPSHOT

CONMON = f"/{POD.path}/crio-conmon-{'a' * 64}.scope"
CRIO = Cgroup(8, f"{POD.path}/crio-{'a' * 64}.scope", Level.CONTAINER, "uid", "a" * 64)
ALONE = replace(FACTS, containers=FACTS.containers[:1])
LIMITED = replace(FACTS.containers[0], limit=32 * MIB)
SETUP = ContainerFacts("setup", ContainerType.INIT, limit=64 * MIB)
MESH = ContainerFacts("mesh", ContainerType.SIDECAR, limit=16 * MIB)
LOST = CounterRange(POD, 0, 0, 1, POD)


def killed(task: str, oom: str | None, comm: bytes = b"hog", score: int = 992) -> LogKill:
    ring = Ring()
    ring.constraint(42, comm, task, oom)
    ring.killed(42, comm)
    ring.text = ring.text.replace(b"oom_score_adj:992", b"oom_score_adj:%d" % score)
    (kill,) = LogAssembler().feed(parse_events(parse_records(ring.text)))
    return kill


def found(kill: LogKill, counted: CounterRange = RANGE, **snapshot: object) -> Incident:
    return investigate(counted, replace(SNAPSHOT, log=(kill,), **snapshot), CONTEXT)


@pytest.mark.parametrize("scope", ["crio", "libpod", "cri-containerd", "docker"])
def test_the_runtimes_own_cgroup_below_the_scope_counts_as_the_container(scope: str) -> None:
    own = replace(CRIO, path=CRIO.path.replace("crio", scope))
    inner = f"/{own.path}/container"
    incident = found(killed(inner, inner), replace(RANGE, container=own))
    assert (incident.verdict.cause, incident.limit) == (Cause.CONTAINER_LIMIT, 32 * MIB)
    assert incident.sub_cgroup is None


@pytest.mark.parametrize(
    "below",
    ["container/web.service", "web.service", "container.slice", "containers", "x/container"],
)
def test_a_limit_that_a_container_set_below_its_cgroup_is_not_its_own(below: str) -> None:
    inner = f"/{CRIO.path}/{below}"
    incident = found(killed(inner, inner), replace(RANGE, container=CRIO))
    assert (incident.verdict.cause, incident.limit) == (Cause.CONTAINER_LIMIT, None)


def test_a_cgroup_named_container_was_made_by_the_container_if_the_runtime_makes_none() -> None:
    own = replace(APP, path=APP.path.removesuffix(".scope"))
    inner = f"/{own.path}/container"
    incident = found(killed(inner, inner), replace(RANGE, container=own))
    assert (incident.limit, incident.sub_cgroup) == (None, "container")


@pytest.mark.parametrize(
    ("below", "shown"),
    [
        ("docker/buildkit/x1", "docker/buildkit/x1"),
        ("init.scope", "init.scope"),
        ("a\tb\x1b[31m", "a\\tb\\x1b[31m"),
        ("x" * 255 + "/y", "x" * 255 + "/"),
    ],
)
def test_a_record_names_the_cgroup_below_the_containers_own(below: str, shown: str) -> None:
    incident = found(killed(f"/{APP.path}/{below}", f"/{APP.path}"))
    assert oom_kill(incident)["container"]["subCgroup"] == shown


def test_no_cgroup_is_named_if_the_victims_were_in_several() -> None:
    kills = tuple(killed(f"/{APP.path}/{name}", f"/{APP.path}") for name in ("a", "b"))
    incident = investigate(replace(RANGE, group_kills=0), replace(SNAPSHOT, log=kills), CONTEXT)
    assert "subCgroup" not in oom_kill(incident)["container"]


def test_the_runtimes_monitor_is_not_a_container_of_the_pod() -> None:
    limits = PodLimits(16 * MIB, (16 * MIB,))
    incident = found(killed(CONMON, f"/{POD.path}", b"conmon"), LOST, pod=ALONE, limits=limits)
    assert (incident.container, incident.candidates) == (None, ())
    assert (incident.verdict.cause, incident.limit) == (Cause.POD_LIMIT, 16 * MIB)
    assert [victim.comm for victim in incident.victims] == [b"conmon"]
    kill = oom_kill(incident)
    assert kill["container"] == {"otherCgroup": CONMON.rpartition("/")[2]}
    assert OOMKill.model_validate(kill).container.name is None
    assert "fieldPath" not in regarding(incident.pod, incident.container)
    assert note(incident).startswith(
        f"{CONMON.rpartition('/')[2]}, which is not a container of this pod: conmon"
    )
    assert "Raise its memory limit" not in note(incident)
    assert "the container keeps running" not in note(incident)


def test_the_monitors_kill_is_not_attributed_to_a_container_removed_at_the_same_time() -> None:
    pod = Account(POD, None, KillCounters(), KillCounters(1, 0, 1, 1))
    gone = Account(APP, POD.inode, gone=True)
    evidence = evidence_below(POD, [killed(CONMON, f"/{POD.path}", b"conmon")])
    (attribution,) = attribute_pod(pod, [gone], evidence, complete=True)
    assert attribution.container is not None
    assert attribution.container.path == CONMON[1:]
    counted = replace(LOST, container=attribution.container)
    incident = found(killed(CONMON, f"/{POD.path}", b"conmon"), counted, pod=ALONE)
    assert incident.other_cgroup == CONMON.rpartition("/")[2]
    assert incident.container is None


def test_the_pause_container_is_not_a_container_of_the_pod() -> None:
    pause = Cgroup(
        11, f"{POD.path}/cri-containerd-{'f' * 64}.scope", Level.CONTAINER, "uid", "f" * 64
    )
    counted = replace(RANGE, container=pause, end=3, group_kills=0)
    incident = found(killed(f"/{pause.path}", None, b"pause", -998), counted, pod=ALONE)
    assert (incident.container, incident.candidates) == (None, ())
    assert incident.other_cgroup == pause.path.rpartition("/")[2]


def test_a_containers_process_named_pause_belongs_to_the_container() -> None:
    assert found(killed(f"/{APP.path}", None, b"pause")).container == FACTS.containers[0]
    unknown = replace(
        APP, inode=12, container_id="e" * 64, path=APP.path.replace("a" * 64, "e" * 64)
    )
    incident = found(killed(f"/{unknown.path}", None, b"pause"), replace(RANGE, container=unknown),
                     pod=ALONE)  # fmt: skip
    assert incident.container == ALONE.containers[0]


def test_the_cgroup_of_an_unknown_runtime_may_be_a_container() -> None:
    kata = f"/{POD.path}/kata-{'a' * 64}.scope"
    assert found(killed(kata, f"/{POD.path}"), LOST, pod=ALONE).container == ALONE.containers[0]


def test_one_kill_of_the_monitor_among_several_leaves_the_others_unknown() -> None:
    incident = found(killed(CONMON, f"/{POD.path}", b"conmon"), replace(LOST, end=3))
    assert incident.other_cgroup is None
    assert incident.candidates == ("app", "side")


@pytest.mark.parametrize("comm", [b"runc:[2:INIT]", b"runc:[1:CHILD]", b"runc", b"crun", b"conmon"])
def test_a_program_that_had_not_started_is_reported_as_such(comm: bytes) -> None:
    single = replace(RANGE, end=3, group_kills=0)
    line = note(found(killed(f"/{APP.path}", f"/{POD.path}", comm), single))
    assert "Its program had not started: a container, or an exec in it, was starting." in line
    assert "One process was killed" not in line


def test_an_ephemeral_container_at_the_pods_limit_reports_what_the_limit_consists_of() -> None:
    debug = ContainerFacts("debug", ContainerType.EPHEMERAL, "b" * 64)
    facts = replace(FACTS, containers=(replace(FACTS.containers[0], limit=32 * MIB), debug))
    counted = replace(RANGE, container=SIDE, container_limit=None)
    limits = PodLimits(32 * MIB, (32 * MIB, None))
    kill = killed(f"/{SIDE.path}", f"/{POD.path}")
    line = note(found(kill, counted, pod=facts, limits=limits))
    assert "container debug: hog (pid 42) killed at the pod's limit 32Mi." in line
    assert "no limit of its own: this is the sum of its containers' limits (app 32Mi)." in line


@pytest.mark.parametrize(
    ("containers", "overhead", "limit", "made_of"),
    [
        ((LIMITED,), 16, 48, "(app 32Mi) and its RuntimeClass's overhead of 16Mi. Raise it,"),
        ((SETUP, LIMITED), 0, 64, "(setup 64Mi). Raise it,"),
        ((MESH, SETUP, LIMITED), 0, 80, "(mesh 16Mi, setup 64Mi). Raise one of them,"),
        ((MESH, replace(SETUP, limit=MIB), LIMITED), 0, 48, "(mesh 16Mi, app 32Mi). Raise one of"),
    ],
)
def test_the_pods_limit_is_reported_with_all_that_it_consists_of(
    containers: tuple[ContainerFacts, ...], overhead: int, limit: int, made_of: str
) -> None:
    pod = replace(FACTS, containers=containers, overhead=overhead * MIB)
    limits = PodLimits(limit * MIB, (32 * MIB,), has_own_limit=overhead > 0)
    incident = found(killed(f"/{APP.path}", f"/{POD.path}"), pod=pod, limits=limits)
    assert (incident.verdict.cause, incident.limit) == (Cause.POD_LIMIT, limit * MIB)
    assert f"this is the sum of its containers' limits {made_of}" in note(incident)


@pytest.mark.parametrize("own", [(None, None), (None, 32 * MIB), (48 * MIB, None)])
def test_a_limit_of_the_pod_as_a_whole_is_reported_as_the_pods(
    own: tuple[int | None, int | None],
) -> None:
    facts = replace(FACTS, limit=48 * MIB)
    limits = PodLimits(48 * MIB, own, has_own_limit=True)
    incident = found(killed(f"/{APP.path}", f"/{POD.path}"), pod=facts, limits=limits)
    assert (incident.verdict.cause, incident.limit) == (Cause.POD_LIMIT, 48 * MIB)
    assert "Raise the pod's own limit (spec.resources.limits.memory), or" in note(incident)


def test_the_pods_own_limit_is_reported_even_for_its_only_container() -> None:
    facts = replace(ALONE, limit=48_000_000)
    limits = PodLimits(48_000_000 // 4096 * 4096, (48_000_000 // 4096 * 4096,), has_own_limit=True)
    silent = replace(
        SNAPSHOT, log=(), increments=KillCounters(2, 1, 1, 1), pod=facts, limits=limits
    )
    incident = investigate(RANGE, silent, CONTEXT)
    assert (incident.verdict.cause, incident.limit) == (Cause.POD_LIMIT, 48_000_000)


def test_a_containers_own_limit_below_the_pods_is_reported() -> None:
    facts = replace(FACTS, limit=48 * MIB)
    limits = PodLimits(48 * MIB, (32 * MIB, None), has_own_limit=True)
    incident = found(killed(f"/{APP.path}", f"/{APP.path}"), pod=facts, limits=limits)
    assert (incident.verdict.cause, incident.limit) == (Cause.CONTAINER_LIMIT, 32 * MIB)
