import re

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.models.oomkill import OOMKill
from oomwarden.api.oomkill import Cause
from oomwarden.api.vocabulary import MAX_HISTORY
from oomwarden.core.incidents.incident import investigate
from oomwarden.core.incidents.memory_history import (
    MemoryTimeline,
    ProcessUsage,
    UsageDetail,
    UsageSample,
)
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.core.records.event import note
from oomwarden.core.records.metadata import node_label, record_name
from oomwarden.core.records.oomkill import oom_kill, remaining_record, timestamp
from oomwarden.core.records.short_record import short_record

from tests.support.one_kill import APP, CONTEXT, MIB, NOW, RANGE, SIDE, SNAPSHOT


def test_a_record_has_the_container_the_limit_and_the_range() -> None:
    kill = oom_kill(investigate(RANGE, SNAPSHOT, CONTEXT))
    assert kill["container"] == {"name": "app", "type": "App", "id": "a" * 64}
    assert (kill["cause"], kill["limit"], kill["kills"]) == ("ContainerLimit", "32Mi", 1)
    assert kill["victims"][0] | {"command": "ho\\ng", "oomScoreAdj": 992} == kill["victims"][0]
    assert kill["evidence"] == {
        "bootID": "boot", "cgroup": 7, "level": "Pod", "epoch": 0, "from": 2, "to": 4,
        "sources": ["Counters", "KernelLog"],
    }  # fmt: skip
    assert OOMKill.model_validate(kill).time.before == timestamp(NOW)


def test_without_the_log_a_record_has_no_victims() -> None:
    kill = oom_kill(investigate(RANGE, replace(SNAPSHOT, log=()), CONTEXT))
    assert "victims" not in kill
    assert kill["evidence"]["sources"] == ["Counters"]


def test_without_the_log_no_candidate_is_chosen() -> None:
    lost = replace(RANGE, container=None, candidates=(SIDE, APP), group_kills=0)
    incident = investigate(lost, replace(SNAPSHOT, log=()), CONTEXT)
    assert (incident.container, incident.candidates) == (None, ("app", "side"))
    assert (incident.kills, incident.verdict.cause) == (2, Cause.CONTAINER_LIMIT)
    kill = oom_kill(incident)
    assert kill["container"] == {"candidates": ["app", "side"]}
    assert "one of the containers app, side" in note(incident)


def test_a_name_is_valid_even_for_the_longest_pod_name() -> None:
    name = record_name("a" * 253, "boot", 1, 0, 0)
    assert len(name) <= 253
    assert name != record_name("a" * 253, "boot", 1, 0, 1)


def test_the_rest_of_a_range_is_a_record_of_its_own() -> None:
    kill = oom_kill(investigate(RANGE, SNAPSHOT, CONTEXT))
    rest = remaining_record(kill, 3)
    assert (rest["evidence"]["from"], rest["evidence"]["to"]) == (3, 4)
    assert rest["metadata"]["name"] != kill["metadata"]["name"]


def test_a_record_has_the_memory_before_the_kill() -> None:
    hog = ProcessUsage(4242, b"ho\ng", 25 * MIB, 992)
    near = UsageDetail(
        UsageSample(NOW - 2, 30 * MIB), Composition(26 * MIB, 4 * MIB, 3 * MIB), 2, (hog,)
    )
    samples = (UsageSample(NOW - 12, 20 * MIB), UsageSample(NOW - 2, 30 * MIB))
    context = replace(CONTEXT, memory=MemoryTimeline(samples[-1], samples, near))
    kill = oom_kill(replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=context))
    assert kill["memory"].pop("pattern")["name"] == "Unknown"
    assert kill["memory"] == {
        "at": timestamp(NOW - 2),
        "usage": "30Mi",
        "detail": {
            "at": timestamp(NOW - 2),
            "usage": "30Mi",
            "anon": "26Mi",
            "file": "4Mi",
            "shmem": "3Mi",
            "processCount": 2,
            "processes": [{"pid": 4242, "command": "ho\\ng", "rss": "25Mi", "oomScoreAdj": 992}],
        },
        "samples": [
            {"at": timestamp(NOW - 12), "usage": "20Mi"},
            {"at": timestamp(NOW - 2), "usage": "30Mi"},
        ],
    }
    assert OOMKill.model_validate(kill).memory is not None


def test_a_record_has_hours_of_history_and_what_they_look_like() -> None:
    history = tuple(UsageSample(NOW - 28800 + n * 300, (10 + n // 5) * MIB) for n in range(95))
    last = UsageSample(NOW - 2, 30 * MIB)
    context = replace(CONTEXT, memory=MemoryTimeline(last, (last,), history=history))
    memory = oom_kill(replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=context))["memory"]
    assert len(memory["history"]) == MAX_HISTORY
    assert memory["history"][0] == {
        "at": f"{timestamp(NOW - 28800).partition('.')[0]}Z",
        "usage": "10Mi",
    }
    assert memory["pattern"]["name"] == "Leak"
    assert 0 < len(memory["pattern"]["evidence"]) <= 256


def test_memory_that_was_not_read_before_the_kill_is_left_out() -> None:
    context = replace(
        CONTEXT,
        memory=MemoryTimeline(UsageSample(NOW, MIB), (), UsageDetail(UsageSample(NOW, 0), None, 0)),
    )
    kill = oom_kill(replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=context))
    assert kill["memory"]["detail"] == {"at": timestamp(NOW), "usage": "0", "processCount": 0}
    assert "samples" not in kill["memory"]
    assert "memory" not in oom_kill(investigate(RANGE, SNAPSHOT, CONTEXT))


LONG = "worker-0." + ".".join(["a" * 20] * 3) + ".example.com"


def test_a_node_name_that_is_too_long_for_a_label_is_cut_and_stays_unique() -> None:
    kill = oom_kill(
        replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=replace(CONTEXT, node=LONG))
    )
    label = kill["metadata"]["labels"]["oomwarden.io/node"]
    assert (kill["node"], len(LONG), len(label)) == (LONG, 83, 63)
    assert label.startswith(LONG[:54])
    assert node_label(LONG + "2") != label
    kill = oom_kill(
        replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=replace(CONTEXT, node="a" * 63))
    )
    assert kill["metadata"]["labels"]["oomwarden.io/node"] == "a" * 63


@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True))
def test_every_label_is_valid_whatever_the_nodes_name(node: str) -> None:
    kill = oom_kill(
        replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=replace(CONTEXT, node=node))
    )
    valid = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
    for value in kill["metadata"]["labels"].values():
        assert len(value) <= 63
        assert re.fullmatch(valid, value)
    label = kill["metadata"]["labels"]["oomwarden.io/node"]
    assert label == node if len(node) <= 63 else label.startswith(node[:54])


def test_records_of_two_nodes_with_the_same_boot_id_have_different_names() -> None:
    names = {
        oom_kill(
            replace(investigate(RANGE, SNAPSHOT, CONTEXT), context=replace(CONTEXT, node=node))
        )["metadata"]["name"]
        for node in ("a", "b")
    }
    assert len(names) == 2


def test_a_short_record_has_its_name_its_counts_and_its_evidence() -> None:
    kill = oom_kill(investigate(RANGE, SNAPSHOT, CONTEXT))
    short = short_record(kill | {"cause": "NewCause", "newFact": 1, "limit": "odd"})
    assert OOMKill.model_validate(short).evidence.end == 4
    assert short["metadata"] == kill["metadata"] | {
        "labels": kill["metadata"]["labels"] | {"oomwarden.io/cause": "Unknown"}
    }
    assert (short["cause"], short["kills"], short["groupKill"]) == ("Unknown", 1, True)
    assert short["container"] == {"name": "app", "id": "a" * 64}
    assert {"victims", "limit", "newFact", "policy"}.isdisjoint(short)
