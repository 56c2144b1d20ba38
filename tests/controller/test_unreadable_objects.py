"""An object of any shape does not delay the operator's work on the others."""

import asyncio
import contextlib
from typing import Any

import pytest
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.limits.headroom import node_headroom
from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, PolicyState, policy_state
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.controller.policies.statuses import PolicyStatusWriter, StatusSources
from oomwarden.core.fleet.node_report import reported_node
from oomwarden.core.fleet.policy_status import summarise
from oomwarden.core.objects.unreadable import OF_THE_OPERATOR, UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.kube.transport.guarded_handler import guard
from oomwarden.kube.transport.resources import OOMNode

from tests.support.answering import NOW, RAISE, Kills, kill
from tests.support.cluster_of_one import OnePod, granting
from tests.support.policy_reports import on_nodes, report

REQUEST = {
    "namespace": "shop",
    "uid": "u",
    "container": "app",
    "limit": "1Gi",
    "policy": "OOMPolicy x",
}


class Poisoned(OnePod):
    """A cluster in which reading one pod raises."""

    async def read_target(self, namespace: str, pod: str, container: str) -> Any:  # noqa: ANN401
        if pod == "poison":
            raise ValueError("poison\nforged line")
        return await super().read_target(namespace, pod, container)


async def for_a_while(work: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await work


async def test_a_kill_that_cannot_be_processed_ends_no_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    poison = kill(name="poison-1") | {"pod": {"name": "poison", "uid": "u"}}
    kills = Kills(poison, kill(name="b", status="odd"), kill(name="c"))
    calls = Poisoned((granting(RAISE),))
    await for_a_while(OOMResponder(kills, calls, "me", UnreadableObjects(), lambda: NOW).run())
    assert [name for name, _ in kills.written] == ["shop/b", "shop/c"]
    errors = [record.getMessage() for record in caplog.records if "gets no response" in record.msg]
    assert errors[0].startswith(
        r"OOMKill shop/poison-1 gets no response: poison\nforged line (Value"
    )


async def test_a_request_for_an_unreadable_pod_does_not_delay_the_others() -> None:
    calls = Poisoned((granting({"memory": {"limit": "1Gi"}}),))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    resizer = Resizer(calls, lambda _: None, sleep=sleep)
    requests = [decode(Resize, {**REQUEST, "pod": pod}) for pod in ("poison", "db-0")]
    resizer.update_requests("node-1", requests)
    await for_a_while(resizer.run())
    assert calls.looks >= 1
    assert len(slept) == 2, "the poisoned one is retried later, not immediately"


def test_an_unreadable_request_is_skipped_and_the_others_are_kept() -> None:
    counted: list[tuple[str, int]] = []
    reports = NodeReports(
        lambda _: None,
        lambda node, requests: counted.append((node, len(requests))),
        UnreadableObjects(),
    )
    resizes = [{**REQUEST, "pod": "db-0"}, {**REQUEST, "pod": "db-1", "limit": "odd"}, 7]
    reports.apply({"metadata": {"name": "node-1"}, "status": {"resizes": resizes}})
    assert counted == [("node-1", 1)]


@pytest.mark.parametrize("reason", ["", "R" * 5_000, "a\nb"])
def test_a_status_stays_valid_whatever_an_agent_reports(reason: str) -> None:
    refusal = Refusal(pod="", container="", reason=reason, message="m\n" * 50_000)
    found = on_nodes([report(refusals=(refusal,))])
    status = summarise(1, found, PolicyStatus(), NOW)
    refused = next(each for each in status.conditions if each.type == "Refused")
    assert 1 <= len(refused.reason) <= 1024
    assert refused.message.isprintable()


async def test_a_policy_whose_status_cannot_be_computed_does_not_delay_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oomwarden.controller.policies.statuses.DEBOUNCE_SECONDS", 0)
    written: list[str] = []

    async def write(key: PolicyKey, _: PolicyStatus) -> None:
        if key.name == "a":
            raise ValueError("poison")
        written.append(key.name)

    queue, unreadable = PolicyQueue(), UnreadableObjects()
    reports = NodeReports(queue.add, lambda *_: None, unreadable)
    reports.replace([])
    keys = [PolicyKey("OOMPolicy", "shop", name) for name in ("a", "b")]
    policies = OOMPolicyCache(queue.add, {key: PolicyState(1, PolicyStatus()) for key in keys})
    sources = StatusSources(reports, policies, {}, lambda _: ())
    writer = PolicyStatusWriter(write, queue, sources, unreadable, lambda: NOW)
    queue.add(keys)
    await for_a_while(writer.run())
    assert written == ["b"]
    assert "OOMPolicy shop/a: its status could not be computed: poison (" in unreadable.message()


async def test_an_unreadable_object_is_named_with_the_consequence_until_it_is_fixed(
) -> None:  # fmt: skip
    unreadable = UnreadableObjects(remedy=OF_THE_OPERATOR)
    reports = guard(NodeReports(lambda _: None, lambda *_: None, unreadable), OOMNode, unreadable)
    bad: dict[str, Any] = {"metadata": {"name": "n1"}, "status": {"resizes": [7, 8]}}
    reports.apply(bad)
    assert unreadable.message().startswith(
        "one object is not completely readable: OOMNode n1: 2 parts are unreadable, or exceed "
        "what is kept of one node. What cannot be read counts as absent: the status of policies "
        "leaves it out, and a kill in it gets no response."
    )
    reports.replace([reported_node(bad)])
    assert unreadable.total == 1
    reports.apply({"metadata": {"name": "n1"}, "status": {"resizes": []}})
    assert not unreadable.message()


async def test_an_unreadable_kill_is_named_as_one_without_a_response() -> None:
    unreadable = UnreadableObjects()
    kills = Kills(kill(name="bad", cause=7), kill(name="b"))
    calls = OnePod((granting(RAISE),))
    await for_a_while(OOMResponder(kills, calls, "me", unreadable, lambda: NOW).run())
    assert [name for name, _ in kills.written] == ["shop/b"]
    assert "OOMKill shop/bad: it gets no response: " in unreadable.message()


@pytest.mark.parametrize("heartbeat", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_a_heartbeat_at_the_end_of_time_counts_as_a_silent_agent(heartbeat: str) -> None:
    kills = Kills(kill())
    manifest = await kills.node_status("node-1")
    manifest["status"]["agent"]["heartbeat"] = heartbeat
    assert node_headroom(manifest, NOW) is None


@pytest.mark.parametrize(
    "spec", [None, 5, {"rules": 5}, {"rules": [None, [], {"processes": 5}]}, {"podSelector": []}]
)
def test_a_cluster_policy_of_any_shape_is_identified_by_its_name(spec: object) -> None:
    manifest = {"metadata": {"name": "p", "generation": None}, "spec": spec}
    key, policy = policy_state(manifest, "ClusterOOMPolicy")
    assert (key.name, policy.generation) == ("p", 0)
