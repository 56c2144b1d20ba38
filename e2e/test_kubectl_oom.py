"""`kubectl oom` through the real kubectl, for users with few rights."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from e2e.agent_account import NODE, agent_client, agent_pod
from e2e.owners import KINDS, child, define_rollouts, owner_object
from e2e.plugin import plugin_of_admin, plugin_of_user
from e2e.test_record_refusals import kill
from e2e.workloads import container, pod, policy
from e2e.world import GROUP, VERSION, World

pytestmark = pytest.mark.usefixtures("definitions")

RAISED = "80Mi"
"""A quarter more than the limit of the owners in e2e/owners.py."""


@pytest.fixture
def rollouts(control_plane: World) -> Iterator[None]:
    yield from define_rollouts(control_plane)


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


def test_every_kind_of_owner_gets_a_patch_that_the_api_server_accepts(
    control_plane: World, rollouts: None, namespace: str, tmp_path: Path
) -> None:
    world = control_plane
    records = [killed(world, namespace, kind) for kind in KINDS]
    with agent_pod(world) as agent:
        custom = client.CustomObjectsApi(agent_client(world, agent))
        for each in records:
            custom.create_namespaced_custom_object(GROUP, VERSION, namespace, "oomkills", each)
    admin = plugin_of_admin(world, tmp_path)

    for record, kind in zip(records, KINDS, strict=True):
        name = record["metadata"]["name"]
        explained = admin.oom("why", f"oomkill/{name}", "-n", namespace, "-o", "json")
        assert explained.code == 0, explained.err
        story = json.loads(explained.out)
        assert story["limit"]["setIn"].startswith(f"{kind} {namespace}/{kind.lower()}: spec."), kind
        (step,) = [each for each in story["nextSteps"] if "command" in each]
        ran = admin.shell(as_dry_run(step["command"], kind))
        assert (ran.code, kind) == (0, kind), f"{step['command']}: {ran.err}"
        assert f'"memory":"{RAISED}"' in ran.out.replace(" ", ""), (kind, ran.out)


def killed(world: World, namespace: str, kind: str) -> dict[str, Any]:
    """Create an owner, and return the record of a kill of one of its pods, which is gone."""
    world.apply(owner_object(namespace, kind))
    where = ("get", kind.lower(), kind.lower(), "-n", namespace, "-o", "json")
    owner = json.loads(world.cluster.kubectl(*where))
    record = kill(node=NODE)
    labels = {"oomwarden.io/node": NODE}
    record["metadata"] = {"name": f"record-{kind.lower()}", "labels": labels}
    record["limit"] = "64Mi"
    if kind == "Pod":
        record["pod"] = {"name": "pod", "uid": owner["metadata"]["uid"]}
        return record
    if kind in {"CronJob", "Rollout"}:
        of = child(namespace, kind, owner)
        world.apply(of)
        kind, name = of["kind"], of["metadata"]["name"]
    else:
        name = kind.lower()
    record["pod"]["owner"] = {"kind": kind, "name": name}
    return record


def as_dry_run(command: str, kind: str) -> str:
    """Let the API server check a command without effect, and print what it would store.

    A Job is really created again, since `replace --force` has no dry run.
    """
    return f"{command} -o json" if kind == "Job" else f"{command} --dry-run=server -o json"


def test_a_plan_needs_only_pods_and_policies_of_the_namespace(
    control_plane: World, namespace: str, tmp_path: Path
) -> None:
    app = container("app", "busybox", "sleep", "9", limit="64Mi", request="32Mi")
    control_plane.apply(pod(namespace, "web", app, app="web"))
    user = plugin_of_user(control_plane, tmp_path, namespace, "pods", "oompolicies.oomwarden.io")
    manifest = policy(namespace, "protect", {"app": "web"}, {"oomScoreAdj": -400})
    planned = user.oom("plan", "-f", "-", stdin=json.dumps(manifest))
    assert planned.code == 0, planned.err
    assert planned.out.splitlines()[1].split()[-4:] == ["?", "->", "-400", "Change"]
    assert "Note: you may not list clusteroompolicies.oomwarden.io: none is" in planned.out
    assert planned.out.endswith("\n1 container: 1 change\n")
