import json

import yaml

from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill

KILLS = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"
ALL_KILLS = "/apis/oomwarden.io/v1alpha1/oomkills"


def at(time: str) -> dict[str, str]:
    return {"before": time}


def test_kills_lists_the_namespace_of_the_context_with_the_latest_first(oom: CommandLine) -> None:
    oom.cluster.add(
        oomkill("old", time=at("2026-11-01T10:00:00Z")),
        oomkill("new", time=at("2026-11-02T10:00:00Z"), pod_name="api-2"),
        oomkill("other", namespace="bank"),
    )
    ran = oom("kills")
    assert ran.lines[0].split() == ["POD", "CONTAINER", "VICTIM", "CAUSE", "LIMIT", "KILLS", "AGE"]
    assert [line.split()[0] for line in ran.lines[1:]] == ["api-2", "api-1"]
    assert ran.lines[1].split()[1:6] == ["app", "python3", "ContainerLimit", "512Mi", "1"]


def test_kills_of_all_namespaces_name_the_namespace(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a"), oomkill("b", namespace="bank"))
    ran = oom("kills", "-A", "--no-headers")
    assert sorted(line.split()[0] for line in ran.lines) == ["bank", "shop"]


def test_kills_can_be_filtered(oom: CommandLine) -> None:
    oom.cluster.add(
        oomkill("a"),
        oomkill("b", pod_name="api-2", cause="NodeOutOfMemory"),
        oomkill("c", pod_name="api-3", node="node-2"),
    )
    assert oom("kills", "-o", "name", "--pod", "api-2").out == "oomkill.oomwarden.io/b\n"
    assert oom("kills", "-o", "name", "--node", "node-2").out == "oomkill.oomwarden.io/c\n"
    by_cause = oom("kills", "-o", "name", "--cause", "nodeoutofmemory")
    assert by_cause.out == "oomkill.oomwarden.io/b\n"
    assert len(oom("kills", "-o", "name", "--owner", "deployment/api").lines) == 3
    assert oom("kills", "-o", "name", "--owner", "worker").out == ""
    assert oom("kills", "-o", "name", "--since", "1m").out == ""


def test_json_and_yaml_are_the_objects_of_the_api_server(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a", future={"unknown": "field"}))
    found = json.loads(oom("kills", "-o", "json").out)
    assert found["kind"] == "List"
    assert found["items"] == [oomkill("a", future={"unknown": "field"})]
    assert yaml.safe_load(oom("kills", "-o", "yaml").out) == found


def test_wide_names_node_owner_policy_response_and_record(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a", policy={"kind": "OOMPolicy", "name": "protect"}))
    cells = oom("kills", "-o", "wide", "--no-headers").out.split()
    assert cells[7:] == ["node-1", "Deployment/api", "OOMPolicy/protect", "<none>", "a"]


def test_by_workload_sums_kills_with_a_bar(oom: CommandLine) -> None:
    oom.cluster.add(
        oomkill("a", kills=6),
        oomkill("b", kills=2, pod_name="api-2"),
        oomkill("c", kills=4, pod={"name": "solo", "uid": "u"}),
    )
    lines = oom("kills", "--by", "workload", "--no-headers").lines
    assert [line.split()[:4] for line in lines] == [
        ["shop", "Deployment/api", "8", "2"],
        ["shop", "Pod/solo", "4", "1"],
    ]
    assert lines[0].count("█") == 2 * lines[1].count("█")


def test_a_group_as_json_has_its_counts(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a", kills=6))
    found = json.loads(oom("kills", "--by", "cause", "-o", "json").out)
    assert found == [
        {
            "cause": "ContainerLimit",
            "kills": 6,
            "records": 1,
            "pods": 1,
            "last": "2026-11-01T10:00:00+00:00",
        }
    ]


def test_watch_prints_what_is_there_and_then_what_is_new(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a"))
    oom.cluster.events[KILLS] = [
        {"type": "MODIFIED", "object": oomkill("a")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
        {"type": "ADDED", "object": oomkill("b", pod_name="api-2")},
    ]
    ran = oom("kills", "-w")
    assert [line.split()[0] for line in ran.lines] == ["POD", "api-1", "api-2"]
    assert ran.err == (
        "error: cannot list oomkills.oomwarden.io in namespace shop: the API server answers 500: "
        "the end\n"
    )


def test_no_kills_is_said_on_stderr(oom: CommandLine) -> None:
    ran = oom("kills")
    assert (ran.code, ran.out, ran.err) == (0, "", "No OOM kills found in namespace shop.\n")


def test_a_missing_right_is_named(oom: CommandLine) -> None:
    oom.cluster.forbid(ALL_KILLS)
    ran = oom("kills", "-A")
    assert ran.code == 1
    assert ran.err == (
        "error: you may not list oomkills.oomwarden.io in all namespaces; "
        "ask an administrator for that right\n"
    )


def test_a_cluster_without_the_crds_is_named_with_the_remedy(oom: CommandLine) -> None:
    oom.cluster.resources.clear()
    ran = oom("kills")
    assert ran.code == 1
    assert ran.err.startswith("error: this cluster has no oomkills.oomwarden.io: oomwarden is not")


def test_hostile_names_are_escaped(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("a", victims=[{"command": "\x1b[31mred\nline\u202e"}]))
    assert "\\x1b[31mred\\nline\\u202e" in oom("kills").out
