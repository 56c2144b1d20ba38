"""`kubectl oom test` kills a pod of its own on a real node, and `kubectl oom report` shows it."""

import json
import subprocess
import sys

import pytest

from e2e.world import World

pytestmark = pytest.mark.usefixtures("release")
COMMAND = (sys.executable, "-c", "from oomwarden.cli.start import main; main()")


def kubectl_oom(world: World, *arguments: str) -> str:
    """Run a command as a person does, and return what it prints."""
    environment = world.cluster.environment()
    ran = subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_a_kill_test_sees_record_event_and_metric_leaves_no_pod_and_is_reported(
    world: World, namespace: str
) -> None:
    timeout = ("--timeout", "180s")
    found = json.loads(kubectl_oom(world, "test", "-n", namespace, *timeout, "-o", "json"))
    outcomes = {step["name"]: step["outcome"] for step in found["steps"]}
    expected = ("created", "scheduled", "killed", "record", "event", "metric", "clean-up")
    assert outcomes == dict.fromkeys(expected, "ok"), found["steps"]
    (kill,) = world.kills(namespace, found["pod"])
    assert kill["metadata"]["name"] == found["record"]
    assert (kill["cause"], kill["limit"]) == ("ContainerLimit", "32Mi")
    assert [victim["command"] for victim in kill["victims"]] == ["python3"]
    assert found["latencyIsExact"]
    assert 0 <= found["latencySeconds"] < 10
    page = kubectl_oom(world, "report", "-n", namespace, "--since", "1h")
    assert f"1 OOM kill in 1 hour, all of Pod/{found['pod']}" in page
    assert f"kubectl oom why {found['record']} -n {namespace}" in page
    left = world.core.list_namespaced_pod(namespace).items
    assert [each.metadata.name for each in left if not each.metadata.deletion_timestamp] == []
