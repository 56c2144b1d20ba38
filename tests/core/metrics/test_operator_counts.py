"""All families of the operator are served, with every value of a label from the start."""

from collections import Counter

import pytest
from msgspec.structs import replace
from oomwarden.core.metrics.exposition import Sample, exposition
from oomwarden.core.metrics.families.operator import (
    DELETED_OOMKILLS,
    NODES,
    OPERATOR_FAMILIES,
    QUEUE_LENGTH,
    RECONCILE_DURATION,
    RESIZES,
    RESPONSES,
    RETAINED_OOMKILLS,
    NodeActivity,
    ResizeResult,
    WorkQueue,
)
from oomwarden.core.metrics.operator_counts import OperatorCounts, OperatorState
from prometheus_client.parser import text_string_to_metric_families

STATE = OperatorState({WorkQueue.POLICIES: 3}, {NodeActivity.REPORTING: 2}, 7, 1, 5)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def counts(clock: Clock | None = None) -> OperatorCounts:
    return OperatorCounts(clock or Clock(), Counter(Age=0, Pod=0))


def test_all_families_are_served_and_no_other() -> None:
    made = counts()
    made.responded("shop", "RaisedLimit")
    served = [family for family, samples in made.families(STATE) if samples]
    assert served == list(OPERATOR_FAMILIES)


def test_every_value_of_a_label_is_shown_from_the_start() -> None:
    found = dict(counts().families(STATE))
    assert found[QUEUE_LENGTH] == [
        Sample(("policies",), 3), Sample(("resizes",), 0), Sample(("responses",), 0),
    ]  # fmt: skip
    assert found[NODES] == [Sample(("Reporting",), 2), Sample(("Silent",), 0)]
    assert found[DELETED_OOMKILLS] == [Sample(("Age",), 0), Sample(("Pod",), 0)]
    assert found[RESIZES] == [Sample((each,), 0) for each in ResizeResult]
    observed = [each for each in found[RECONCILE_DURATION] if each.suffix == "_count"]
    assert observed == [Sample((each,), 0, "_count") for each in WorkQueue]
    assert found[RESPONSES] == []


def test_what_is_not_known_yet_is_left_out() -> None:
    found = counts().families(replace(STATE, nodes=None, retained=None))
    served = {family for family, samples in found if samples}
    assert served.isdisjoint({NODES, RETAINED_OOMKILLS})


def test_the_time_of_a_failed_attempt_counts_too() -> None:
    clock = Clock()
    made = counts(clock)

    def fail() -> None:
        clock.now += 0.3
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"), made.timed(WorkQueue.RESIZES):
        fail()
    samples = dict(made.families(STATE))[RECONCILE_DURATION]
    found = {each.bound or each.suffix: each.value for each in samples if "resizes" in each.labels}
    assert (found["0.1"], found["0.5"], found["+Inf"], found["_count"]) == (0, 1, 1, 1)
    assert found["_sum"] == pytest.approx(0.3)


def test_prometheus_reads_what_tenants_and_the_api_server_named() -> None:
    clock = Clock()
    made = counts(clock)
    made.responded('sh"op\n', "Raised\\Limit")
    clock.now += 100
    page = exposition(made.families(STATE)).decode()
    families = {each.name: each for each in text_string_to_metric_families(page)}
    (sample,) = families["oomwarden_operator_responses"].samples
    assert sample.labels == {"namespace": 'sh"op\n', "reason": "Raised\\Limit"}
    assert sample.value == 1
