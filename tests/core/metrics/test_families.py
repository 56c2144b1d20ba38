import re

from oomwarden.core.metrics.families.containers import CONTAINER_FAMILIES
from oomwarden.core.metrics.families.nodes import (
    DETECTION_FAMILIES,
    ENFORCEMENT_FAMILIES,
    LEDGER_FAMILIES,
)
from oomwarden.core.metrics.families.operator import OPERATOR_FAMILIES
from oomwarden.core.metrics.families.process import PROCESS_FAMILIES
from oomwarden.core.metrics.family import Family, MetricType

ALL: tuple[Family, ...] = (
    *CONTAINER_FAMILIES,
    *LEDGER_FAMILIES,
    *ENFORCEMENT_FAMILIES,
    *DETECTION_FAMILIES,
    *OPERATOR_FAMILIES,
    *PROCESS_FAMILIES,
)


def test_every_metric_has_a_name_of_its_own() -> None:
    names = [each.name for each in ALL]
    assert sorted(set(names)) == sorted(names)


def test_a_counter_ends_in_total_and_nothing_else_does() -> None:
    wrong = [
        each.name
        for each in ALL
        if each.name.endswith("_total") != (each.type is MetricType.COUNTER)
    ]
    assert wrong == []


def test_names_and_labels_are_those_of_prometheus() -> None:
    words = [each.name for each in ALL] + [label for each in ALL for label in each.labels]
    assert [each for each in words if not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", each)] == []


def test_every_help_is_one_text_without_a_full_stop() -> None:
    assert [each.name for each in ALL if each.help.endswith(".") or "\n" in each.help] == []


def test_a_histogram_has_rising_buckets() -> None:
    buckets = [each.buckets for each in ALL if each.type is MetricType.HISTOGRAM]
    assert buckets
    assert all(list(each) == sorted(set(each)) != [] for each in buckets)
