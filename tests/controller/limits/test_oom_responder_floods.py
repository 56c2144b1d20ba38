"""Many kills in a short time: namespaces take turns, drops are counted, memory is given once."""

import asyncio
from typing import Any

import pytest
from oomwarden.core.policy.policy import Policy, parse_policy
from oomwarden.kube.pod_resizes import ResizeTarget

from tests.support.answering import RAISE, Kills, kill, run_responder
from tests.support.cluster_of_one import OnePod, granting, refused


def everywhere(rule: dict[str, Any]) -> Policy:
    metadata = {"name": "grow", "generation": 1}
    return parse_policy(
        "ClusterOOMPolicy", {"metadata": metadata, "spec": {"podSelector": {}, "rules": [rule]}}
    )


async def test_a_flood_in_one_namespace_delays_no_other_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def flooding(number: int) -> dict[str, Any]:
        return kill(name=f"f{number}", namespace="flood")

    kills = Kills(*map(flooding, range(500)), kill(name="honest"))
    await run_responder(kills, OnePod((granting(RAISE),)))
    assert "shop/honest" in [name for name, _ in kills.written][:2]
    assert "OOMKills get no response because too many arrived in a short time" in caplog.text
    assert "most of them in namespace flood" in caplog.text
    assert (
        len([record for record in caplog.records if "no response because" in record.message]) < 12
    )


async def test_a_namespace_that_cannot_be_read_does_not_delay_others() -> None:
    class Slow(OnePod):
        async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
            if namespace == "slow":
                await asyncio.Event().wait()
            return await super().read_target(namespace, pod, container)

    slow = [kill(name=f"s{n}", namespace="slow") for n in range(50)]
    kills = Kills(*slow, kill(name="honest"))
    await run_responder(kills, Slow((granting(RAISE),)))
    assert [name for name, _ in kills.written] == ["shop/honest"]


async def test_two_concurrent_kills_on_one_node_do_not_get_the_same_memory() -> None:
    class Waits(OnePod):
        """The first patch waits until the second kill has been evaluated."""

        async def resize(
            self, namespace: str, pod: str, patch: dict[str, Any], manager: str
        ) -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            await super().resize(namespace, pod, patch, manager)

    other = kill(name="two", namespace="other")
    kills, pod = Kills(kill(name="one"), other), Waits((everywhere(RAISE),))
    kills.available = "200Mi"
    await run_responder(kills, pod)
    reasons = {name: response["reason"] for name, response in kills.written}
    assert reasons == {"shop/one": "RaisedLimit", "other/two": "NodeShort"}


async def test_memory_of_a_refused_raise_is_available_to_the_next_kill() -> None:
    kills = Kills(kill(name="one"), kill(name="two"))
    pod = OnePod((granting(RAISE),), failures=[refused(403, "exceeded quota: q")])
    kills.available = "200Mi"
    await run_responder(kills, pod)
    reasons = [response["reason"] for _, response in kills.written]
    assert reasons == ["QuotaExceeded", "RaisedLimit"]
