from pathlib import Path

import pytest
from books_node import Node
from fake_cgroups import FakeCgroups

"""An enforcing agent on a fake node."""

from collections.abc import AsyncIterator

from enforcing import Node
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


@pytest.fixture
def node(tmp_path: Path) -> Node:
    root = tmp_path / "cgroup"
    root.mkdir()
    return Node(tmp_path, FakeCgroups(root))
