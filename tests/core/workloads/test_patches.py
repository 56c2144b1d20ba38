import json
import shlex
from typing import Any

import pytest
from oomwarden.core.workloads.patches import TemplatePatch, memory_patch, pod_patch, volume_patch
from oomwarden.core.workloads.pod_template import PodTemplate, find_template

from tests.support.facts import looked_up
from tests.support.workload_objects import Object, container, owner, pod, reference

MI = 1 << 20
ROLLOUTS = "argoproj.io/v1alpha1"


def template(manifest: Object, name: str = "app") -> PodTemplate:
    found = find_template(None, [looked_up(manifest)], name)
    assert found is not None
    return found


def patch(manifest: Object, name: str = "app", **memory: int) -> TemplatePatch:
    found = memory_patch(template(manifest, name), "shop", memory or {"limits": 640 * MI})
    assert found is not None
    return found


def test_a_deployment_is_changed_by_set_resources() -> None:
    found = patch(owner("Deployment", "api"), limits=640 * MI, requests=64 * MI)
    assert found.command == (
        "kubectl -n shop set resources deployment api -c app --limits=memory=640Mi "
        "--requests=memory=64Mi"
    )
    (changed,) = found.patch["spec"]["template"]["spec"]["containers"]
    assert changed["resources"] == {"limits": {"memory": "640Mi"}, "requests": {"memory": "64Mi"}}


def test_an_init_container_needs_a_strategic_patch() -> None:
    manifest = owner("StatefulSet", "db")
    manifest["spec"]["template"]["spec"]["initContainers"] = [container("setup")]
    found = patch(manifest, "setup")
    words = shlex.split(found.command)
    assert words[:6] == ["kubectl", "-n", "shop", "patch", "statefulset", "db"]
    assert words[6:9] == ["--type", "strategic", "-p"]
    (changed,) = json.loads(words[9])["spec"]["template"]["spec"]["initContainers"]
    assert changed["name"] == "setup"


def test_a_custom_resource_gets_a_json_patch_that_checks_the_index() -> None:
    containers = (container("proxy"), container())
    found = patch(owner("Rollout", "api", api_version=ROLLOUTS, containers=containers))
    words = shlex.split(found.command)
    assert words[:8] == [
        "kubectl", "-n", "shop", "patch", "rollouts.argoproj.io", "api", "--type", "json",
    ]  # fmt: skip
    assert json.loads(words[9]) == [
        {"op": "test", "path": "/spec/template/spec/containers/1/name", "value": "app"},
        {
            "op": "add",
            "path": "/spec/template/spec/containers/1/resources/limits/memory",
            "value": "640Mi",
        },
    ]


@pytest.mark.parametrize(
    ("resources", "path", "value"),
    [
        ({}, "/resources", {"limits": {"memory": "640Mi"}}),
        ({"requests": {"memory": "1Mi"}}, "/resources/limits", {"memory": "640Mi"}),
        ({"limits": {"cpu": "1"}}, "/resources/limits/memory", "640Mi"),
    ],
)
def test_a_json_patch_adds_the_parents_that_are_missing(
    resources: Any,  # noqa: ANN401 - JSON
    path: str,
    value: object,
) -> None:
    containers = (container(resources=resources),)
    found = patch(owner("Rollout", "api", api_version=ROLLOUTS, containers=containers))
    at = "/spec/template/spec/containers/0"
    assert found.patch[1] == {"op": "add", "path": f"{at}{path}", "value": value}


def test_a_cron_job_is_changed_below_its_job_template() -> None:
    found = patch(owner("CronJob", "report", api_version="batch/v1"))
    assert found.command.startswith("kubectl -n shop set resources cronjob report -c app ")
    spec = found.patch["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["containers"][0]["name"] == "app"


def test_a_job_is_created_again_without_what_the_api_server_generates() -> None:
    job = owner("Job", "import", api_version="batch/v1")
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    labels = {"batch.kubernetes.io/controller-uid": "u", "controller-uid": "u", "app": "import"}
    job["spec"]["template"]["metadata"] = {"labels": labels}
    found = patch(job)
    assert [each["path"] for each in found.patch if each["op"] == "remove"] == [
        "/spec/selector",
        "/spec/template/metadata/labels/controller-uid",
        "/spec/template/metadata/labels/batch.kubernetes.io~1controller-uid",
    ]
    assert found.command.endswith("| kubectl -n shop replace --force -f -")
    job["spec"]["manualSelector"] = True
    assert not [each for each in patch(job).patch if each["op"] == "remove"]


def test_a_pod_without_an_owner_is_resized_in_place() -> None:
    assert find_template(pod(), [], "app") is None
    alone = pod(metadata={"name": "api-1", "namespace": "shop"})
    found = find_template(alone, [], "app")
    assert found is not None
    resized = memory_patch(found, "shop", {"limits": 640 * MI})
    assert resized is not None
    assert "patch pod api-1 --subresource resize --type strategic" in resized.command
    assert resized.subresource == "resize"


def test_volumes_and_pods_of_templates_get_a_bound() -> None:
    found = template(owner("Deployment", "api"))
    volume = volume_patch(found, "shop", "cache", 128 * MI)
    assert volume is not None
    spec = volume.patch["spec"]["template"]["spec"]
    assert spec == {"volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "128Mi"}}]}
    whole = pod_patch(found, "shop", 640 * MI)
    assert whole is not None
    spec = whole.patch["spec"]["template"]["spec"]
    assert spec == {"resources": {"limits": {"memory": "640Mi"}}}
    assert volume_patch(template(owner("Job", "j", api_version="batch/v1")), "shop", "v", 1) is None


@pytest.mark.parametrize("name", ["api; rm -rf /", "$(reboot)", "a'b", "-n", "api\nreboot", ""])
def test_names_that_a_shell_could_misread_get_no_command(name: str) -> None:
    found = template(owner("Deployment", name))
    assert memory_patch(found, "shop", {"limits": MI}) is None
    assert memory_patch(template(owner("Deployment", "api")), name, {"limits": MI}) is None
    assert volume_patch(template(owner("Deployment", "api")), "shop", name, MI) is None
    assert pod_patch(found, "shop", MI) is None
    named = owner("Deployment", "api", containers=(container(name),))
    assert memory_patch(template(named, name), "shop", {"limits": MI}) is None


def test_the_topmost_owner_with_the_container_decides() -> None:
    chain = [owner("ReplicaSet", "api-1"), owner("Deployment", "api"), owner("Database", "db")]
    chain[2]["spec"] = {"size": 3}
    found = find_template(pod(), [looked_up(each) for each in chain], "app")
    assert found is not None
    assert found.owner.reference.name == "api"
    assert found.field() == "spec.template.spec.containers[app].resources.limits.memory"


def test_a_container_that_is_in_no_template_has_none() -> None:
    injected = pod(container("mesh"))
    assert find_template(injected, [looked_up(owner("Deployment", "api"))], "mesh") is None
    assert find_template(injected, [], None) is None


def test_references_are_controllers_only() -> None:
    assert reference("Deployment", "api")["controller"] is True
