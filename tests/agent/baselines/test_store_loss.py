"""Whether a store was lost is asked once, and kept until all that it knew is known again."""

from pathlib import Path
from typing import Any

import pytest
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.baselines.store_loss import forget_loss, store_was_lost
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.store.database import Database
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kube import oomnodes
from oomwarden.kube.transport.client import Client

from tests.support.stores import store_at

CLIENT: Any = None


def written(store_id: str = "other", boot: str = "boot") -> OOMNodeStatus:
    agent = {"version": "1", "storeID": store_id, "started": "", "heartbeat": ""}
    kernel = {"release": "6.1", "bootID": boot, "cgroupDriver": "systemd"}
    return decode(OOMNodeStatus, {"agent": agent, "kernel": kernel, "memory": {}})


class Agents:
    """One after the other on the same state directory; `listed` is what OOMNode says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "s.sqlite"
        self.listed: OOMNodeStatus | None = written()
        self.asked = 0
        monkeypatch.setattr(oomnodes, "read_status", self.previous)

    async def previous(self, _: Client, __: str) -> OOMNodeStatus | None:
        self.asked += 1
        return self.listed

    async def begin(self) -> tuple[Database, bool]:
        store = store_at(self.path)
        await store.open()
        return store, await store_was_lost(store, CLIENT, "node-1", "boot")


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agents:
    return Agents(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("listed", "lost"), [(None, False), (written(boot="earlier"), False), (written(), True)]
)
async def test_an_oomnode_of_this_boot_that_names_another_store_means_a_lost_one(
    agents: Agents,
    listed: OOMNodeStatus | None,
    lost: bool,  # noqa: FBT001 - parametrized
) -> None:
    agents.listed = listed
    store, found = await agents.begin()
    assert found is lost
    await store.close()


async def test_an_agent_that_ends_early_leaves_the_answer_to_the_next_one(agents: Agents) -> None:
    first, _ = await agents.begin()
    agents.listed = written(first.store_id)
    await first.close()
    second, lost = await agents.begin()
    assert (lost, agents.asked) == (True, 1)
    await second.close()


async def test_once_all_containers_that_were_there_are_saved_the_loss_is_forgotten(
    agents: Agents,
) -> None:
    first, lost = await agents.begin()
    baselines, inventory = Baselines(first, "boot"), Inventory(synced=True)
    await baselines.begin(store_lost=lost)
    for inode in (7, 8):
        cgroup = Cgroup(inode, "x", Level.CONTAINER, "u", f"{inode}" * 64)
        inventory.containers[inode] = Container(cgroup, 0.0, "app", existed=True)
    for inode in (7, 8):
        await forget_loss(baselines, inventory)
        assert not baselines.loss_forgotten
        baselines.learn(inventory.containers[inode], -500)
        await baselines.save_all()
    await forget_loss(baselines, inventory)
    await first.close()
    second, lost = await agents.begin()
    assert (lost, agents.asked) == (False, 1)
    await second.close()
