import socket
from http import HTTPStatus

import pytest
from oomwarden.agent.ranking.access import AccessVerdict
from oomwarden.cli.cluster.login import ApiConnection
from oomwarden.probes.http_head import HttpResponse

from tests.support.command_line import CommandLine
from tests.support.ranking_agent import TOKEN_PATH, RankingAgent, pod

OOMNODE = "/apis/oomwarden.io/v1alpha1/oomnodes/node-1"
AGENT_POD = "/api/v1/namespaces/oomwarden/pods/agent-1"
FORWARD = f"{AGENT_POD}/portforward"


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
            AccessVerdict.FORBIDDEN,
            "oomwarden/oomwarden-rank may not get oomnodes/rank of node node-1; ask",
        ),
        (AccessVerdict.UNAUTHENTICATED, "answers 401: a bearer token for the audience"),
        (AccessVerdict.TOO_MANY, "answers 429: too many tokens"),
        (AccessVerdict.UNKNOWN, "answers 503: the API server could not be asked"),
    ],
)
def test_a_refusal_of_the_agent_is_explained(
    oom: CommandLine, agent: RankingAgent, verdict: AccessVerdict, said: str
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
