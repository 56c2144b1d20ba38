import json

import pytest
import yaml

from tests.support.command_line import CommandLine
from tests.support.node_objects import ago, condition, node, oomnode

OOM_NODES = "/apis/oomwarden.io/v1alpha1/oomnodes"
READY = condition("Ready", "Watching", status="True")
LOG = condition("KernelLog", "NotReadable", "grant SYSLOG")
CRON = {
    "service": "cron.service",
    "oomScoreAdj": 0,
    "containers": 2,
    "pod": "shop/db-0",
    "container": "db",
}


@pytest.fixture(autouse=True)
def known_nodes(oom: CommandLine) -> None:
    oom.cluster.resources |= {"nodes"}


def rows(oom: CommandLine, *arguments: str) -> dict[str, list[str]]:
    lines = oom("nodes", "--no-headers", *arguments).lines
    return {line.split()[0]: line.split("   ") for line in lines}


def cells(oom: CommandLine, *arguments: str) -> list[str]:
    (line,) = oom("nodes", "--no-headers", *arguments).lines
    return [cell.strip() for cell in line.split("   ") if cell.strip()]


def test_a_row_has_memory_promises_pressure_and_counts(oom: CommandLine) -> None:
    oom.cluster.add(oomnode(outranked=[CRON], nearMisses={"total": 7}))
    assert cells(oom) == [
        "node-1", "Ready", "3Gi/8Gi", "1.5Gi/2Gi", "never, 80%", "48%", "0.53%", "7", "9", "1",
    ]  # fmt: skip


def test_wide_adds_the_amounts_behind_the_shares(oom: CommandLine) -> None:
    oom.cluster.add(oomnode())
    assert cells(oom, "-o", "wide")[10:15] == ["4Gi", "8.4Gi", "0", "6.12.1", "0.1.0"]


def test_an_older_agent_leaves_figures_unknown(oom: CommandLine) -> None:
    oom.cluster.add(oomnode(memory={"capacity": "16Gi", "available": "1Gi"}))
    assert cells(oom) == ["node-1", "Ready", "1Gi/16Gi", *["<unknown>"] * 5, "9", "<unknown>"]


def test_a_kernel_without_stall_information_or_swap_says_so(oom: CommandLine) -> None:
    memory = oomnode()["status"]["memory"] | {"swapTotal": "0", "swapFree": "0"}
    del memory["psi"]
    oom.cluster.add(oomnode(memory=memory))
    assert cells(oom)[3] == "none"
    assert cells(oom)[6] == "off"
    assert "psi=1" in oom("nodes", "node-1").out


def test_a_limit_that_the_settings_do_not_result_in_is_marked(oom: CommandLine) -> None:
    memory = oomnode()["status"]["memory"]
    memory["hugePages"] = "1Gi"
    oom.cluster.add(oomnode(memory=memory))
    assert cells(oom)[5] == "48% (limit differs)"
    shown = " ".join(oom("nodes", "node-1").out.split())
    assert "(8Gi RAM - 1Gi huge pages) x 80/100 + 2Gi swap = 7.6Gi, but the kernel shows" in shown


@pytest.mark.parametrize(
    ("conditions", "heartbeat", "shown"),
    [
        ([READY, condition("CgroupWrites", "Off", "off by choice")], 20, "Ready"),
        ([READY, LOG], 20, "Degraded (KernelLog)"),
        ([READY, LOG, condition("Store")], 20, "Degraded (KernelLog +1)"),
        ([condition("Ready"), condition("CgroupV2")], 20, "NotReady (CgroupV2)"),
        ([READY], 12 * 60, "Silent (12m)"),
    ],
)
def test_health_is_one_word_and_what_is_wrong(
    oom: CommandLine, conditions: list[dict[str, str]], heartbeat: int, shown: str
) -> None:
    oom.cluster.add(oomnode("node-1", *conditions, heartbeat=ago(heartbeat)))
    assert cells(oom)[1] == shown


def test_nodes_without_an_agent_are_listed_if_nodes_may_be_listed(oom: CommandLine) -> None:
    oom.cluster.add(oomnode(), node("node-1"), node("node-2"))
    oom.cluster.add(node("windows", labels={"kubernetes.io/os": "windows"}))
    assert rows(oom)["node-2"][1].strip() == "NoAgent"
    assert set(rows(oom)) == {"node-1", "node-2"}
    oom.cluster.forbid("/api/v1/nodes")
    ran = oom("nodes", "--no-headers")
    assert (ran.code, [line.split()[0] for line in ran.lines]) == (0, ["node-1"])
    assert ran.err == "note: you may not list nodes, so nodes without an agent are not shown\n"


def test_an_oomnode_without_a_status_has_no_report(oom: CommandLine) -> None:
    empty = oomnode() | {"status": {}}
    oom.cluster.add(empty)
    assert cells(oom)[1] == "NoReport"
    assert "has not reported yet" in oom("nodes", "node-1").out


def test_rows_are_sorted_with_the_worst_first(oom: CommandLine) -> None:
    stalled = oomnode()["status"]["memory"] | {
        "available": "1Gi",
        "psi": {"some": {"avg60": "9.00"}},
    }
    oom.cluster.add(oomnode("a"), oomnode("b", memory=stalled, kills={"recorded": 10}))
    oom.cluster.add(oomnode("c", READY, LOG, nearMisses={"total": 3}))
    for key, first in {
        "name": "a", "pressure": "b", "free": "b", "kills": "b", "health": "c", "near-misses": "c",
    }.items():  # fmt: skip
        assert next(iter(rows(oom, "--sort-by", key))) == first


def test_a_selector_selects_by_the_labels_of_nodes(oom: CommandLine) -> None:
    oom.cluster.add(oomnode("a"), oomnode("b"), node("a"), node("b", labels={"pool": "batch"}))
    assert set(rows(oom, "-l", "pool=batch")) == {"b"}
    assert oom("nodes", "a", "-l", "pool=batch").code == 2


def test_one_node_is_described_with_its_remedies(oom: CommandLine) -> None:
    missed = {"total": 12, "containers": [{"pod": "shop/api", "container": "app", "count": 12}]}
    oom.cluster.add(oomnode("node-1", READY, LOG, outranked=[CRON], nearMisses=missed))
    shown = " ".join(oom("nodes", "node-1").out.split())
    for part in (
        "8Gi RAM x 80/100 + 2Gi swap = 8.4Gi",
        "4Gi, 48 % of the limit; 4.4Gi can still be promised",
        "fails with ENOMEM",
        "some task waited for memory 1 % of the last 10 s, 0.53 % of the last 1 min",
        "12 (most: shop/api/app 12)",
        "cron.service (score 0): before 2 containers, such as shop/db-0/db",
        "OOMScoreAdjust=-999",
        "KernelLog (NotReadable): grant SYSLOG",
    ):
        assert part in shown


def test_json_of_one_node_is_the_object_and_of_all_a_list(oom: CommandLine) -> None:
    oom.cluster.add(oomnode(future="field", heartbeat="2026-11-01T10:00:00Z"))
    one = json.loads(oom("nodes", "node-1", "-o", "json").out)
    assert one["kind"] == "OOMNode"
    assert one["status"]["future"] == "field"
    assert [each["kind"] for each in yaml.safe_load(oom("nodes", "-o", "yaml").out)["items"]] == [
        "OOMNode"
    ]
    assert oom("nodes", "-o", "name").out == "oomnode.oomwarden.io/node-1\n"


def test_a_node_that_no_agent_reports_points_to_doctor(oom: CommandLine) -> None:
    ran = oom("nodes", "node-7")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "error: there is no OOMNode node-7: no node has this name, or its agent has never "
        "reported; run: kubectl oom doctor\n"
    )


def test_a_missing_right_is_named(oom: CommandLine) -> None:
    oom.cluster.forbid(OOM_NODES)
    ran = oom("nodes")
    assert ran.code == 1
    assert "you may not list oomnodes.oomwarden.io" in ran.err


def test_a_cluster_without_nodes_says_so(oom: CommandLine) -> None:
    ran = oom("nodes")
    assert (ran.code, ran.out, ran.err) == (0, "", "No nodes found.\n")


def test_watch_prints_each_report_as_it_comes(oom: CommandLine) -> None:
    oom.cluster.add(oomnode())
    later = oomnode(nearMisses={"total": 7})
    later["metadata"] |= {"resourceVersion": "8"}
    oom.cluster.events[OOM_NODES] = [
        {"type": "MODIFIED", "object": later},
        {"type": "ADDED", "object": oomnode(name="node-2")},
    ]
    ran = oom("nodes", "-w")
    assert [line.split()[0] for line in ran.lines] == ["NODE", "node-1", "node-1", "node-2"]
    assert "the API server answers 500" in ran.err


def test_watch_prints_the_reports_of_the_nodes_that_were_asked_for(oom: CommandLine) -> None:
    oom.cluster.add(oomnode(), oomnode(name="node-2"))
    ran = oom("nodes", "node-2", "-w", "-o", "name")
    assert ran.lines == ["oomnode.oomwarden.io/node-2"]
