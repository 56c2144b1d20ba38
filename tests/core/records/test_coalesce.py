from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.models.oomkill import OOMKill
from oomwarden.core.records.coalesce import account_of, container_of, merge
from oomwarden.core.records.metadata import record_name
from oomwarden.core.records.outbox_row import OutboxRow

POD = "api-7d9f"


def draft(start: int, end: int, container: str = "app", **facts: object) -> OutboxRow:
    name = record_name(POD, "b", 7, 0, start)
    evidence = {"bootID": "b", "cgroup": 7, "level": "Pod", "epoch": 0, "from": start, "to": end}
    kill: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "shop", "labels": {"oomwarden.io/node": "n"}},
        "node": "n",
        "pod": {"name": POD, "uid": "u"},
        "container": {"name": container, "type": "App", "id": f"{start:064}"},
        "cause": "ContainerLimit",
        "limit": "32Mi",
        "kills": 1,
        "time": {"after": f"2026-01-02T03:{start:02}:00.000000Z",
                 "before": f"2026-01-02T03:{end:02}:00.000000Z"},
        "evidence": {**evidence, "sources": ["Counters"]},
    }  # fmt: skip
    event = {"metadata": {"name": name, "namespace": "shop"}, "eventTime": kill["time"]["before"]}
    return OutboxRow(kill | facts, event)


def ranges(drafts: list[OutboxRow]) -> list[tuple[str, int, int]]:
    return [(container_of(one.kill), one.start, one.end) for one in drafts]


def test_a_fork_loop_becomes_one_record() -> None:
    (merged,) = merge([draft(n, n + 1) for n in range(40)])
    assert (merged.start, merged.end, merged.kill["kills"]) == (0, 40, 40)
    assert merged.kill["time"] == {
        "after": "2026-01-02T03:00:00.000000Z", "before": "2026-01-02T03:40:00.000000Z",
    }  # fmt: skip
    assert OOMKill.model_validate(merged.kill).limit == "32Mi"


def test_each_container_has_its_own_record_in_consecutive_ranges() -> None:
    block = [draft(0, 2, "b"), draft(2, 3, "a"), draft(3, 6, "b"), draft(6, 7, "a")]
    merged = merge(block)
    assert ranges(merged) == [("b", 0, 5), ("a", 5, 7)]
    assert [one.kill["kills"] for one in merged] == [2, 2]


def test_a_record_and_its_event_are_named_after_the_new_start() -> None:
    merged = merge([draft(0, 2, "b"), draft(2, 3, "a"), draft(3, 6, "b")])
    for one in merged:
        name = record_name(POD, "b", 7, 0, one.start, "n")
        assert one.event is not None
        assert (one.kill["metadata"]["name"], one.event["metadata"]["name"]) == (name, name)


def test_ranges_that_are_not_consecutive_are_not_merged() -> None:
    apart = [draft(0, 2), draft(3, 4)]
    assert merge(apart) == apart


def test_a_single_record_is_unchanged() -> None:
    assert merge([draft(3, 4)]) == [draft(3, 4)]


def test_different_causes_become_unknown_even_in_the_label() -> None:
    (merged,) = merge([draft(0, 1), draft(1, 2, cause="PodLimit")])
    assert merged.kill["cause"] == "Unknown"
    assert merged.kill["metadata"]["labels"]["oomwarden.io/cause"] == "Unknown"


def test_facts_that_differ_are_left_out() -> None:
    policy = {"kind": "OOMPolicy", "name": "p"}
    (merged,) = merge(
        [draft(0, 1, policy=policy, enforcedAt="Pod"), draft(1, 2, limit="64Mi", policy=policy)]
    )
    assert "limit" not in merged.kill
    assert "enforcedAt" not in merged.kill
    assert merged.kill["policy"] == policy


def test_the_id_of_a_restarted_container_is_left_out() -> None:
    (merged,) = merge([draft(0, 1), draft(1, 2)])
    assert merged.kill["container"] == {"name": "app", "type": "App"}


def test_records_with_the_same_candidates_are_merged() -> None:
    either = {"candidates": ["a", "b"]}
    merged = merge([draft(0, 1, container=""), draft(1, 2)])
    assert len(merged) == 2
    (one,) = merge(
        [OutboxRow(d.kill | {"container": either}, None) for d in (draft(0, 1), draft(1, 2))]
    )
    assert one.kill["container"] == either
    assert one.event is None


def test_group_kills_and_others_are_not_added_up() -> None:
    merged = merge(
        [draft(0, 2, groupKill=True), draft(2, 3, groupKill=False), draft(3, 5, groupKill=True)]
    )
    assert ranges(merged) == [("app", 0, 4), ("app", 4, 5)]
    assert [one.kill["groupKill"] for one in merged] == [True, False]


def test_sixteen_victims_are_listed_once_each() -> None:
    def victims(*pids: int) -> list[dict[str, Any]]:
        return [{"pid": pid, "command": f"c{pid}"} for pid in pids]

    (merged,) = merge(
        [
            draft(0, 10, victims=victims(*range(10))),
            draft(10, 11),
            draft(11, 30, victims=victims(*range(5, 25))),
        ]
    )
    assert [victim["pid"] for victim in merged.kill["victims"]] == list(range(16))
    (without,) = merge([draft(0, 1), draft(1, 2)])
    assert "victims" not in without.kill


def test_an_unknown_start_time_stays_unknown() -> None:
    (merged,) = merge([draft(0, 1), draft(1, 2, time={"before": "2026-01-02T03:09:00.000000Z"})])
    assert merged.kill["time"] == {"before": "2026-01-02T03:09:00.000000Z"}


def test_sources_are_joined_and_the_last_known_memory_is_kept() -> None:
    second = draft(1, 2, memory={"usage": "30Mi"})
    second.kill["evidence"]["sources"] = ["Counters", "KernelLog"]
    (merged,) = merge([draft(0, 1, memory={"usage": "1Mi"}), second, draft(2, 3)])
    assert merged.kill["evidence"]["sources"] == ["Counters", "KernelLog"]
    assert merged.kill["memory"] == {"usage": "30Mi"}


def test_pods_boots_and_epochs_have_accounts_of_their_own() -> None:
    kill = draft(0, 1).kill
    others = [
        kill | {"pod": {"name": POD, "uid": "v"}},
        kill | {"evidence": kill["evidence"] | {"bootID": "c"}},
        kill | {"evidence": kill["evidence"] | {"epoch": 1}},
        kill | {"evidence": kill["evidence"] | {"cgroup": 8}},
    ]
    assert len({account_of(each) for each in [kill, *others]}) == 5


BLOCKS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.integers(0, 1), st.integers(1, 5)),
    max_size=12,
)


@given(BLOCKS)
def test_merging_keeps_every_increment_and_every_kill(
    steps: list[tuple[str, int, int, int]],
) -> None:
    drafts, at = [], 0
    for container, size, gap, kills in steps:
        drafts.append(draft(at + gap, at + gap + size, container, kills=kills))
        at += gap + size
    merged = merge(drafts)
    covered = [n for one in merged for n in range(one.start, one.end)]
    assert covered == [n for one in drafts for n in range(one.start, one.end)]
    assert sum(one.kill["kills"] for one in merged) == sum(one.kill["kills"] for one in drafts)
    for container in "abc":
        lengths = [
            sum(one.end - one.start for one in some if container_of(one.kill) == container)
            for some in (drafts, merged)
        ]
        assert lengths[0] == lengths[1]
    assert merge(merged) == merged
