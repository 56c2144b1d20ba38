"""Old records go, with the operator's own rights; young ones and those of the same name stay."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from kubernetes import client
from lightkube import KubeConfig
from lightkube.config.models import User
from oomwarden.controller.retention.publishing import PressurePublisher
from oomwarden.controller.retention.retention import Retention
from oomwarden.core.quota.pressure import Pressure, PressureLevel
from oomwarden.core.quota.retention import Bounds, StoredRecord
from oomwarden.kube.oomkill_pages import OOMKillPages, RecordPage
from oomwarden.kube.pressure import PressureConfigMap
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.resources import OOMKill

from bench.etcd_sizes import KEY_BYTES, stored
from e2e.test_record_refusals import NODE, kill
from e2e.world import GROUP, NAMESPACE, VERSION, Release, World, eventually

pytestmark = pytest.mark.usefixtures("definitions")

AGENT = f"system:serviceaccount:{NAMESPACE}:oomwarden-agent"
NOBOUND = Bounds(0, 0, 0, 0)


def store(world: World, namespace: str, pod: str, *names: str) -> None:
    """Store records of a pod as an agent does, one after the other."""
    agent = client.ApiClient(world.api.configuration)
    agent.set_default_header("Impersonate-User", AGENT)
    agent.set_default_header("Impersonate-Extra-authentication.kubernetes.io%2fnode-name", NODE)
    custom = client.CustomObjectsApi(agent)
    for name in names:
        labels = {"oomwarden.io/node": NODE, "oomwarden.io/pod-uid": f"uid-of-{pod}"}
        whose = {"name": pod, "uid": f"uid-of-{pod}"}
        manifest = kill(metadata={"name": name, "labels": labels}, pod=whose)
        custom.create_namespaced_custom_object(GROUP, VERSION, namespace, "oomkills", manifest)


def operators_client(world: World, account: str = "operator") -> Client:
    """Speak with the API server as the operator, or an agent: with its rights, and no others."""
    asked = ("create", "token", f"oomwarden-{account}", "-n", NAMESPACE)
    config = KubeConfig.from_file(world.cluster.kubeconfig).get()
    assert config is not None
    return Client(config._replace(user=User(token=world.cluster.kubectl(*asked).strip())))


@dataclass(frozen=True)
class Later:
    """The records of a namespace, looked at some time from now."""

    stored: OOMKillPages
    after: timedelta

    async def page(self, token: str) -> RecordPage:
        page = await self.stored.page(token)
        return replace(page, now=page.now + self.after.total_seconds())

    async def count(self) -> int:
        return await self.stored.count()

    async def delete(self, record: StoredRecord) -> bool:
        return await self.stored.delete(record)


def left(world: World, namespace: str, bounds: Bounds, after: timedelta) -> list[str]:
    """Let the operator's account do one round; give the names of the records that stay."""

    async def look() -> None:
        speaker = operators_client(world)
        later = Later(OOMKillPages(speaker, namespace), after)
        publisher = PressurePublisher(bounds, PressureConfigMap(speaker, NAMESPACE), lambda: "")
        assert await Retention(bounds, later, publisher).run_round()
        await speaker.close()

    asyncio.run(look())
    return sorted(kill["metadata"]["name"] for kill in world.kills(namespace))


def test_what_is_over_the_bounds_goes_and_what_is_young_stays(
    control_plane: World, namespace: str
) -> None:
    store(control_plane, namespace, "loop", "loop-1", "loop-2", "loop-3")
    store(control_plane, namespace, "calm", "calm-1")
    few = replace(NOBOUND, per_pod=2)
    assert len(left(control_plane, namespace, few, timedelta())) == 4
    assert left(control_plane, namespace, few, timedelta(hours=2)) == ["calm-1", "loop-2", "loop-3"]
    fewer = replace(NOBOUND, per_namespace=2)
    assert len(left(control_plane, namespace, fewer, timedelta(hours=2))) == 2
    old = Bounds(days=2)
    assert len(left(control_plane, namespace, old, timedelta(hours=47))) == 2
    assert left(control_plane, namespace, old, timedelta(hours=49)) == []


def test_a_storm_is_counted_published_and_deleted_side_by_side(
    control_plane: World, namespace: str
) -> None:
    """With the rights that the chart gives: the operator writes what an agent reads."""

    async def play() -> tuple[int, Pressure | None]:
        speaker, agent = operators_client(control_plane), operators_client(control_plane, "agent")
        stored, board = OOMKillPages(speaker, namespace), PressureConfigMap(speaker, NAMESPACE)
        bounds = replace(NOBOUND, per_namespace=5)
        loop = Retention(
            bounds, Later(stored, timedelta()), PressurePublisher(bounds, board, lambda: "")
        )
        before = await stored.count()
        assert await loop.run_round()
        await loop.publisher.publish()
        said = await PressureConfigMap(agent, NAMESPACE).read()
        loop.calls = Later(stored, timedelta(hours=2))
        assert await loop.run_round()
        await board.write(Pressure())
        await asyncio.gather(speaker.close(), agent.close())
        return before, said

    store(control_plane, namespace, "loop", *(f"loop-{number}" for number in range(30)))
    before, said = asyncio.run(play())
    assert (before, len(control_plane.kills(namespace))) == (30, 5)
    assert said is not None
    assert said.of(namespace) is PressureLevel.FULL


def test_the_sum_of_what_fills_etcd_counts_what_the_api_server_stores(
    control_plane: World, namespace: str
) -> None:
    store(control_plane, namespace, "loop", "loop-1")
    (found,) = control_plane.kills(namespace)
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    counted = stored({**found, "metadata": metadata}) - KEY_BYTES
    assert counted == pytest.approx(len(json.dumps(found, separators=(",", ":"))), rel=0.1)


def test_a_record_of_the_same_name_is_not_deleted_in_anothers_place(
    control_plane: World, namespace: str
) -> None:
    async def delete_late() -> bool:
        speaker = operators_client(control_plane)
        stored = OOMKillPages(speaker, namespace)
        (before,) = (await stored.page("")).records
        assert await stored.delete(before)
        store(control_plane, namespace, "loop", "loop-1")
        deleted = await stored.delete(before)
        await speaker.close()
        return deleted

    store(control_plane, namespace, "loop", "loop-1")
    assert not asyncio.run(delete_late())
    assert [kill["metadata"]["name"] for kill in control_plane.kills(namespace)] == ["loop-1"]


def test_records_are_listed_in_parts_without_their_content(
    control_plane: World, namespace: str
) -> None:
    async def parts() -> list[list[str]]:
        speaker, token = operators_client(control_plane), ""
        found: list[list[str]] = []
        while token or not found:
            answer, _ = await speaker.list_metadata_page(ListOptions(OOMKill, namespace), token, 2)
            assert all("node" not in item and "evidence" not in item for item in answer["items"])
            found.append([item["metadata"]["name"] for item in answer["items"]])
            token = answer["metadata"].get("continue", "")
        await speaker.close()
        return found

    store(control_plane, namespace, "loop", "loop-1", "loop-2", "loop-3")
    assert asyncio.run(parts()) == [["loop-1", "loop-2"], ["loop-3"]]


def test_the_operator_is_told_by_the_chart_what_to_keep(world: World, release: Release) -> None:
    release.install("--set", "retention.perPod=7")
    try:
        told = "OOMKills are kept: 30 days, 7 of a pod, 1000 of a namespace, 50000 in all"

        def heard() -> bool:
            """The operator says what it keeps."""
            return told in world.cluster.kubectl(
                "logs", "-n", NAMESPACE, "deploy/oomwarden-operator"
            )

        eventually(heard, 30)
    finally:
        release.install()
