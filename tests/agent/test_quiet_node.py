"""What an idle round of each loop costs does not depend on how many containers are quiet.

Two things are read of every container all the same: its memory usage every ten seconds, which
records show, and once a minute its counters, in case that a notification was lost.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.kernel_log import KernelLogReader
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.metrics.container_counters import ContainerCounters
from oomwarden.agent.recording.checkpointer import Settled
from oomwarden.agent.recording.recorder import Recorder
from oomwarden.agent.recording.settler import NodeIdentity, Settler
from oomwarden.agent.store.database import Database
from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.rebuild import RecordedKills
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.quota.pressure import CALM
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree

from tests.support.call_counts import function_calls, system_calls
from tests.support.enforcing import GIVEN, Node, policy
from tests.support.fake_cgroups import UID, FakeCgroups
from tests.support.recorder_node import Nesting
from tests.support.stores import store_at

FEW, MANY = 10, 1000
Round = Callable[[], Awaitable[object]]


async def cost_of(one_round: Round) -> int:
    """Count the calls of a round, after one that may have found something."""
    await one_round()
    with function_calls() as counted:
        await one_round()
    return counted.calls


def containers(count: int) -> list[Container]:
    found = []
    for number in range(count):
        cgroup = Cgroup(
            100 + number, f"pod/{number}", Level.CONTAINER, UID.format(1), f"{number:064}"
        )
        found.append(Container(cgroup, 0.0, f"app-{number}", existed=True))
    return found


async def enforced_rounds(node: Node, count: int) -> dict[str, int]:
    """Count what a round of each loop costs; no policy selects a container."""
    node.pod("app")
    for each in containers(count):
        node.inventory.add(each)
        node.baselines.learn(each, GIVEN)
    node.flow.naming._begin()
    counters = ContainerCounters(node.inventory, node.store)
    for _ in range(2):
        await node.scores.step()
        node.requests.evaluate()

    async def begin() -> None:
        node.flow.naming._begin()

    async def limits() -> None:
        node.requests.evaluate(node.requests._watched)

    rounds: dict[str, Round] = {
        "naming": begin,
        "enforce": node.scores.step,
        "group-kill": node.groups.step,
        "resize-requests": limits,
        "counters": counters.look,
    }
    return {name: await cost_of(each) for name, each in rounds.items()}


async def test_rounds_of_enforcement_cost_the_same_with_any_number_of_containers(
    node: Node,
) -> None:
    few = await enforced_rounds(node, FEW)
    many = await enforced_rounds(node, MANY)
    assert many == few


def recorder_of(store: Database, pods: int) -> Recorder:
    """Return a recorder whose ledger has this many pods, each with a container."""
    settler = Settler(
        NodeIdentity("node-1", "boot", Nesting()), Ledger(), Inventory(synced=True),
        KernelLogReader(lambda _: b""), lambda _: None, lambda _: None,
    )  # fmt: skip

    async def recorded() -> RecordedKills:
        raise AssertionError

    recorder = Recorder(
        settler, store, CgroupRoot(Path("/nowhere")), recorded, lambda: CALM, lambda: None, ()
    )
    batch = Batch(0.0)
    batch.appeared.append((Cgroup(1, "kubepods", Level.KUBEPODS), None))
    for number in range(2, 2 * pods + 2, 2):
        pod = Cgroup(number, f"kubepods/{number}", Level.POD, str(number))
        app = Cgroup(number + 1, f"{pod.path}/app", Level.CONTAINER, str(number), f"{number:064}")
        batch.appeared += [(pod, 1), (app, number)]
    batch.readings = [Reading(each.inode, KillCounters(oom=1)) for each, _ in batch.appeared]
    recorder._apply(batch)
    return recorder


@pytest.mark.parametrize(
    "quiet", [Batch(1.0, reconciled=True, is_consistent=c) for c in (False, True)]
)
async def test_a_batch_without_news_costs_the_same_with_any_number_of_cgroups(
    tmp_path: Path, quiet: Batch
) -> None:
    costs = []
    for count in (FEW, MANY):
        store = store_at(tmp_path / f"store-{count}.sqlite")
        await store.open()
        recorder = recorder_of(store, count)

        async def one_round(recorder: Recorder = recorder) -> None:
            recorder._apply(quiet)
            recorder.settler.ledger.discard_idle_oom()
            await recorder._save(Settled())
            await recorder._settle_due()

        for _ in range(3):
            await one_round()
        costs.append(await cost_of(one_round))
        await store.close()
    assert costs[0] == costs[1]


def test_detection_reads_as_many_files_with_any_number_of_pods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for count in (1, 9):
        root = tmp_path / str(count)
        root.mkdir()
        cgroups = FakeCgroups(root)
        for number in range(count):
            cgroups.container(cgroups.pod(number), "a")
        found = find_kubepods(CgroupRoot(root))
        assert found is not None
        tree = CounterTree(CgroupRoot(root), lambda _: None, lambda _: None)
        top = tree.start(found)
        tree.sweep(top, force=True)
        with monkeypatch.context() as patched:
            counted = system_calls(patched)
            tree.rescan_all(top, force=False)
            assert tree.sweep(top) == []
        costs.append(counted.calls)
        tree.drop(top)
    assert costs == [3, 3], "the link counts of kubepods and its QoS class, and one counter file"


async def test_a_look_at_a_container_with_a_policy_is_two_system_calls(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for digit, name in (("a", "app"), ("b", "side")):
        node.learn(node.container(digit, name))
    node.pod("app", "side")
    node.put(policy())
    for _ in range(2):
        await node.scores.step()
        node.wait_until_due()
    counted = system_calls(monkeypatch)
    found = await node.scanner.find_unchanged(node.tracker.planned)
    assert (len(found), counted.calls) == (2, 4)
