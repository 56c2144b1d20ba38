import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.metrics.exposition import Sample, exposition, single
from oomwarden.core.metrics.family import Family, MetricType, counter, gauge
from oomwarden.core.metrics.histogram import Histogram
from prometheus_client.parser import text_string_to_metric_families

KILLS = counter("kills", "Kills, by pod", ("pod", "cause"))
AGE = gauge("age_seconds", "Age")
WAITS = Family("waits_seconds", MetricType.HISTOGRAM, "Waits", ("queue",), buckets=(0.1, 1.0))


def parsed(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the value of each series, as Prometheus's own parser reads it."""
    families = text_string_to_metric_families(text.decode())
    return {
        (each.name, tuple(each.labels.items())): each.value
        for family in families
        for each in family.samples
    }


@given(st.lists(st.tuples(st.text(), st.text()), unique=True), st.floats(allow_nan=False))
def test_prometheus_reads_back_any_label_and_any_value(
    labels: list[tuple[str, str]], value: float
) -> None:
    encodable = [tuple(each.encode("utf-8", "replace").decode() for each in one) for one in labels]
    samples = [Sample((pod, cause), value) for pod, cause in dict.fromkeys(encodable)]
    expected = {
        ("oomwarden_kills_total", (("pod", each.labels[0]), ("cause", each.labels[1]))): value
        for each in samples
    }
    assert parsed(exposition([(KILLS, samples)])) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, b"3"),
        (3.0, b"3"),
        (0.5, b"0.5"),
        (math.inf, b"+Inf"),
        (2.0**60, b"1.152921504606847e+18"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, text: bytes) -> None:
    assert exposition([single(AGE, value)]).splitlines()[-1] == b"oomwarden_age_seconds " + text


def test_a_family_without_series_is_left_out() -> None:
    assert exposition([(KILLS, ()), single(AGE, 1)]) == (
        b"# HELP oomwarden_age_seconds Age\n# TYPE oomwarden_age_seconds gauge\n"
        b"oomwarden_age_seconds 1\n"
    )


def test_the_buckets_of_a_histogram_are_cumulative() -> None:
    waits = Histogram(WAITS)
    for seconds in (0.05, 0.1, 0.7, 30):
        waits.observe(seconds, "policies")
    found = parsed(exposition([(WAITS, waits.samples())]))
    queue = ("queue", "policies")
    assert found == {
        ("waits_seconds_bucket", (queue, ("le", "0.1"))): 2,
        ("waits_seconds_bucket", (queue, ("le", "1"))): 3,
        ("waits_seconds_bucket", (queue, ("le", "+Inf"))): 4,
        ("waits_seconds_sum", (queue,)): pytest.approx(30.85),
        ("waits_seconds_count", (queue,)): 4,
    }
