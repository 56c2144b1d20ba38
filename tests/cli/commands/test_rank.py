import json

import yaml

from tests.support.command_line import CommandLine
from tests.support.ranked_node import GIB, MIB, PAGE, REPORT
from tests.support.ranking_agent import RankingAgent


def test_a_node_shows_who_is_killed_first_by_whose_score(
    oom: CommandLine, agent: RankingAgent
) -> None:
    ran = oom("rank", "node-1")
    assert ran.code == 0, ran.err
    assert ran.lines[0] == "Node node-1: RAM 4Gi, no swap, available 3Gi."
    rows = [line.split() for line in ran.lines[5:10]]
    assert rows[0][:6] == ["1", "1078", "python3", "4242", "400Mi", "980"]
    assert rows[0][6:] == ["Kubelet", "(Burstable)", "2", "shop/api-1", "app"]
    assert rows[2][6:] == ["OOMPolicy/protect-db", "2", "shop/api-1", "app"]
    assert rows[3][2:] == ["kubelet", "900", "96Mi", "-999", "Node", "1", "<host>", "a.service"]
    assert rows[4][:2] == ["never", "<none>"]
    assert "Never killed: 1 (oom_score_adj -1000" in ran.out
    assert agent.tokens == ["token-of-node-1"]


def test_a_node_shows_who_dies_in_a_container_that_reaches_its_limit(
    oom: CommandLine, agent: RankingAgent
) -> None:
    del agent
    below = oom("rank", "node/node-1").out.partition("If a container reaches its own limit")[2]
    (row,) = below.splitlines()[2:]
    assert row.split() == [
        "512Mi", "480Mi", "(93%)", "python3", "4242", "1761", "2", "shop/api-1", "app",
    ]  # fmt: skip


def test_a_pod_shows_each_container_and_the_node(oom: CommandLine, agent: RankingAgent) -> None:
    ran = oom("rank", "api-1")
    assert ran.code == 0, ran.err
    assert ran.lines[0].startswith("Pod shop/api-1 on node node-1: RAM 4Gi")
    assert (
        "Container app: limit 512Mi, in use 480Mi (93%). Group kill: all 2 processes die, whichever"
        in ran.out
    )
    assert "Container proxy has no memory limit: it dies only if the node runs" in ran.out
    assert "If the node runs out of memory, the kernel chooses from 5 processes:" in ran.out
    assert len(agent.tokens) == 1


def test_the_token_is_for_this_node_alone_and_the_user_s_own_is_not_sent(
    oom: CommandLine, agent: RankingAgent
) -> None:
    oom("rank", "node-1")
    (request,) = oom.cluster.bodies
    assert request["spec"] == {"audiences": ["rank.oomwarden.io/node-1"], "expirationSeconds": 600}
    assert "secret" not in agent.tokens


def test_a_token_of_another_service_account_can_be_used(
    oom: CommandLine, agent: RankingAgent
) -> None:
    path = "/api/v1/namespaces/ops/serviceaccounts/pool-a/token"
    oom.cluster.answers["POST", path] = 201, {"status": {"token": "other"}}
    assert oom("rank", "node-1", "--service-account", "ops/pool-a").code == 0
    assert agent.tokens == ["other"]


def test_wide_shows_the_arithmetic(oom: CommandLine, agent: RankingAgent) -> None:
    del agent
    lines = oom("rank", "node-1", "-o", "wide").lines
    assert lines[4].split()[6:] == [
        "RESIDENT", "PAGE", "TABLES", "SWAP", "MEMORY/1000", "POINTS", "IN", "PAGES",
        "SET", "BY", "KILLS", "POD", "CONTAINER",
    ]  # fmt: skip
    points = 400 * MIB // PAGE + 1 + 980 * (4 * GIB // PAGE // 1000)
    assert lines[5].split()[6:11] == ["400Mi", "4Ki", "0", "98", str(points)]


def test_json_and_yaml_are_the_agent_s_answer(oom: CommandLine, agent: RankingAgent) -> None:
    del agent
    found = json.loads(oom("rank", "node-1", "-o", "json").out)
    assert found == json.loads(json.dumps(REPORT.of_node()))
    assert yaml.safe_load(oom("rank", "node-1", "-o", "yaml").out) == found


def test_names_of_tenants_are_escaped(oom: CommandLine, agent: RankingAgent) -> None:
    del agent
    out = oom("rank", "node-1").out + oom("rank", "api-1").out
    assert "\x1b" not in out
    assert "worker\\x1b[31m" in out


def test_top_bounds_the_table(oom: CommandLine, agent: RankingAgent) -> None:
    del agent
    out = oom("rank", "node-1", "--top", "2").out
    assert "Not shown: 3 more." in out
    assert "kubelet" not in out
