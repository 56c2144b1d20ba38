from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scale.agents.players import merged
from bench.scale.agents.server import samples, total
from bench.scale.agents.sums import Span, figures, flatness, peak, spread_of
from bench.scale.agents.traffic import request_name

SECONDS = st.dictionaries(st.integers(0, 50).map(str), st.integers(1, 100), max_size=20)


def state(**changes: object) -> dict[str, object]:
    numbers = dict.fromkeys(
        ("sent", "received", "connections", "watch_events", "server_cpu", "etcd_cpu", "lost",
         "slowest", "watches", "open", "server_mebibytes"), 0,
    )  # fmt: skip
    mappings: dict[str, object] = {
        key: {} for key in ("requests", "bodies", "refused", "by_second")
    }
    return numbers | mappings | changes


def test_what_rose_is_divided_by_the_nodes() -> None:
    before = state(requests={"get nodes": 10}, received=1000, server_cpu=1.0)
    after = state(requests={"get nodes": 30, "list pods": 10}, received=5000, server_cpu=3.0)
    found = figures(Span(10, 60.0, before, after))
    assert found["requests_by_name"] == {"get nodes": 2.0, "list pods": 1.0}
    assert (found["requests"], found["received_bytes"]) == (3.0, 400.0)
    assert found["server_cpu_ms"] == 200.0


def test_figures_for_a_minute_do_not_depend_on_how_long_was_measured() -> None:
    before = state()
    short = figures(Span(10, 60.0, before, state(sent=600)), minutely=True)
    long = figures(Span(10, 300.0, before, state(sent=3000)), minutely=True)
    assert short["sent_bytes"] == long["sent_bytes"] == 60.0


def test_what_the_server_takes_without_agents_is_not_theirs() -> None:
    found = figures(Span(10, 100.0, state(), state(server_cpu=3.0), idle=0.02))
    assert found["server_cpu_ms"] == pytest.approx(100.0)
    less = figures(Span(10, 100.0, state(), state(server_cpu=1.0), idle=0.02))
    assert less["server_cpu_ms"] == 0.0


def test_watches_and_connections_are_a_nodes_share_of_what_is_open() -> None:
    found = figures(Span(10, 1.0, state(), state(watches=70, open=80)))
    assert (found["watches"], found["open_connections"]) == (7.0, 8.0)


def test_the_peak_is_the_busiest_second() -> None:
    assert peak({"1": 5, "2": 9, "7": 1}) == 9
    assert peak({}) == 0


def test_most_requests_fell_within_this_time() -> None:
    assert spread_of({"10": 90, "20": 10}) == 1
    assert spread_of({"10": 50, "11": 40, "20": 10}) == 2
    assert spread_of({"10": 80, "20": 20}) == 11
    assert spread_of({}) == 0


@given(SECONDS)
def test_the_time_of_most_requests_is_the_shortest_that_has_them(by_second: dict[str, int]) -> None:
    numbers = {int(second): count for second, count in by_second.items()}
    wanted, seconds = 0.9 * sum(numbers.values()), range(51)
    lengths = [
        end - start + 1
        for start in seconds
        for end in range(start, 51)
        if numbers and sum(numbers.get(each, 0) for each in range(start, end + 1)) >= wanted
    ]
    assert spread_of(by_second) == min(lengths, default=0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2.0, 2.0, 2.0], 1.0), ([2.0, 3.0, 4.0], 2.0), ([4.0, 2.0, 4.0], 2.0), ([0.0, 0.0], 1.0)],
)
def test_flatness_is_the_greatest_value_in_relation_to_the_least(
    values: list[float], expected: float
) -> None:
    assert flatness(values) == expected


def test_a_value_that_appears_from_nothing_is_not_flat() -> None:
    assert flatness([0.0, 1.0]) == float("inf")


def test_states_of_processes_are_added_and_times_compared() -> None:
    found = merged(
        [
            {"requests": Counter(a=1), "sent": 5, "slowest": 0.5, "last_written": 7.0},
            {"requests": {"a": 2, "b": 3}, "sent": 6, "slowest": 0.2, "last_written": 9.0},
        ]
    )
    assert found == {"requests": {"a": 3, "b": 3}, "sent": 11, "slowest": 0.5, "last_written": 9.0}


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", "list pods"),
        ("GET", "/api/v1/pods?watch=true&resourceVersion=5", "watch pods"),
        ("GET", "/api/v1/pods?watch=true&sendInitialEvents=true", "stream pods"),
        ("GET", "/api/v1/nodes/n1", "get nodes"),
        ("GET", "/api/v1/namespaces", "list namespaces"),
        ("GET", "/api/v1/namespaces/shop", "get namespaces"),
        ("GET", "/api/v1/namespaces/oomwarden/configmaps?watch=true", "watch configmaps"),
        ("POST", "/apis/oomwarden.io/v1alpha1/namespaces/a/oomkills", "create oomkills"),
        ("PATCH", "/apis/oomwarden.io/v1alpha1/oomnodes/n1/status", "patch oomnodes/status"),
        ("PUT", "/api/v1/namespaces/a/pods/p/resize", "update pods/resize"),
        ("GET", "/readyz", "get /readyz"),
    ],
)
def test_requests_are_named_as_the_api_server_names_them(
    method: str, target: str, name: str
) -> None:
    assert request_name(method, target) == name


METRICS = """\
# TYPE apiserver_longrunning_requests gauge
apiserver_longrunning_requests{group="",resource="pods",verb="WATCH"} 7
apiserver_longrunning_requests{group="",resource="nodes",verb="WATCH"} 1e+01
apiserver_longrunning_requests_of_others{verb="WATCH"} 99
go_goroutines 2290
"""


def test_metrics_of_the_api_server_are_summed_by_label() -> None:
    assert total(METRICS, "apiserver_longrunning_requests") == 17
    assert total(METRICS, "apiserver_longrunning_requests", resource="pods") == 7
    assert total(METRICS, "go_goroutines") == 2290
    assert list(samples(METRICS, "missing")) == []
