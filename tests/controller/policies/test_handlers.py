"""What kopf may do, and how its events reach the work queue."""

from datetime import UTC, datetime
from pathlib import Path

import kopf
import pytest
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.kopf_frame import operator_settings, registry_for
from oomwarden.controller.login import in_cluster_connection
from oomwarden.controller.policies.handlers import ClusterPolicyIndex, PolicyHandlers
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.core.policy.policy import PolicyKey

DB = PolicyKey("ClusterOOMPolicy", "", "db")
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def handlers() -> PolicyHandlers:
    return PolicyHandlers(PolicyQueue(), ClusterPolicyIndex())


def test_no_handler_keeps_state_on_users_objects(handlers: PolicyHandlers) -> None:
    registry = registry_for(handlers)
    assert registry._changing.get_all_handlers() == []
    assert registry._spawning.get_all_handlers() == []
    assert registry._webhooks.get_all_handlers() == []
    assert len(registry._watching.get_all_handlers()) == 1
    assert len(registry._indexing.get_all_handlers()) == 1


def test_kopf_posts_no_events_and_watches_no_crds() -> None:
    settings = operator_settings()
    assert not settings.posting.enabled
    assert settings.scanning.disabled


def policy(**status: object) -> kopf.Body:
    metadata = {"name": "db", "generation": 4}
    return kopf.Body(
        {"kind": "ClusterOOMPolicy", "metadata": metadata, "spec": {}, "status": status}  # type: ignore[typeddict-item]
    )


async def test_a_policy_is_indexed_by_kind_and_name(handlers: PolicyHandlers) -> None:
    found = await handlers.index_policy(body=policy(enforced=2))
    assert found[DB].generation == 4
    assert found[DB].status == PolicyStatus(enforced=2)


async def test_an_unreadable_status_counts_as_empty(handlers: PolicyHandlers) -> None:
    found = await handlers.index_policy(body=policy(enforced="many"))
    assert found[DB].status == PolicyStatus()


async def test_an_event_queues_its_policy(handlers: PolicyHandlers) -> None:
    await handlers.policy_changed(body=policy())
    assert handlers.queue.drain() == [DB]


@pytest.mark.parametrize(("host", "server"), [("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]")])
def test_a_pod_logs_in_by_address_with_a_token_that_is_read_again(
    tmp_path: Path, host: str, server: str
) -> None:
    (tmp_path / "token").write_text("secret\n")
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    found = in_cluster_connection(tmp_path, environment, NOW)
    assert found is not None
    assert (found.server, found.token) == (f"https://{server}:443", "secret")
    assert found.expiration == datetime(2026, 11, 23, 12, 10, 0, tzinfo=UTC)


def test_outside_of_a_pod_there_is_no_in_cluster_connection(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    assert in_cluster_connection(tmp_path, environment, NOW) is None
    assert in_cluster_connection(tmp_path, {}, NOW) is None
