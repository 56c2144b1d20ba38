from msgspec.structs import replace
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import investigate
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import Constraint, parse_events, parse_records
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.records.event import note
from oomwarden.core.records.oomkill import oom_kill

from tests.support.log_lines import Ring
from tests.support.one_kill import APP, CONTEXT, FACTS, LOG, POD, RANGE, SIDE, SNAPSHOT

MIB = 1 << 20
SILENT = replace(SNAPSHOT, log=())


def test_the_pods_own_limit_is_reported() -> None:
    snapshot = replace(
        SILENT, increments=KillCounters(2, 1, 1, 1), limits=PodLimits(48 * MIB, (32 * MIB, None))
    )
    incident = investigate(RANGE, snapshot, CONTEXT)
    assert (incident.verdict.cause, incident.limit) == (Cause.POD_LIMIT, 48 * MIB)
    assert "killed at the pod's limit 48Mi." in note(incident)


def test_the_limit_of_all_pods_is_that_of_kubepods() -> None:
    above = (KillCounters(), KillCounters(oom=1, oom_local=1))
    snapshot = replace(
        SILENT, increments=KillCounters(2, 1, 0, 0), above=above, kubepods_limit=1 << 30
    )
    incident = investigate(RANGE, snapshot, CONTEXT)
    assert (incident.verdict.cause, incident.limit) == (Cause.NODE_ALLOCATABLE, 1 << 30)


def test_the_limit_of_a_qos_class_is_not_that_of_kubepods() -> None:
    above = (KillCounters(oom=1, oom_local=1), KillCounters(oom=1))
    snapshot = replace(
        SILENT, increments=KillCounters(2, 1, 0, 0), above=above, kubepods_limit=1 << 30
    )
    incident = investigate(RANGE, snapshot, CONTEXT)
    assert (incident.verdict.cause, incident.limit) == (Cause.NODE_ALLOCATABLE, None)
    assert "because all pods of its QoS class together reached the limit" in note(incident)
    kill = oom_kill(incident)
    assert (kill["enforcedAt"], "limit" in kill) == ("QoS", False)


def test_a_node_out_of_memory_has_no_limit() -> None:
    incident = investigate(RANGE, replace(SILENT, increments=KillCounters(2, 1, 0, 0)), CONTEXT)
    assert (incident.verdict.cause, incident.limit) == (Cause.NODE_OUT_OF_MEMORY, None)
    assert "limit" not in oom_kill(incident)


def test_a_kill_in_a_pod_with_one_container_is_attributed_to_it_even_if_unseen() -> None:
    alone = replace(FACTS, containers=FACTS.containers[:1])
    lost = replace(RANGE, container=None)
    incident = investigate(lost, replace(SILENT, pod=alone), CONTEXT)
    assert incident.container == FACTS.containers[0]


def test_a_range_of_a_level_above_has_no_known_cause() -> None:
    level = Cgroup(3, "kubepods.slice", Level.QOS)
    incident = investigate(replace(RANGE, account=level), SILENT, CONTEXT)
    assert incident.verdict.cause is Cause.UNKNOWN


def test_there_are_no_more_victims_than_the_counter_allows() -> None:
    many = tuple(replace(LOG.victims[0], pid=pid) for pid in range(40))
    snapshot = replace(SNAPSHOT, log=(replace(LOG, victims=many),))
    assert len(investigate(RANGE, snapshot, CONTEXT).victims) == RANGE.end - RANGE.start
    wide = replace(RANGE, end=60)
    assert len(investigate(wide, snapshot, CONTEXT).victims) == 16


def test_log_lines_of_another_pod_are_ignored() -> None:
    other = replace(LOG, constraint=None, group_path=f"/{POD.path}-other/x")
    assert investigate(RANGE, replace(SNAPSHOT, log=(other,)), CONTEXT).victims == ()


def lined(*, of_cgroup: bool) -> LogKill:
    victims = tuple(replace(one, of_cgroup=of_cgroup) for one in LOG.victims)
    return replace(LOG, constraint=None, group_path=f"/{APP.path}", victims=victims)


def test_the_killed_process_line_alone_distinguishes_the_machines_memory_from_a_cgroups() -> None:
    snapshot = replace(SNAPSHOT, increments=KillCounters(2, 1, 0, 0))
    machine = replace(snapshot, log=(lined(of_cgroup=False),), nested=True)
    assert investigate(RANGE, machine, CONTEXT).verdict.cause is Cause.NODE_OUT_OF_MEMORY
    cgroup = replace(snapshot, log=(lined(of_cgroup=True),))
    assert investigate(RANGE, cgroup, CONTEXT).verdict.cause is Cause.UNKNOWN


def test_a_limit_below_the_containers_own_is_not_reported_as_its_own() -> None:
    inside = Constraint(1.0, f"/{APP.path}/web.service", f"/{APP.path}/web.service", 4242)
    incident = investigate(
        RANGE, replace(SNAPSHOT, log=(replace(LOG, constraint=inside),)), CONTEXT
    )
    assert (incident.verdict.cause, incident.limit) == (Cause.CONTAINER_LIMIT, None)
    line = note(incident)
    assert "at the limit of a cgroup that was made inside the container (web.service)." in line
    assert (
        "That limit was set inside the container; the container's own limit was not reached."
        in line
    )
    assert "Raise its memory limit" not in line


def test_limits_inside_and_outside_the_container_are_not_reported() -> None:
    inside = Constraint(1.0, f"/{APP.path}/web.service", f"/{APP.path}/web.service", 4242)
    kills = (LOG, replace(LOG, constraint=inside))
    incident = investigate(
        replace(RANGE, end=12, group_kills=2), replace(SNAPSHOT, log=kills), CONTEXT
    )
    assert (incident.limit, incident.limited_cgroup) == (None, None)


def test_a_line_beyond_the_counted_kills_belongs_to_the_next_container() -> None:
    ring = Ring()
    ring.group_kill(f"/{APP.path}", [(1, b"hog")])
    ring.killed(2, b"hog")  # the read ends here
    log = tuple(LogAssembler().feed(parse_events(parse_records(ring.text))))
    incident = investigate(RANGE, replace(SNAPSHOT, log=log), CONTEXT)
    assert [victim.pid for victim in incident.victims] == [1]


def test_the_log_line_of_a_running_container_is_not_used_for_two_that_are_gone() -> None:
    lost = Cgroup(
        10, f"{POD.path}/cri-containerd-{'c' * 64}.scope", Level.CONTAINER, "uid", "c" * 64
    )
    counted = replace(RANGE, container=None, candidates=(SIDE, lost), group_kills=0)
    assert investigate(counted, SNAPSHOT, CONTEXT).victims == ()
    named = investigate(replace(counted, candidates=(SIDE, APP)), SNAPSHOT, CONTEXT)
    assert [victim.pid for victim in named.victims] == [4242]


def test_a_line_that_only_names_the_pod_may_belong_to_any_candidate() -> None:
    counted = replace(RANGE, container=None, candidates=(SIDE,), group_kills=0)
    placed = replace(LOG, constraint=Constraint(1.0, f"/{POD.path}", f"/{POD.path}", 4242))
    assert investigate(counted, replace(SNAPSHOT, log=(placed,)), CONTEXT).victims == LOG.victims
