import pytest
from oomwarden.api.codec.codec import encode
from oomwarden.api.oomnode import AgentInfo, KernelInfo, OOMNodeStatus
from oomwarden.kube import oomnodes
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import FakeApi, body, status

NOW = "2026-01-02T03:04:05Z"
STATUS = OOMNodeStatus(
    agent=AgentInfo(version="0.1.0", store_id="s", started=NOW, heartbeat=NOW),
    kernel=KernelInfo(release="6.1", boot_id="b", cgroup_driver="systemd"),
)
MISSING = status(404, "NotFound", 'oomnodes "n1" not found')
OOMNODE = {"metadata": {"name": "n1", "resourceVersion": "5"}}
NODE = {
    "metadata": {"name": "n1", "uid": "node-uid"},
    "status": {"capacity": {"memory": "16Gi"}, "allocatable": {"memory": "14Gi"}},
}


async def test_the_first_status_creates_the_oomnode_owned_by_the_node() -> None:
    api = FakeApi([MISSING, body(NODE), body(OOMNODE, 201), body(OOMNODE)])
    async with api.client() as client:
        await oomnodes.write_status(client, "n1", STATUS)
    created, written = api.requests[2:]
    [owner] = created.body["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "node-uid"}
    assert (written.method, written.path.rsplit("/", 2)[-2:]) == ("PUT", ["n1", "status"])
    assert written.body["status"]["agent"]["storeID"] == "s"


async def test_later_writes_replace_the_status_at_the_version_read() -> None:
    api = FakeApi([body(OOMNODE | {"status": {"old": 1}}), body(OOMNODE)])
    async with api.client() as client:
        await oomnodes.write_status(client, "n1", STATUS)
    written = api.requests[1].body
    assert written["metadata"]["resourceVersion"] == "5"
    assert "old" not in written["status"]


async def test_a_failed_write_of_the_status_is_an_error() -> None:
    api = FakeApi([body(OOMNODE), status(409, "Conflict", "modified")])
    async with api.client() as client:
        with pytest.raises(ApiError, match="modified"):
            await oomnodes.write_status(client, "n1", STATUS)


async def test_the_status_of_the_previous_agent_is_read() -> None:
    manifest = encode(STATUS)
    api = FakeApi([body(OOMNODE | {"status": manifest})])
    async with api.client() as client:
        assert await oomnodes.read_status(client, "n1") == STATUS


@pytest.mark.parametrize("found", [MISSING, body(OOMNODE), body(OOMNODE | {"status": {"v": 2}})])
async def test_a_missing_or_unreadable_status_is_none(found: object) -> None:
    api = FakeApi([found])  # type: ignore[list-item]
    async with api.client() as client:
        assert await oomnodes.read_status(client, "n1") is None


async def test_missing_permission_to_read_is_an_error() -> None:
    api = FakeApi([status(403, "Forbidden", "no rights")])
    async with api.client() as client:
        with pytest.raises(ApiError, match="no rights"):
            await oomnodes.read_status(client, "n1")


async def test_the_nodes_memory_is_read_from_the_node() -> None:
    api = FakeApi([body(NODE)])
    async with api.client() as client:
        assert await oomnodes.read_node_memory(client, "n1") == ("16Gi", "14Gi")
