import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.weight.api.requests import Request, Response, Target, read_request, target
from bench.weight.api.server import ApiServer
from bench.weight.api.store import Json, Store, merged, patched, selector


def pod(name: str, node: str = "n1", **labels: str) -> Json:
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"nodeName": node}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", Target("pods")),
        ("/api/v1/namespaces", Target("namespaces")),
        ("/api/v1/namespaces/shop", Target("namespaces", "", "shop")),
        ("/api/v1/namespaces/shop/configmaps/a", Target("configmaps", "shop", "a")),
        ("/apis/oomwarden.io/v1alpha1/oomnodes/n/status", Target("oomnodes", "", "n", "status")),
        ("/apis/events.k8s.io/v1/namespaces/shop/events", Target("events", "shop")),
    ],
)
def test_a_path_names_a_resource_and_perhaps_an_object(path: str, expected: Target) -> None:
    assert target(path) == expected


@given(st.text())
def test_any_path_has_a_target(path: str) -> None:
    assert isinstance(target(path), Target)


def test_fields_labels_and_namespaces_select() -> None:
    found = pod("a", "n1", tier="web")
    assert selector("spec.nodeName=n1,metadata.name=a", "tier=web", "shop")(found)
    assert not selector("spec.nodeName=n2", "", "")(found)
    assert not selector("", "tier=db", "")(found)
    assert not selector("", "", "other")(found)


def test_a_merge_patch_sets_and_removes() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": [4]}, "d": 5}) == {
        "a": {"c": 2, "e": [4]},
        "d": 5,
    }


def test_an_object_keeps_its_uid_and_gets_a_newer_version() -> None:
    store = Store()
    first = store.put("pods", pod("a"))
    second = store.put("pods", pod("a", tier="web"))
    assert first["metadata"]["uid"] == second["metadata"]["uid"]
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    store.delete("pods", "shop", "a")
    kinds = [each.kind for each in store.changes]
    assert kinds == ["ADDED", "MODIFIED", "DELETED"]
    assert store.get("pods", "shop", "a") is None


def test_changes_after_a_version_are_those_of_the_resource() -> None:
    store = Store()
    store.put("pods", pod("a"))
    since = store.version
    store.put("nodes", {"metadata": {"name": "n"}})
    store.put("pods", pod("b"))
    found = list(store.since(since, "pods", selector("", "", "")))
    assert [each.manifest["metadata"]["name"] for each in found] == ["b"]


class Connection:
    """A client of the server without TLS: both ends of a pipe in memory."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.sent = bytearray()
        self.more = asyncio.Event()

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[bytes, bytes]:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{key.replace('_', '-')}: {value}" for key, value in headers.items()]
        lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(content)}", *lines, "", ""]
        reader = asyncio.StreamReader()
        reader.feed_data("\r\n".join(lines).encode() + content)
        reader.feed_eof()
        self.sent.clear()
        await self.api._serve(reader, self)  # type: ignore[arg-type]
        head, _, rest = bytes(self.sent).partition(b"\r\n\r\n")
        if b"gzip" in head:
            rest = gzip.decompress(rest)
        return head, rest

    def write(self, data: bytes) -> None:
        self.sent += data
        self.more.set()

    async def has_sent(self, text: bytes) -> None:
        while text not in self.sent:
            self.more.clear()
            await self.more.wait()

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        pass


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@asynccontextmanager
async def connected(*pods: Json) -> AsyncIterator[Connection]:
    store = Store()
    for each in pods:
        store.put("pods", each)
    yield Connection(ApiServer(store))


def test_a_list_arrives_in_pages_and_says_how_many_remain() -> None:
    async def work() -> None:
        async with connected(*(pod(f"p{n}") for n in range(5))) as api:
            _, body = await api.ask("GET", "/api/v1/pods?limit=2")
            page = json.loads(body)
            assert len(page["items"]) == 2
            assert page["metadata"]["remainingItemCount"] == 3
            token = page["metadata"]["continue"]
            _, body = await api.ask("GET", f"/api/v1/pods?limit=3&continue={token}")
            last = json.loads(body)
            assert [each["metadata"]["name"] for each in last["items"]] == ["p2", "p3", "p4"]
            assert "continue" not in last["metadata"]
            assert api.api.requests["list", "pods"] == 2

    run(work())


def test_a_large_list_is_compressed_if_the_client_accepts_it() -> None:
    async def work() -> None:
        large = [pod(f"p{n}", note="x" * 50_000) for n in range(4)]
        async with connected(*large) as api:
            head, body = await api.ask("GET", "/api/v1/pods", Accept_Encoding="gzip")
            assert b"Content-Encoding: gzip" in head
            assert len(json.loads(body)["items"]) == 4
            head, _ = await api.ask("GET", "/api/v1/pods")
            assert b"gzip" not in head

    run(work())


def test_a_watch_begins_with_all_objects_if_it_is_asked_for() -> None:
    async def work() -> None:
        async with connected(pod("a")) as api:
            query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=0"
            _, body = await api.ask("GET", f"/api/v1/pods?{query}")
            lines = [json.loads(line) for line in body.split(b"\r\n") if line.startswith(b"{")]
            assert [each["type"] for each in lines] == ["ADDED", "BOOKMARK"]
            marks = lines[1]["object"]["metadata"]["annotations"]
            assert marks == {"k8s.io/initial-events-end": "true"}

    run(work())


def test_a_watch_sends_what_happened_after_its_version_and_what_happens() -> None:
    async def work() -> None:
        async with connected(pod("a")) as api:
            query = f"watch=true&timeoutSeconds=1&resourceVersion={api.api.store.version}"
            api.api.store.put("pods", pod("b"))
            watching = asyncio.create_task(api.ask("GET", f"/api/v1/pods?{query}"))
            await api.has_sent(b'"b"')
            api.api.store.put("pods", pod("c"))
            await api.has_sent(b'"c"')
            watching.cancel()

    run(work())


def test_objects_are_created_once_and_their_arrival_is_reported() -> None:
    async def work() -> None:
        arrived: list[str] = []
        async with connected() as api:
            api.api.created = lambda resource, *_: arrived.append(resource)
            path = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"
            head, _ = await api.ask("POST", path, {"metadata": {"name": "k"}})
            assert b" 201 " in head
            head, body = await api.ask("POST", path, {"metadata": {"name": "k"}})
            assert b" 409 " in head
            assert json.loads(body)["reason"] == "AlreadyExists"
            assert arrived == ["oomkills"]
            assert api.api.store.get("oomkills", "shop", "k")

    run(work())


def test_a_status_is_replaced_without_the_rest_and_apply_creates() -> None:
    async def work() -> None:
        async with connected() as api:
            path = "/apis/oomwarden.io/v1alpha1/oomnodes/n"
            head, _ = await api.ask("PUT", f"{path}/status", {"status": {"a": 1}})
            assert b" 404 " in head
            apply = "application/apply-patch+yaml"
            head, _ = await api.ask("PATCH", path, {"spec": {"b": 2}}, Content_Type=apply)
            assert b" 200 " in head
            await api.ask("PUT", f"{path}/status", {"status": {"a": 1}, "spec": {"b": 3}})
            _, body = await api.ask("GET", path)
            found = json.loads(body)
            assert (found["spec"], found["status"]) == ({"b": 2}, {"a": 1})

    run(work())


def test_a_chunked_body_is_read_whole() -> None:
    async def work() -> None:
        reader = asyncio.StreamReader()
        head = "POST /api/v1/pods HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader.feed_data(head.encode() + b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n')
        request = await read_request(reader)
        assert request is not None
        assert request.body == {"a": 1}

    run(work())


def test_a_small_body_is_never_compressed() -> None:
    request = Request("GET", Target("pods"), {}, {"accept-encoding": "gzip"}, None, 0)
    assert b"gzip" not in Response(200, b"{}").encoded(request)


def test_a_json_patch_changes_only_what_it_names() -> None:
    before: Json = {"a": {"b": 1, "c": 2}}
    operations = [
        {"op": "add", "path": "/status", "value": 3},
        {"op": "replace", "path": "/a/b", "value": 4},
    ]
    assert patched(before, operations) == {"a": {"b": 4, "c": 2}, "status": 3}
    assert before == {"a": {"b": 1, "c": 2}}
