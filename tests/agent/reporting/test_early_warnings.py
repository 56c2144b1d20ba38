"""Events before a kill: off by default, once an hour or once in a life, and bounded."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from oomwarden.agent.delivery.event_retries import EventRetries
from oomwarden.agent.detection.limit_hits import LimitedCgroup, LimitHitMonitor
from oomwarden.agent.detection.memory_events import MemoryEventMonitor
from oomwarden.agent.detection.usage_patterns import UsagePatternMonitor
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.reporting.early_warnings import (
    MAX_EVENTS_AN_HOUR,
    EarlyWarnings,
    WarningThresholds,
)
from oomwarden.agent.reporting.memory_outlook import MemoryOutlookReporter
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.memory_history import UsageDetail, UsageHistory, UsageSample
from oomwarden.core.incidents.near_misses import ROUND_SECONDS, RecentNearMisses
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

MIB = 1 << 20
LEAK = Verdict(Pattern.LEAK, "grew", 8738.0, 7200.0)


class Node:
    """Containers with near misses and verdicts, and an API server that notes Events."""

    def __init__(self, tmp_path: Path, thresholds: WarningThresholds) -> None:
        self.now = 1_800_000_000.0
        self.posted: list[dict[str, Any]] = []
        self.inventory = Inventory()
        roots = HostRoots(CgroupRoot(tmp_path), ProcRoot(tmp_path))
        events = MemoryEventMonitor(self.inventory, {}, lambda _: None)
        self.hits = LimitHitMonitor(self.inventory, {}, roots, lambda _: None, events)
        self.near: list[tuple[RecentNearMisses, LimitedCgroup]] = []
        self.warnings = EarlyWarnings(
            "node-1", thresholds, self.inventory, self.hits, UsagePatternMonitor(self.inventory),
            EventRetries(self.post), lambda: self.now,
        )  # fmt: skip

    async def post(self, event: dict[str, Any]) -> WriteResult:
        self.posted.append(event)
        return WriteResult(WriteOutcome.DONE, "")

    def container(self, number: int = 1) -> Container:
        uid, cid = f"uid-{number}", f"{number:064}"
        cgroup = Cgroup(number, f"c{number}", Level.CONTAINER, uid, cid)
        facts = ContainerFacts("app", ContainerType.APP, cid)
        self.inventory.pods[uid] = PodFacts(
            uid, uid, "shop", f"api-{number}", {}, QOSClass.BURSTABLE, containers=(facts,)
        )
        made = Container(cgroup, 0.0, "app", 32 * MIB, memory=UsageHistory())
        self.inventory.containers[number] = made
        return made

    def miss(self, container: Container, count: int) -> None:
        holder = (container.cgroup.pod_uid or "", "app")
        misses = RecentNearMisses(holder, count, self.now - 60, self.now)
        self.near = [each for each in self.near if each[0].holder != holder]
        self.near.append((misses, LimitedCgroup(container.cgroup, container, container.limit)))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    node = Node(tmp_path, WarningThresholds(near_misses=100, leak_seconds=3 * 3600))
    monkeypatch.setattr(LimitHitMonitor, "recent", lambda _: node.near)
    return node


async def test_near_misses_within_the_budget_cause_no_event(node: Node) -> None:
    node.miss(node.container(), 100)
    await node.warnings.post()
    assert node.posted == []


async def test_near_misses_above_the_budget_cause_one_event_an_hour(node: Node) -> None:
    app = node.container()
    for count in (101, 500, 9000):
        node.miss(app, count)
        await node.warnings.post()
        node.now += 600
    (event,) = node.posted
    assert event["reason"] == "MemoryLimitHit"
    assert " 101 times" in event["note"]
    node.now += 2400
    await node.warnings.post()
    assert len(node.posted) == 2
    assert len({event["metadata"]["name"] for event in node.posted}) == 2


async def test_the_event_waits_a_round_for_what_the_memory_consists_of(node: Node) -> None:
    app = node.container()
    node.miss(app, 101)
    misses, limited = node.near[0]
    node.near = [(replace(misses, since=node.now), limited)]
    await node.warnings.post()
    assert node.posted == []
    node.now += ROUND_SECONDS
    await node.warnings.post()
    assert len(node.posted) == 1


async def test_the_event_says_that_page_cache_is_harmless(node: Node) -> None:
    app = node.container()
    assert app.memory is not None
    cache = Composition(anon=MIB, file=30 * MIB, shmem=0)
    app.memory.add_detail(UsageDetail(UsageSample(node.now, 31 * MIB), cache, 1))
    node.miss(app, 101)
    await node.warnings.post()
    assert "harmless" in node.posted[0]["note"]


async def test_a_leak_that_reaches_its_limit_in_time_causes_one_event_in_its_life(
    node: Node,
) -> None:
    app = node.container()
    app.verdict = Verdict(Pattern.LEAK, "grew", 8738.0, 4 * 3600.0)
    await node.warnings.post()
    assert node.posted == []
    app.verdict = LEAK
    for _ in range(5):
        await node.warnings.post()
        node.now += 7200
    (event,) = node.posted
    assert (event["reason"], event["regarding"]["name"]) == ("MemoryLeakSuspected", "api-1")


@pytest.mark.parametrize(
    "verdict",
    [None, Verdict(Pattern.SPIKE, "rose"), Verdict(Pattern.LEAK, "grew", 1.0, None)],
)
async def test_no_leak_or_no_time_to_the_limit_causes_no_event(
    node: Node, verdict: Verdict | None
) -> None:
    node.container().verdict = verdict
    await node.warnings.post()
    assert node.posted == []


async def test_a_node_posts_a_bounded_number_of_events_an_hour(node: Node) -> None:
    for number in range(2 * MAX_EVENTS_AN_HOUR):
        node.miss(node.container(number), 101)
    await node.warnings.post()
    await node.warnings.post()
    assert len(node.posted) == MAX_EVENTS_AN_HOUR
    node.now += 3700
    await node.warnings.post()
    assert len(node.posted) == 2 * MAX_EVENTS_AN_HOUR


async def test_nothing_is_kept_of_containers_that_are_gone(node: Node) -> None:
    app = node.container()
    app.verdict = LEAK
    node.miss(app, 101)
    await node.warnings.post()
    assert len(node.warnings._posted) == 2
    node.inventory.containers.clear()
    node.near.clear()
    node.now += 3700
    await node.warnings.post()
    assert node.warnings._posted == {}


async def test_pods_that_are_not_known_are_left_out_of_events_and_reports(node: Node) -> None:
    app = node.container()
    app.verdict = LEAK
    node.miss(app, 101)
    node.inventory.pods.clear()
    await node.warnings.post()
    assert node.posted == []
    outlook = MemoryOutlookReporter(node.inventory, node.hits).report()
    assert (outlook.near_misses.total, outlook.patterns) == (0, ())


async def test_the_report_names_pod_and_container(node: Node) -> None:
    app = node.container()
    app.verdict = LEAK
    node.miss(app, 101)
    outlook = MemoryOutlookReporter(node.inventory, node.hits).report()
    (near,), (pattern,) = outlook.near_misses.containers, outlook.patterns
    assert (near.pod, near.container, near.count) == ("api-1", "app", 101)
    assert (pattern.pod, pattern.container, pattern.pattern) == ("api-1", "app", "Leak")


@pytest.mark.parametrize("field", ["near_misses", "leak_seconds"])
async def test_each_kind_of_event_is_off_without_its_threshold(node: Node, field: str) -> None:
    app = node.container()
    app.verdict = LEAK
    node.miss(app, 101)
    node.warnings.thresholds = node.warnings.thresholds._replace(**{field: 0})
    await node.warnings.post()
    assert len(node.posted) == 1
