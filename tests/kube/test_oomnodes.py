import pytest
from oomwarden.api.codec.codec import encode
from oomwarden.api.oomnode import AgentInfo, KernelInfo, OOMNodeStatus
from oomwarden.kube import oomnodes
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import Answer, FakeApi, body, status

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
    refused, node, created, written = api.requests
    assert refused == written
    assert "as=partialobjectmetadata;" in node.headers["accept"]
    [owner] = created.body["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "node-uid"}


async def test_later_writes_replace_the_whole_status_with_one_request() -> None:
    api = FakeApi([body(OOMNODE)])
    async with api.client() as client:
        await oomnodes.write_status(client, "n1", STATUS)
    [written] = api.requests
    assert (written.method, written.path.rsplit("/", 2)[-2:]) == ("PATCH", ["n1", "status"])
    assert written.headers["content-type"] == "application/json-patch+json"
    [change] = written.body
    assert (change["op"], change["path"]) == ("add", "/status")
    assert change["value"]["agent"]["storeID"] == "s"


async def test_the_api_server_does_not_send_a_written_status_back() -> None:
    api = FakeApi([body(OOMNODE)])
    async with api.client() as client:
        await oomnodes.write_status(client, "n1", STATUS)
    assert "as=partialobjectmetadata;" in api.requests[0].headers["accept"]


@pytest.mark.parametrize("refusal", [status(409, "Conflict", "no"), status(403, "Forbidden", "no")])
async def test_a_failed_write_of_the_status_is_an_error(refusal: Answer) -> None:
    api = FakeApi([refusal])
    async with api.client() as client:
        with pytest.raises(ApiError, match="no"):
            await oomnodes.write_status(client, "n1", STATUS)
    assert len(api.requests) == 1


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


async def test_labels_of_the_node_are_read_without_the_rest_of_the_node() -> None:
    api = FakeApi([body({"metadata": {"name": "n1", "labels": {"pool": "gpu"}}})])
    async with api.client() as client:
        assert await oomnodes.read_node_labels(client, "n1") == {"pool": "gpu"}
    assert "as=partialobjectmetadata;" in api.requests[0].headers["accept"]
