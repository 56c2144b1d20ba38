"""The operator's account deletes old records, and neither recent ones nor new ones of that name."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from kubernetes import client
from msgspec.structs import replace
from oomwarden.controller.retention.publishing import PressurePublisher
from oomwarden.controller.retention.retention import Retention
from oomwarden.core.quota.pressure import Pressure, PressureLevel
from oomwarden.core.quota.retention import Bounds, StoredRecord
from oomwarden.kube.oomkill_pages import OOMKillPages, RecordPage
from oomwarden.kube.pressure import PressureConfigMap
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.resources import OOMKill

from bench.etcd_sizes import KEY_BYTES, stored
from e2e.agent_account import client_as_in_a_pod
from e2e.test_record_refusals import NODE, kill
from e2e.world import GROUP, NAMESPACE, VERSION, Release, World, eventually

pytestmark = pytest.mark.usefixtures("definitions")

AGENT = f"system:serviceaccount:{NAMESPACE}:oomwarden-agent"
NOBOUND = Bounds(0, 0, 0, 0)


def store(world: World, namespace: str, pod: str, *names: str) -> None:
    """Create records of a pod as an agent does, one after the other."""
    agent = client.ApiClient(world.api.configuration)
    agent.set_default_header("Impersonate-User", AGENT)
    agent.set_default_header("Impersonate-Extra-authentication.kubernetes.io%2fnode-name", NODE)
    custom = client.CustomObjectsApi(agent)
    for name in names:
        labels = {"oomwarden.io/node": NODE, "oomwarden.io/pod-uid": f"uid-of-{pod}"}
        whose = {"name": pod, "uid": f"uid-of-{pod}"}
        manifest = kill(metadata={"name": name, "labels": labels}, pod=whose)
        custom.create_namespaced_custom_object(GROUP, VERSION, namespace, "oomkills", manifest)


def client_of_account(world: World, account: str = "operator") -> Client:
    """Return a client with exactly the permissions of the operator or an agent."""
    command = ("create", "token", f"oomwarden-{account}", "-n", NAMESPACE)
    folder = Path(mkdtemp(prefix="oomwarden-account-"))
    (folder / "token").write_text(world.cluster.kubectl(*command))
    return client_as_in_a_pod(world, folder)


@dataclass(frozen=True)
class AgedRecords:
    """The records of a namespace, seen from a time in the future."""

    stored: OOMKillPages
    after: timedelta

    async def page(self, token: str) -> RecordPage:
        page = await self.stored.page(token)
        return replace(page, now=page.now + self.after.total_seconds())

    async def count(self) -> int:
        return await self.stored.count()

    async def delete(self, record: StoredRecord) -> bool:
        return await self.stored.delete(record)


def remaining_after_round(
    world: World, namespace: str, bounds: Bounds, after: timedelta
) -> list[str]:
    """Run one round of retention, and return the names of the records that remain."""

    async def one_round() -> None:
        api = client_of_account(world)
        aged = AgedRecords(OOMKillPages(api, namespace), after)
        publisher = PressurePublisher(bounds, PressureConfigMap(api, NAMESPACE), lambda: "")
        assert await Retention(bounds, aged, publisher).run_round()
        await api.aclose()

    asyncio.run(one_round())
    return sorted(kill["metadata"]["name"] for kill in world.kills(namespace))


def test_records_over_the_bounds_are_deleted_and_recent_ones_stay(
    control_plane: World, namespace: str
) -> None:
    store(control_plane, namespace, "loop", "loop-1", "loop-2", "loop-3")
    store(control_plane, namespace, "calm", "calm-1")
    few = replace(NOBOUND, per_pod=2)
    assert len(remaining_after_round(control_plane, namespace, few, timedelta())) == 4
    assert remaining_after_round(control_plane, namespace, few, timedelta(hours=2)) == [
        "calm-1",
        "loop-2",
        "loop-3",
    ]
    fewer = replace(NOBOUND, per_namespace=2)
    assert len(remaining_after_round(control_plane, namespace, fewer, timedelta(hours=2))) == 2
    old = Bounds(days=2)
    assert len(remaining_after_round(control_plane, namespace, old, timedelta(hours=47))) == 2
    assert remaining_after_round(control_plane, namespace, old, timedelta(hours=49)) == []


def test_a_storm_is_counted_published_and_deleted(control_plane: World, namespace: str) -> None:
    """With the permissions that the chart grants, the operator writes and an agent reads."""

    async def storm() -> tuple[int, Pressure | None]:
        api, agent = client_of_account(control_plane), client_of_account(control_plane, "agent")
        stored, pressure_map = OOMKillPages(api, namespace), PressureConfigMap(api, NAMESPACE)
        bounds = replace(NOBOUND, per_namespace=5)
        loop = Retention(
            bounds,
            AgedRecords(stored, timedelta()),
            PressurePublisher(bounds, pressure_map, lambda: ""),
        )
        before = await stored.count()
        assert await loop.run_round()
        await loop.publisher.publish()
        published = await PressureConfigMap(agent, NAMESPACE).read()
        loop.calls = AgedRecords(stored, timedelta(hours=2))
        assert await loop.run_round()
        await pressure_map.write(Pressure())
        await asyncio.gather(api.aclose(), agent.aclose())
        return before, published

    store(control_plane, namespace, "loop", *(f"loop-{number}" for number in range(30)))
    before, published = asyncio.run(storm())
    assert (before, len(control_plane.kills(namespace))) == (30, 5)
    assert published is not None
    assert published.level_of(namespace) is PressureLevel.FULL


def test_the_estimated_etcd_size_matches_what_the_api_server_stores(
    control_plane: World, namespace: str
) -> None:
    store(control_plane, namespace, "loop", "loop-1")
    (found,) = control_plane.kills(namespace)
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    counted = stored({**found, "metadata": metadata}) - KEY_BYTES
    assert counted == pytest.approx(len(json.dumps(found, separators=(",", ":"))), rel=0.1)


def test_a_new_record_with_the_name_of_a_deleted_one_is_not_deleted(
    control_plane: World, namespace: str
) -> None:
    async def delete_late() -> bool:
        api = client_of_account(control_plane)
        stored = OOMKillPages(api, namespace)
        (before,) = (await stored.page("")).records
        assert await stored.delete(before)
        store(control_plane, namespace, "loop", "loop-1")
        deleted = await stored.delete(before)
        await api.aclose()
        return deleted

    store(control_plane, namespace, "loop", "loop-1")
    assert not asyncio.run(delete_late())
    assert [kill["metadata"]["name"] for kill in control_plane.kills(namespace)] == ["loop-1"]


def test_records_are_listed_in_pages_without_their_content(
    control_plane: World, namespace: str
) -> None:
    async def parts() -> list[list[str]]:
        api, token = client_of_account(control_plane), ""
        found: list[list[str]] = []
        while token or not found:
            answer, _ = await api.list_metadata_page(ListOptions(OOMKill, namespace), token, 2)
            assert all("node" not in item and "evidence" not in item for item in answer["items"])
            found.append([item["metadata"]["name"] for item in answer["items"]])
            token = answer["metadata"].get("continue", "")
        await api.aclose()
        return found

    store(control_plane, namespace, "loop", "loop-1", "loop-2", "loop-3")
    assert asyncio.run(parts()) == [["loop-1", "loop-2"], ["loop-3"]]


def test_the_operator_gets_its_retention_from_the_chart(world: World, release: Release) -> None:
    release.install("--set", "retention.perPod=7")
    try:
        message = "OOMKills are kept: 30 days, 7 per pod, 1000 per namespace, 50000 in total"

        def is_logged() -> bool:
            """The operator's log has its retention bounds."""
            return message in world.cluster.kubectl(
                "logs", "-n", NAMESPACE, "deploy/oomwarden-operator"
            )

        eventually(is_logged, 30)
    finally:
        release.install()
