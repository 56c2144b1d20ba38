import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.ranking.access import AccessVerdict
from oomwarden.agent.ranking.endpoint import RankService
from oomwarden.agent.ranking.libcrypto import CertificateError
from oomwarden.agent.ranking.source import RankSource
from oomwarden.kernel.host import Host

from tests.support.enforcing import OWN, TARGET, Node, write_score


def source(node: Node) -> RankSource:
    host = Host(Path("/proc"))
    return RankSource("n1", node.parts.roots, host, node.tracker, lambda: False)


async def inside(node: Node) -> dict[int, dict[str, Any]]:
    """Return the ranking of the pod's processes by pid."""
    report = (await source(node).report()).of_pod("shop", "db-0")
    assert report is not None
    found = [each for domain in report["domains"] for each in domain["ranking"]]
    return {each["pid"]: each for each in found}


def policy(**rule: object) -> dict[str, Any]:
    metadata = {"name": "protect-db", "namespace": "shop", "generation": 1}
    return {"metadata": metadata, "spec": {"podSelector": {}, "rules": [rule]}}


async def governed(node: Node, **rule: object) -> Container:
    node.pod("app")
    app = node.container("a", "app", processes=2)
    node.learn(app)
    node.put(policy(**rule))
    await node.scores.step()
    return app


async def test_without_a_policy_the_kubelet_has_set_the_scores(node: Node) -> None:
    node.pod("app")
    app = node.container("a", "app")
    node.learn(app)
    (pid,) = node.pids(app)
    found = (await inside(node))[pid]
    assert found["setBy"] == {"by": "Kubelet", "detail": "Burstable"}
    assert (found["namespace"], found["pod"], found["container"]) == ("shop", "db-0", "app")
    assert found["command"] == "cat"


async def test_the_policy_that_set_a_score_is_named_and_a_process_s_own_score_is_its_own(
    node: Node,
) -> None:
    app = await governed(node, oomScoreAdj=TARGET)
    first, second = node.pids(app)
    write_score(second, OWN)
    found = await inside(node)
    assert found[first]["setBy"] == {"by": "Policy", "detail": "OOMPolicy/protect-db"}
    assert found[second]["setBy"] == {"by": "Process"}
    assert (found[first]["oomScoreAdj"], found[second]["oomScoreAdj"]) == (TARGET, OWN)
    assert found[first]["nodeRank"] < found[second]["nodeRank"]


async def test_a_container_that_the_api_server_does_not_list_in_its_pod_is_the_sandbox(
    node: Node,
) -> None:
    node.pod("app")
    sandbox = node.container("f", "", processes=1)
    sandbox.name = None
    (pid,) = node.pids(sandbox)
    found = (await inside(node))[pid]
    assert found["container"] == "pause"
    assert found["setBy"]["detail"] == "pause container"


async def test_processes_outside_of_pods_are_ranked_with_the_others(node: Node) -> None:
    domain = (await source(node).report()).of_node()["domains"][0]
    assert domain["processes"] >= 1
    assert all("pod" not in each for each in domain["ranking"])


async def test_one_reading_serves_everyone_for_a_second(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = source(node)
    reports = await asyncio.gather(*(ranked.report() for _ in range(5)))
    assert len({id(each) for each in reports}) == 1
    monkeypatch.setattr("oomwarden.agent.ranking.source.KEPT_SECONDS", 0.0)
    assert await ranked.report() is not reports[0]
    ranked._forget()
    assert ranked._last is None, "its memory is free again"


async def test_the_certificate_in_use_is_published_until_the_server_ends(node: Node) -> None:
    port = free_port()
    service = RankService(port, ("oomwarden", "agent-1"), no_one, source(node).report)
    task = asyncio.create_task(service.run())
    await asyncio.sleep(0)  # until it waits for clients
    published = service.published
    assert published is not None
    assert (published.namespace, published.pod, published.port) == ("oomwarden", "agent-1", port)
    assert published.certificate.startswith("sha256:")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert service.published is None


async def test_without_a_port_nothing_is_served(node: Node) -> None:
    service = RankService(0, ("oomwarden", "agent-1"), no_one, source(node).report)
    await service.run()
    assert service.published is None


@pytest.mark.parametrize("failure", [CertificateError("no OpenSSL"), OSError("port in use")])
async def test_an_agent_that_cannot_serve_says_so_and_goes_on(
    node: Node,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr("oomwarden.agent.ranking.endpoint.server_tls", fail)
    await RankService(9, ("oomwarden", "agent-1"), no_one, source(node).report).run()
    assert str(failure) in caplog.text


async def no_one(token: str) -> AccessVerdict:
    raise AssertionError(token)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
