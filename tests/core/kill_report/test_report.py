"""Sums of a report agree with the records, whatever these are."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.history.kill_record import KillRecord, read_record
from oomwarden.core.kill_report.groups import over_time
from oomwarden.core.kill_report.period import Period, within
from oomwarden.core.kill_report.report import MAX_NODES, MAX_WORKLOADS, KillReport, build_report

from tests.support.kill_objects import oomkill
from tests.support.many_kills import NOW, many_records, memory, stamp

WEEK = Period(NOW - timedelta(days=7), NOW)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["pod", "container", "cause", "limit", "kills", "victims", "memory", "podMemory", "time",
     "policy", "status", "node", "reducedBy", "groupKill"]
)  # fmt: skip


def made(*records: KillRecord) -> KillReport:
    return build_report("all namespaces", NOW, WEEK, records)


def kill(name: str = "a", hours: float = 1.0, **changes: Any) -> KillRecord:  # noqa: ANN401 - JSON
    time = {"before": stamp(NOW - timedelta(hours=hours))}
    return read_record(oomkill(name, time=time, **changes))


@given(count=st.integers(0, 120), services=st.integers(0, 40))
def test_each_sum_agrees_with_the_records_of_the_period(count: int, services: int) -> None:
    records = many_records(count, services)
    report = made(*records)
    kills = sum(each.kills for each in within(WEEK, records))
    before = sum(each.kills for each in within(WEEK.previous, records))
    assert report.figures.kills == kills
    assert report.previous.kills == before
    assert sum(each.kills for each in report.over_time) == kills
    assert sum(each.kills for each in report.causes) == kills
    workloads = sum(each.kills for each in report.workloads)
    assert workloads + report.workloads_left_out.kills == kills
    assert all(sum(each.over_time) == each.kills for each in report.workloads)
    assert sum(each.kills for each in report.nodes) + report.nodes_left_out.kills == kills
    answers = report.responses
    refused = sum(number for _, number in answers.not_raised)
    assert answers.raised + refused + answers.unanswered == kills


@given(changes=st.dictionaries(FIELDS, JSON))
def test_no_record_makes_it_fail(changes: dict[str, Any]) -> None:
    time = {"before": stamp(NOW - timedelta(hours=1))}
    read = read_record({**oomkill("a", time=time), **changes})
    made(read, kill("b"))


def test_lists_are_bounded_and_say_what_they_leave_out() -> None:
    records = [
        kill(
            f"k{n}", pod={"name": f"p{n}", "owner": {"kind": "Job", "name": f"j{n}"}}, node=f"n{n}"
        )
        for n in range(40)
    ]
    report = made(*records)
    assert len(report.workloads) == MAX_WORKLOADS
    assert report.workloads_left_out.entries == 40 - MAX_WORKLOADS
    assert len(report.nodes) == MAX_NODES
    assert report.nodes_left_out.kills == 40 - MAX_NODES


def test_the_order_of_the_records_does_not_matter() -> None:
    records = many_records(60)
    assert made(*records) == made(*records[::-1])


def test_a_record_of_the_last_moment_counts_and_the_end_does_not() -> None:
    report = made(kill("a", hours=0), kill("b", hours=0.001))
    assert report.figures.records == 1


def test_a_cause_that_is_not_known_is_named_and_drawn_as_unknown() -> None:
    (bar,) = [each for each in over_time(WEEK, [kill(cause="Novel")]) if each.kills]
    assert bar.causes == (("Unknown", 1),)
    (cause,) = made(kill(cause="Novel")).causes
    assert cause.cause == "Novel"
    assert "does not know it" in cause.meaning


def test_limits_that_changed_are_in_the_order_in_which_they_were_hit() -> None:
    hit = [kill(f"k{n}", hours=9 - n, limit=limit) for n, limit in enumerate(["1Gi", "2Gi", "1Gi"])]
    (workload,) = made(*hit).workloads
    assert workload.limits_bytes == (2 << 30, 1 << 30)


def test_the_worst_are_one_of_each_workload_first_and_have_readings() -> None:
    series = memory(NOW - timedelta(hours=1), "Leak", 512, random.Random(1))
    worker = {"name": "w-1", "uid": "w", "owner": {"kind": "Job", "name": "w"}}
    worst = made(
        kill("silent", kills=90), kill("seen", memory=series, kills=2), kill("w", pod=worker)
    ).worst
    assert [each.record for each in worst] == ["seen", "w", "silent"]
    assert len(worst[0].usage.points) == 31
    assert worst[0].usage.points[0].at == -300


def test_caveats_name_merged_reduced_unknown_and_old_records() -> None:
    report = made(
        kill("merged", kills=7),
        kill("reduced", reducedBy="NamespaceFull"),
        kill("unknown", cause="Unknown"),
        kill("unnamed", container={"candidates": ["a", "b"]}),
        read_record(oomkill("undated", time={})),
    )
    text = "\n".join(report.caveats)
    assert "1 of 4 records cover 7 kills" in text
    assert "Records with fewer details: 1" in text
    assert "The cause of 1 kill is unknown" in text
    assert "1 kill could not be attributed to one container" in text
    assert "records without a readable time: 1" in text
    assert "nothing is known of the time before" in text


def test_an_older_record_says_that_the_comparison_is_complete() -> None:
    report = made(kill("a"), kill("b", hours=24 * 20))
    assert "Old records are deleted" not in "\n".join(report.caveats)
    assert report.last_kill == NOW - timedelta(hours=1)
