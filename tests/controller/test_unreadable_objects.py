"""One object of any shape keeps no other one of the operator's waiting."""

import asyncio
import contextlib
from typing import Any

import pytest
from oomwarden.api.oomnode import PolicyReport, Refusal, Resize
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.limits.headroom import node_headroom
from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, PolicyState, policy_state
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.controller.policies.statuses import PolicyStatusWriter, StatusSources
from oomwarden.core.limits.node_report import PolicyKey, reported_node
from oomwarden.core.objects.passed_over import OF_THE_OPERATOR, UnreadableObjects
from oomwarden.core.reporting.policy_status import NodeReport, summarise
from oomwarden.kube.transport.guarded_sink import guarded
from oomwarden.kube.transport.resources import OOMNode

from tests.support.answering import NOW, RAISE, Kills, kill
from tests.support.cluster_of_one import OnePod, granting

ASK = {"namespace": "shop", "uid": "u", "container": "app", "limit": "1Gi", "policy": "OOMPolicy x"}


class Poisoned(OnePod):
    """A cluster in which one pod makes whoever looks at it raise."""

    async def look(self, namespace: str, pod: str, container: str) -> Any:  # noqa: ANN401
        if pod == "poison":
            raise ValueError("poison\nforged line")
        return await super().look(namespace, pod, container)


async def for_a_while(work: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await work


async def test_a_kill_that_cannot_be_answered_ends_no_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    poison = kill(name="poison-1") | {"pod": {"name": "poison", "uid": "u"}}
    kills = Kills(poison, kill(name="b", status="odd"), kill(name="c"))
    calls = Poisoned((granting(RAISE),))
    await for_a_while(OOMResponder(kills, calls, "me", UnreadableObjects(), lambda: NOW).run())
    assert [name for name, _ in kills.written] == ["shop/b", "shop/c"]
    told = [record.getMessage() for record in caplog.records if "gets no response" in record.msg]
    assert told[0].startswith(r"OOMKill shop/poison-1 gets no response: poison\nforged line (Value")


async def test_an_ask_for_a_pod_that_cannot_be_read_keeps_no_other_one_waiting() -> None:
    calls = Poisoned((granting({"memory": {"limit": "1Gi"}}),))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    resizer = Resizer(calls, lambda _: None, sleep=sleep)
    asked = [Resize.model_validate({**ASK, "pod": pod}) for pod in ("poison", "db-0")]
    resizer.update_requests("node-1", asked)
    await for_a_while(resizer.run())
    assert calls.looks >= 1
    assert len(slept) == 2, "the poisoned one is looked at again later, not at once"


def test_an_ask_that_cannot_be_read_leaves_the_others() -> None:
    taken: list[tuple[str, int]] = []
    reports = NodeReports(
        lambda _: None,
        lambda node, asked: taken.append((node, len(asked))),
        UnreadableObjects(),
    )
    asks = [{**ASK, "pod": "db-0"}, {**ASK, "pod": "db-1", "limit": "odd"}, 7]
    reports.apply({"metadata": {"name": "node-1"}, "status": {"resizes": asks}})
    assert taken == [("node-1", 1)]


def report(reason: str, message: str) -> NodeReport:
    refusal = Refusal(pod="", container="", reason=reason, message=message)
    told = PolicyReport(kind="OOMPolicy", namespace="shop", name="p", observed_generation=1,
                        refusals=(refusal,))  # fmt: skip
    return NodeReport("node-1", NOW.isoformat(), told)


@pytest.mark.parametrize("reason", ["", "R" * 5_000, "a\nb"])
def test_a_status_takes_whatever_an_agent_reports(reason: str) -> None:
    status = summarise(1, [report(reason, "m\n" * 50_000)], PolicyStatus(), NOW)
    refused = next(each for each in status.conditions if each.type == "Refused")
    assert 1 <= len(refused.reason) <= 1024
    assert refused.message.isprintable()


async def test_a_policy_that_cannot_be_summed_up_keeps_no_other_one_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oomwarden.controller.policies.statuses.DEBOUNCE_SECONDS", 0)
    written: list[str] = []

    async def write(key: PolicyKey, _: PolicyStatus) -> None:
        if key.name == "a":
            raise ValueError("poison")
        written.append(key.name)

    queue, odd = PolicyQueue(), UnreadableObjects()
    reports = NodeReports(queue.add, lambda *_: None, odd)
    reports.replace([])
    keys = [PolicyKey("OOMPolicy", "shop", name) for name in ("a", "b")]
    policies = OOMPolicyCache(queue.add, {key: PolicyState(1, PolicyStatus()) for key in keys})
    sources = StatusSources(reports, policies, {}, lambda _: ())
    writer = PolicyStatusWriter(write, queue, sources, odd, lambda: NOW)
    queue.add(keys)
    await for_a_while(writer.run())
    assert written == ["b"]
    assert "OOMPolicy shop/a: its status could not be computed: poison (" in odd.message()


async def test_what_the_operator_passes_over_is_named_with_what_follows_until_it_is_in_order(
) -> None:  # fmt: skip
    odd = UnreadableObjects(remedy=OF_THE_OPERATOR)
    reports = guarded(NodeReports(lambda _: None, lambda *_: None, odd), OOMNode, odd)
    bad: dict[str, Any] = {"metadata": {"name": "n1"}, "status": {"resizes": [7, 8]}}
    reports.apply(bad)
    assert odd.message().startswith(
        "one object is not wholly read: OOMNode n1: 2 parts are unreadable, or exceed what is "
        "kept of one node. What cannot be read counts as absent: the status of policies leaves it "
        "out, and a kill in it gets no response."
    )
    reports.replace([reported_node(bad)])
    assert odd.total == 1
    reports.apply({"metadata": {"name": "n1"}, "status": {"resizes": []}})
    assert not odd.message()


async def test_a_kill_that_cannot_be_read_is_named_as_one_without_a_response() -> None:
    odd = UnreadableObjects()
    kills = Kills(kill(name="bad", cause=7), kill(name="b"))
    calls = OnePod((granting(RAISE),))
    await for_a_while(OOMResponder(kills, calls, "me", odd, lambda: NOW).run())
    assert [name for name, _ in kills.written] == ["shop/b"]
    assert "OOMKill shop/bad: it gets no response: " in odd.message()


@pytest.mark.parametrize("heartbeat", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_a_clock_at_the_end_of_time_counts_as_a_silent_agent(heartbeat: str) -> None:
    kills = Kills(kill())
    told = await kills.node_status("node-1")
    told["status"]["agent"]["heartbeat"] = heartbeat
    assert node_headroom(told, NOW) is None


@pytest.mark.parametrize(
    "spec", [None, 5, {"rules": 5}, {"rules": [None, [], {"processes": 5}]}, {"podSelector": []}]
)
def test_a_cluster_policy_of_any_shape_is_known_by_its_name(spec: object) -> None:
    manifest = {"metadata": {"name": "p", "generation": None}, "spec": spec}
    key, policy = policy_state(manifest, "ClusterOOMPolicy")
    assert (key.name, policy.generation) == ("p", 0)
