from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.enforcing import Node
from tests.support.fake_cgroups import FakeCgroups
from tests.support.recorder_node import RecorderNode
from tests.support.stores import store_at


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """An enforcing agent on a fake node."""
    root = tmp_path / "cgroup"
    root.mkdir()
    cgroups = FakeCgroups(root)
    store = store_at(tmp_path / "store.sqlite")
    await store.open()
    node = Node(cgroups, store)
    cgroups.make(node.pod_path)
    await node.ready()
    yield node
    node.close()
    await store.close()


@pytest.fixture
def books(tmp_path: Path) -> RecorderNode:
    """A detecting agent, to be started, on a fake node."""
    root = tmp_path / "cgroup"
    root.mkdir()
    return RecorderNode(tmp_path, FakeCgroups(root))
