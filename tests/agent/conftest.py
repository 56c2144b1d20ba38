"""An enforcing agent on a fake node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from enforcing import Node
from fake_cgroups import FakeCgroups
from oomwarden.agent.store import Store


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    root = tmp_path / "cgroup"
    root.mkdir()
    cgroups = FakeCgroups(root)
    store = Store(tmp_path / "store.sqlite")
    await store.open()
    node = Node(cgroups, store)
    cgroups.make(node.pod_path)
    await node.ready()
    yield node
    node.close()
    await store.close()
