"""Objects from the API server that tenants, agents and other versions can write."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import strategies as st
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.limits import LimitCache
from oomwarden.agent.informers.namespaces import NamespaceCache
from oomwarden.agent.informers.pods import PodEventHandler
from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.limits.headroom import node_headroom
from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import policy_state
from oomwarden.controller.release import state_of
from oomwarden.core.enforcement.evaluation import evaluate
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.fleet.policy_status import summarise
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.objects.needed_fields import namespace_labels, pod_fields
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.policy.matching import selects
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, parse_policy
from oomwarden.kube import oomnodes as nodes
from oomwarden.kube.oomkill_pages import _records
from oomwarden.kube.oomlimits import kept_limits
from oomwarden.kube.operator_calls import _own_state
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.raising_policies import has_on_oom
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult
from oomwarden.kube.transport.guarded_handler import guard
from oomwarden.kube.transport.resources import Namespace, OOMNode, OOMPolicy, Pod
from oomwarden.kube.transport.transform import TransformingListerWatcher

from tests.fuzz.objects import HASH, NODE, VICTIM, objects_of
from tests.support.mirror_pods import mirror

Manifest = dict[str, Any]
NOW = datetime(2026, 11, 26, 20, 0, 30, tzinfo=UTC)
_CLIENT = cast("Any", None)
MAX_MESSAGE = 32_768
"""The maximum length of a condition's message, in characters."""


_OWN = {
    "metadata": {"name": "db-0", "namespace": "bank", "uid": VICTIM},
    "spec": {"containers": [{"name": "app"}]},
}


def pods(example: list[tuple[str, Manifest]]) -> None:
    """No tenant's pod raises an error or replaces another pod, and its remarks go with it."""
    inventory, passed_over = Inventory(), UnreadableObjects()
    seen = MisreportNotifier(_posted).pod_changed
    own = PodEventHandler(inventory, lambda: None, lambda: None, seen, passed_over)
    sink = guard(own, Pod, passed_over)
    sink.replace([_OWN, mirror()])
    kept = TransformingListerWatcher(_CLIENT, pod_fields)._transform
    for how, pod in example:
        manifest = kept(pod)
        match how:
            case "apply":
                sink.apply(manifest)
            case "delete":
                sink.delete(manifest)
            case _:
                sink.replace([manifest, _OWN, mirror()])
        message = passed_over.message()
        assert message.isprintable()
        assert len(message) < MAX_MESSAGE
        assert "Error at" not in message, "the event handler itself raises nothing"
        assert inventory.pods[VICTIM].namespace == "bank"
        assert inventory.pods[HASH].namespace == "kube-system"
        for uid, each in inventory.pods.items():
            owner = each.owner
            assert uid in {each.uid, HASH}
            assert owner is None or max(len(owner.kind), len(owner.name)) <= 253
    sink.replace([_OWN, mirror()])
    assert passed_over.total == 0
    assert set(inventory.pods) == {VICTIM, HASH}


async def _posted(_: Manifest) -> WriteResult:
    return WriteResult(WriteOutcome.DONE, "")


STEPS = st.sampled_from(["apply", "delete", "replace"])


def policies(example: list[tuple[str, str, Manifest]]) -> None:
    """A policy of any shape is parsed or refused, and is evaluated without an error."""
    passed_over = UnreadableObjects()
    book = PolicyCache(lambda: None)
    pod = pod_facts(_OWN)
    for kind, how, manifest in example:
        sink = guard(book.event_handler(kind), OOMPolicy, passed_over)
        (sink.delete if how == "delete" else sink.apply)(manifest)
        book.begin_list(kind).add(manifest)
        assert isinstance(policy_state(manifest, kind)[1].generation, int)
        assert has_on_oom(manifest) in {True, False}
        try:
            policy = parse_policy(kind, manifest)
        except ValueError:
            continue
        selected = [policy] if selects(policy, pod, {}, {}) else []
        target = evaluate(selected, "app", 500, Floor(-500)).target
        assert target.score is None or -997 <= target.score <= 1000
    assert passed_over.message().isprintable()


def namespaces(example: list[tuple[str, Manifest]]) -> None:
    """Namespaces of any shape raise no error, and their labels are dicts."""
    book = NamespaceCache(lambda: None)
    sink = guard(book, Namespace)
    kept = TransformingListerWatcher(_CLIENT, namespace_labels)._transform
    for how, manifest in example:
        (sink.delete if how == "delete" else sink.apply)(kept(manifest))
    assert all(isinstance(labels, dict) for labels in book.labels.values())


class _Calls:
    """A fake API with one pod and the policy that raises its limit."""

    written: list[Manifest]

    def __init__(self) -> None:
        self.written = []

    async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        rule = {"onOOM": {"raiseLimit": {"upTo": "2Gi"}}}
        spec = {"podSelector": {}, "rules": [rule]}
        granting = parse_policy(CLUSTER, {"metadata": {"name": "grow"}, "spec": spec})
        manifest = {"metadata": {"name": pod, "namespace": namespace, "uid": "u"}}
        facts = pod_facts(manifest)
        one = next(iter(facts.containers), None)
        assert container is not None
        return ResizeTarget(
            ResizeContext(facts, one, NODE, (granting,), EnforcementMode.ENFORCE), "7"
        )

    async def resize(self, *_: object) -> None:
        """Accept any patch."""

    async def store(self, found: ResizeTarget, _: object) -> ResizeTarget:
        """Accept any limit."""
        return found

    async def watch(self, take: Callable[[Manifest], None]) -> None:
        raise AssertionError(f"the responder gets its records from the target, not from {take}")

    async def write_response(self, namespace: str, name: str, response: Manifest) -> bool:
        assert "" not in {namespace, name}
        self.written.append(response)
        return True

    async def post(self, event: Manifest) -> WriteResult:
        assert len(event["note"].encode()) <= 1024
        return WriteResult(WriteOutcome.DONE, "")

    async def node_status(self, node: str) -> Manifest:
        return {"agent": node}


def oom_kills(example: list[Manifest]) -> None:
    """Records of any shape get a response or none, and count or not, without an error."""
    calls = _Calls()
    responder = OOMResponder(calls, calls, "me", UnreadableObjects(), lambda: NOW)
    asyncio.run(_answer(responder, example))
    for each in calls.written:
        assert each["message"].isprintable()
        assert len(each["message"]) <= 1024


async def _answer(responder: OOMResponder, example: list[Manifest]) -> None:
    slots = asyncio.Semaphore(1)
    for manifest in example:
        responder.enqueue(manifest)
        async with asyncio.timeout(5):
            await slots.acquire()
            await responder._process("shop", manifest, slots)
        nodes._is_readable(manifest, "b", "")
        assert len(list(_records([manifest]))) <= 1


def oom_nodes(example: list[Manifest]) -> None:
    """OOMNodes of any shape result in statuses that the API server accepts."""
    odd = UnreadableObjects()
    reports = NodeReports(lambda _: None, lambda *_: None, odd)
    sink = guard(reports, OOMNode, odd)
    for manifest in example:
        sink.apply(manifest)
        state_of(_own_state(manifest))
        room = node_headroom(manifest, NOW)
        assert room is None or room.available >= 0
        for key in list(reports._totals):
            status = summarise(1, reports.for_policy(key), PolicyStatus(), NOW)
            assert all(1 <= len(each.reason) <= 1024 for each in status.conditions)
            assert all(len(each.message) <= MAX_MESSAGE for each in status.conditions)
            assert all(each.message.isprintable() for each in status.conditions)
            assert 0 <= min(status.pods, status.refused) <= max(status.pods, status.refused) < 2**63
    assert len(odd.message()) <= MAX_MESSAGE
    assert "Error at" not in odd.message(), "the event handler itself raises nothing"
    sink.delete({"metadata": {"name": "a"}})


def oom_limits(example: list[Manifest]) -> None:
    """OOMLimits of any shape are parsed as far as possible."""
    book = LimitCache(lambda: None)
    for manifest in example:
        book.apply(manifest)
        assert all(isinstance(each, KeptLimit) for each in kept_limits(manifest).values())


POLICIES = st.one_of(
    st.tuples(st.just(NAMESPACED), STEPS, objects_of("oompolicies")),
    st.tuples(st.just(CLUSTER), STEPS, objects_of("clusteroompolicies")),
)
