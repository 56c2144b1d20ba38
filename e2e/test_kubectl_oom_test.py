"""`kubectl oom test` kills a pod of its own on a real node."""

import json
import subprocess
import sys

import pytest

from e2e.world import World

pytestmark = pytest.mark.usefixtures("release")
COMMAND = (sys.executable, "-c", "from oomwarden.cli.start import main; main()")


def test_kubectl_oom_test_sees_record_event_and_metric_and_leaves_no_pod(
    world: World, namespace: str
) -> None:
    words = (*COMMAND, "test", "-n", namespace, "--timeout", "180s", "-o", "json")
    ran = subprocess.run(
        words, env=world.cluster.environment(), capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    outcomes = {step["name"]: step["outcome"] for step in found["steps"]}
    expected = ("created", "scheduled", "killed", "record", "event", "metric", "clean-up")
    assert outcomes == dict.fromkeys(expected, "ok")
    (kill,) = world.kills(namespace, found["pod"])
    assert kill["metadata"]["name"] == found["record"]
    assert (kill["cause"], kill["limit"]) == ("ContainerLimit", "32Mi")
    assert [victim["command"] for victim in kill["victims"]] == ["python3"]
    assert found["latencyIsExact"]
    assert 0 <= found["latencySeconds"] < 10
    left = world.core.list_namespaced_pod(namespace).items
    assert [each.metadata.name for each in left if not each.metadata.deletion_timestamp] == []
