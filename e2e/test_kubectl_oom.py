"""`kubectl oom` through the real kubectl, for users with few rights."""

import json
from pathlib import Path

import pytest
from kubernetes import client

from e2e.agent_account import agent_client, agent_pod
from e2e.plugin import plugin_of_user
from e2e.test_record_refusals import kill
from e2e.world import GROUP, VERSION, World

pytestmark = pytest.mark.usefixtures("definitions")


def test_a_user_who_may_only_read_a_namespace_gets_its_history(
    control_plane: World, namespace: str, tmp_path: Path
) -> None:
    world = control_plane
    with agent_pod(world) as agent:
        custom = client.CustomObjectsApi(agent_client(world, agent))
        record = kill(node=agent.spec.node_name)
        record["metadata"] = {"name": "api-1", "labels": {"oomwarden.io/node": record["node"]}}
        custom.create_namespaced_custom_object(GROUP, VERSION, namespace, "oomkills", record)
    user = plugin_of_user(world, tmp_path, namespace, "oomkills.oomwarden.io", "pods")

    shown = user.oom("kills", "--no-headers")
    assert shown.out.split()[:6] == ["api", "app", "python3", "ContainerLimit", "512Mi", "1"]
    assert json.loads(user.oom("kills", "-o", "json").out)["items"][0]["node"] == record["node"]
    everywhere = user.oom("kills", "-A")
    assert (everywhere.code, everywhere.out) == (1, "")
    assert "you may not list oomkills.oomwarden.io in all namespaces" in everywhere.err
    completed = user.kubectl("__complete", "oom", "kills", "--b")
    assert "--by" in completed.out.splitlines()
