"""What samples saw of a container reaches the record of its kill, also when it is gone."""

import pytest
from oomwarden.agent.detection.kernel_log import KernelLogReader
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.recording.settler import NodeIdentity, Settler
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.memory_history import UsageHistory, UsageSample
from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.settling import PendingKill
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts

NOW = 1_800_000_000.0
POD = Cgroup(7, "kubepods.slice/kubepods-podx.slice", Level.POD, "uid")
APP = Cgroup(8, f"{POD.path}/cri-containerd-{'a' * 64}.scope", Level.CONTAINER, "uid", "a" * 64)


class Nesting:
    nested = False


@pytest.fixture
def settler() -> Settler:
    app = ContainerFacts("app", ContainerType.APP, "a" * 64)
    pod = PodFacts("uid", "uid", "shop", "api-1", {}, QOSClass.BURSTABLE, containers=(app,))
    container = Container(APP, 0.0, "app", memory=UsageHistory())
    assert container.memory is not None
    for at, usage in ((NOW - 10, 1), (NOW - 1, 2), (NOW + 1, 3)):
        container.memory.add(UsageSample(at, usage))
    inventory = Inventory({APP.inode: container}, synced=True, pods={"uid": pod})
    ledger = Ledger()
    ledger.open(POD, None)
    ledger.open(APP, POD.inode)
    for cgroup in (POD, APP):
        ledger.observe(Reading(cgroup.inode, KillCounters(oom=1, oom_kill=1)))
    log = KernelLogReader(lambda _: b"")
    return Settler(
        NodeIdentity("node-1", "boot", Nesting()),
        ledger,
        inventory,
        log,
        lambda _: None,
        lambda _: None,
    )


@pytest.mark.parametrize("gone", [False, True])
def test_a_kill_has_the_last_sample_of_its_container_before_it(
    settler: Settler, *, gone: bool
) -> None:
    if gone:
        settler.remove(APP)
    (incident,), _ = settler.settle_pod(POD.inode, PendingKill(0, 0, NOW - 0.1, NOW))
    assert incident.context.memory is not None
    assert incident.context.memory.last == UsageSample(NOW - 1, 2)
