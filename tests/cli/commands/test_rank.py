import json
import socket
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import yaml
from oomwarden.agent.ranking.access import Verdict
from oomwarden.cli.cluster.login import ApiConnection
from oomwarden.core.badness.badness import ProcessMemoryUse
from oomwarden.core.badness.machine_reading import (
    CgroupMemory,
    MachineMemory,
    MachineReading,
    RankedContainer,
)
from oomwarden.core.badness.rank_report import RankReport
from oomwarden.core.badness.ranking import Candidate
from oomwarden.core.badness.score_origin import ScoreFacts
from oomwarden.probes.http_head import HttpResponse

from tests.support.command_line import CommandLine
from tests.support.ranking_agent import TOKEN_PATH, RankingAgent, pod

PAGE, MIB, GIB = 4096, 1 << 20, 1 << 30
OOMNODE = "/apis/oomwarden.io/v1alpha1/oomnodes/node-1"
AGENT_POD = "/api/v1/namespaces/oomwarden/pods/agent-1"
FORWARD = f"{AGENT_POD}/portforward"


def process(
    pid: int, size: int, adj: int, container: int | None = None, name: str = "sh"
) -> Candidate:
    return Candidate(
        pid, name, ProcessMemoryUse(size // PAGE, 0, PAGE), adj, container, "a.service"
    )


def container(name: str, limit: int | None, *, group: bool = True) -> RankedContainer:
    memory = CgroupMemory(limit, 0, 480 * MIB, is_group_kill=group)
    facts = ScoreFacts(980, frozenset({300}), "OOMPolicy/protect-db", "Burstable")
    return RankedContainer("shop", "api-1", name, "kubepods/api-1", memory, facts)


REPORT = RankReport(
    MachineReading(
        node="node-1",
        time="2026-11-29T10:00:00+00:00",
        machine=MachineMemory(4 * GIB, 0, 3 * GIB, 60, PAGE),
        candidates=(
            process(4242, 400 * MIB, 980, 0, "python3"),
            process(4243, 40 * MIB, 300, 0, "worker\x1b[31m"),
            process(900, 96 * MIB, -999, None, "kubelet"),
            process(1, 8 * MIB, -1000, None, "systemd"),
            process(5000, 8 * MIB, 980, 1, "proxy"),
        ),
        unread=0,
        containers=(container("app", 512 * MIB), container("proxy", None, group=False)),
        pods={},
        is_nested=False,
    )
)


@pytest.fixture
def agent(oom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[RankingAgent]:
    """Return an agent on node-1 with the pod shop/api-1."""
    found = RankingAgent(REPORT)
    monkeypatch.setattr(ApiConnection, "forward", found.forward)
    with found.serve():
        found.add_to(oom.cluster)
        oom.cluster.add(pod("api-1"))
        yield found


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


def test_another_certificate_than_the_published_one_gets_no_token(
    oom: CommandLine, agent: RankingAgent
) -> None:
    agent.add_to(oom.cluster, certificate="sha256:" + "0" * 64)
    ran = oom("rank", "node-1")
    assert (ran.code, ran.out) == (1, "")
    assert "shows another certificate than the one in its OOMNode" in ran.err
    assert agent.tokens == []


def test_an_agent_that_was_restarted_in_between_is_asked_again(
    oom: CommandLine, agent: RankingAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.add_to(oom.cluster, certificate="sha256:" + "0" * 64)

    def forward(*_: object) -> object:
        agent.add_to(oom.cluster)
        return agent.forward()

    monkeypatch.setattr(ApiConnection, "forward", forward)
    assert oom("rank", "node-1").code == 0


def test_an_oomnode_cannot_lead_to_a_pod_of_another_node(
    oom: CommandLine, agent: RankingAgent
) -> None:
    oom.cluster.add(pod("agent-1", "oomwarden", "node-2"))
    ran = oom("rank", "node-1")
    assert "which is not on that node: do not trust this node's agent" in ran.err
    assert (ran.code, agent.tokens, oom.cluster.bodies) == (1, [], [])


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (
            Verdict.FORBIDDEN,
            "oomwarden/oomwarden-rank may not get oomnodes/rank of node node-1; ask",
        ),
        (Verdict.UNAUTHENTICATED, "answers 401: a bearer token for the audience"),
        (Verdict.TOO_MANY, "answers 429: too many tokens"),
        (Verdict.UNKNOWN, "answers 503: the API server could not be asked"),
    ],
)
def test_a_refusal_of_the_agent_is_explained(
    oom: CommandLine, agent: RankingAgent, verdict: Verdict, said: str
) -> None:
    agent.verdict = verdict
    ran = oom("rank", "node-1")
    assert (ran.code, ran.out, said in ran.err) == (1, "", True), ran.err


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", OOMNODE, "get oomnodes.oomwarden.io node-1"),
        ("GET", AGENT_POD, "get pods agent-1 in namespace oomwarden"),
        ("POST", TOKEN_PATH, "create serviceaccounts/token of oomwarden-rank in namespace oomw"),
    ],
)
def test_a_missing_right_is_named(
    oom: CommandLine, agent: RankingAgent, method: str, path: str, right: str
) -> None:
    del agent
    oom.cluster.forbid(path, method=method)
    ran = oom("rank", "node/node-1")
    assert (ran.code, f"you may not {right}" in ran.err) == (1, True), ran.err


def test_the_right_to_forward_ports_is_named(
    oom: CommandLine, agent: RankingAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    oom.cluster.forbid(FORWARD)
    ran = oom("rank", "node/node-1", "--context", "fake")
    assert "you may not get and create pods/portforward in namespace oomwarden" in ran.err
    assert agent.tokens == []


@pytest.mark.parametrize(
    "answer", [(404, {"kind": "Status", "message": "gone"}), (500, "x'"), (101, "")]
)
def test_a_failed_port_forwarding_is_one_sentence(
    oom: CommandLine,
    agent: RankingAgent,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, object],
) -> None:
    del agent
    monkeypatch.undo()
    oom.cluster.answers["GET", FORWARD] = answer
    ran = oom("rank", "node/node-1")
    assert (ran.code, len(ran.err.splitlines())) == (1, 1), ran.err


def test_what_the_kubelet_says_of_a_closed_port_is_shown(
    oom: CommandLine, agent: RankingAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(*_: object) -> object:
        ours, theirs = socket.socketpair()
        theirs.close()
        return ours, lambda: "dial tcp4 127.0.0.1:9809: connect: connection refused"

    monkeypatch.setattr(ApiConnection, "forward", forward)
    ran = oom("rank", "node-1")
    assert "on port 9809 of pod oomwarden/agent-1: dial tcp4 127.0.0.1:9809" in ran.err
    assert agent.tokens == []


def test_an_older_agent_is_named_with_its_version(oom: CommandLine, agent: RankingAgent) -> None:
    oom.cluster.add(agent.add_to(oom.cluster) | {"status": {"agent": {"version": "0.0.9"}}})
    ran = oom("rank", "node-1")
    assert "the agent of node node-1 (version 0.0.9) does not rank processes" in ran.err


def test_a_pod_that_is_not_running_has_no_ranking(oom: CommandLine, agent: RankingAgent) -> None:
    del agent
    oom.cluster.add(pod("new", node=None), pod("done", phase="Succeeded"), pod("elsewhere"))
    assert "is not on a node yet" in oom("rank", "new").err
    assert "has ended (Succeeded)" in oom("rank", "pod/done").err
    assert (
        "pod shop/elsewhere has no running container on node node-1" in oom("rank", "elsewhere").err
    )


def test_a_name_that_is_neither_is_said(oom: CommandLine, agent: RankingAgent) -> None:
    del agent
    assert oom("rank", "nothing").err == (
        "error: there is no pod nothing in namespace shop, and no node nothing with an agent\n"
    )
    assert "there is no pod nothing in namespace shop" in oom("rank", "pod/nothing").err
    assert "node nothing has no OOMNode" in oom("rank", "node/nothing").err


def test_a_node_is_found_without_the_right_to_read_pods_of_the_namespace(
    oom: CommandLine, agent: RankingAgent
) -> None:
    del agent
    oom.cluster.forbid("/api/v1/namespaces/shop/pods/node-1", "/api/v1/namespaces/shop/pods/x")
    assert oom("rank", "node-1").code == 0
    assert "you may not get pods x in namespace shop" in oom("rank", "x").err


@pytest.mark.parametrize(
    "words",
    [("a/b",), ("node/",), ("pod/a/b",), ("..",), ("x", "-o", "name"), ("x", "--top", "0"),
     ("x", "--service-account", "a/b/c"), ()],
)  # fmt: skip
def test_a_wrong_command_line_is_a_usage_error(oom: CommandLine, words: tuple[str, ...]) -> None:
    ran = oom("rank", *words)
    assert (ran.code, ran.out) == (2, ""), ran


@pytest.mark.parametrize("answer", ["[]", "{", "null", '{"domains": 7}', '{"domains": [{}, 1]}'])
@pytest.mark.parametrize("what", ["node-1", "api-1"])
def test_an_answer_of_another_version_is_no_traceback(
    oom: CommandLine, agent: RankingAgent, monkeypatch: pytest.MonkeyPatch, answer: str, what: str
) -> None:
    content = HttpResponse(HTTPStatus.OK, answer.encode(), "application/json")
    monkeypatch.setattr("oomwarden.agent.ranking.server._json", lambda _: content)
    ran = oom("rank", what)
    assert ran.code == (0 if "domains" in answer else 1)
    assert "Traceback" not in ran.err
    assert agent.tokens
