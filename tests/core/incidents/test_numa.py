"""NUMA nodes that ran out of memory while others may have memory free."""

import pytest
from msgspec.structs import replace
from oomwarden.api.models.oomkill import OOMKill
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.incident import Incident, investigate
from oomwarden.core.kernel_log.kills import LogAssembler, LogKill
from oomwarden.core.kernel_log.lines import parse_events, parse_records
from oomwarden.core.records.coalesce import merge
from oomwarden.core.records.event import note
from oomwarden.core.records.oomkill import oom_kill
from oomwarden.core.records.outbox_row import OutboxRow

from tests.support.one_kill import APP, CONTEXT, RANGE, SNAPSHOT
from tests.support.printk import PrintedKill, Printk

CPUSET, POLICY = b"CONSTRAINT_CPUSET", b"CONSTRAINT_MEMORY_POLICY"


def killed(constraint: bytes, mems: bytes, mask: bytes = b"(null)", pid: int = 42) -> LogKill:
    ring, path = Printk(), f"/{APP.path}"
    ring.kill("T1", PrintedKill(None, path, b"hog", pid, b"x", constraint, mask, mems))
    (kill,) = LogAssembler().feed(parse_events(parse_records(ring.text)))
    return kill


def found(*kills: LogKill) -> Incident:
    return investigate(replace(RANGE, group_kills=0), replace(SNAPSHOT, log=kills), CONTEXT)


@pytest.mark.parametrize(
    ("constraint", "mems", "mask", "text"),
    [
        (CPUSET, b"4", b"(null)", "(CONSTRAINT_CPUSET, mems_allowed=4)"),
        (CPUSET, b"0-1,3", b"(null)", "(CONSTRAINT_CPUSET, mems_allowed=0-1,3)"),
        (POLICY, b"0-3", b"0,2", "(CONSTRAINT_MEMORY_POLICY, nodemask=0,2, mems_allowed=0-3)"),
    ],
)
def test_the_constraint_and_its_nodes_are_reported(
    constraint: bytes, mems: bytes, mask: bytes, text: str
) -> None:
    incident = found(killed(constraint, mems, mask))
    assert incident.verdict.cause is Cause.NUMA_NODES_OUT_OF_MEMORY
    line = note(incident)
    assert f"because the NUMA nodes that a task may use ran out of memory {text}." in line
    assert "Other NUMA nodes may have memory free" in line
    kill = oom_kill(incident)
    assert kill["cause"] == "NumaNodesOutOfMemory"
    assert kill["numa"]["memsAllowed"] == mems.decode()
    assert kill["numa"].get("nodemask") == (None if mask == b"(null)" else mask.decode())
    assert OOMKill.model_validate(kill).numa is not None


def test_a_machine_out_of_memory_has_no_numa_constraint() -> None:
    incident = found(killed(b"CONSTRAINT_NONE", b"0-1"))
    assert incident.verdict.cause is Cause.NODE_OUT_OF_MEMORY
    assert "numa" not in oom_kill(incident)


def test_kills_with_several_sets_of_nodes_have_one_cause_and_name_no_nodes() -> None:
    incident = found(killed(CPUSET, b"4"), killed(CPUSET, b"5", pid=43))
    assert (incident.verdict.cause, incident.verdict.numa) == (Cause.NUMA_NODES_OUT_OF_MEMORY, None)
    assert "because the NUMA nodes that a task may use ran out of memory." in note(incident)


def test_merged_records_keep_the_nodes_if_they_agree() -> None:
    kill = oom_kill(found(killed(CPUSET, b"4")))
    evidence = {**kill["evidence"], "from": 4, "to": 5}
    other = {**kill, "numa": {**kill["numa"], "memsAllowed": "5"}, "evidence": evidence}
    (merged,) = merge([OutboxRow(kill, None), OutboxRow({**kill, "evidence": evidence}, None)])
    assert merged.kill["numa"] == kill["numa"]
    (merged,) = merge([OutboxRow(kill, None), OutboxRow(other, None)])
    assert "numa" not in merged.kill
