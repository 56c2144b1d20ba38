from typing import Any

from bench.scale.agents.table import flat, number, report, table


def figures(nodes: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "nodes": nodes, "seconds": 12.0, "requests": 1.5, "received_bytes": 2048.0,
        "sent_bytes": 512.0, "server_cpu_ms": 3.0, "etcd_cpu_ms": 0.5, "watches": 7.0,
        "open_connections": 7.5, "requests_by_name": {"get nodes": 1.0, "watch pods": 0.5},
        "peak_requests_a_second": 40, "spread_seconds": 3, "slowest_response_seconds": 0.25,
        "refused": {},
    } | changes  # fmt: skip


def run(nodes: int, **scenarios: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": nodes, "scenarios": scenarios}


def test_a_table_has_a_column_for_each_fleet_and_how_flat_the_row_is() -> None:
    small, large = figures(100), figures(2000, received_bytes=4096.0)
    lines = table([run(100, quiet=small), run(2000, quiet=large)], "quiet").splitlines()
    assert lines[0].split() == ["quiet,", "per", "node", "and", "minute",
                                "100", "nodes", "2000", "nodes", "greatest/least"]  # fmt: skip
    assert any(line.split() == ["KiB", "received", "2.00", "4.00", "2.00"] for line in lines)
    assert len({len(line) for line in lines}) == 1


def test_requests_that_only_one_fleet_sent_are_0_in_the_others() -> None:
    other = figures(500, requests_by_name={"list pods": 2.0})
    text = table([run(100, start=figures(100)), run(500, start=other)], "start")
    assert any(
        line.split() == ["list", "pods", "0.00", "2.00", "inf"] for line in text.splitlines()
    )


def test_responses_that_were_refused_are_shown_only_if_there_are_any() -> None:
    assert "429" not in table([run(100, start=figures(100))], "start")
    refused = figures(100, refused={"429": 200})
    text = table([run(100, start=refused)], "start")
    assert any(line.split() == ["answered", "429", "2.00"] for line in text.splitlines())


def test_a_scenario_that_did_not_run_has_no_table() -> None:
    assert table([run(100)], "quiet") == ""


def test_numbers_have_as_many_digits_as_they_need() -> None:
    assert [number(each) for each in (0.004, 9.99, 10.04, 1234.5)] == [
        "0.00", "9.99", "10.0", "1,234",
    ]  # fmt: skip


def test_the_figures_of_a_run_are_one_mapping_for_comparisons() -> None:
    found = flat(run(100, quiet=figures(100)))
    assert found["quiet: requests"] == 1.5
    assert found["quiet: KiB received"] == 2.0
    assert found["quiet: watches"] == 7.0


def test_figures_of_an_earlier_run_have_a_column_of_their_own() -> None:
    before = run(100, quiet=figures(100)) | {"label": " before"}
    text = report([before, run(100, quiet=figures(100, requests=3.0))])
    head, *lines = text.splitlines()
    assert "100 nodes before" in head
    assert any(line.split() == ["requests", "1.50", "3.00", "2.00"] for line in lines)


def test_a_report_has_the_tables_of_all_scenarios() -> None:
    text = report([run(100, quiet=figures(100)), run(500, start=figures(500))])
    assert [each.splitlines()[0].split(",")[0] for each in text.split("\n\n")] == ["quiet", "start"]
