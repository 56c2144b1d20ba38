import json

import pytest
import yaml

from tests.support.command_line import CommandLine, Ran
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import deployment_objects, ended, owner, pod, reference

KILLS = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"
POD = "/api/v1/namespaces/shop/pods/api-1"
MEMORY = {
    "at": "2026-11-01T09:59:59Z",
    "usage": "511Mi",
    "detail": {"at": "2026-11-01T09:59:57Z", "usage": "505Mi", "anon": "480Mi", "file": "20Mi"},
    "samples": [
        {"at": f"2026-11-01T09:5{n // 6}:{n % 6}0Z", "usage": f"{200 + 5 * n}Mi"} for n in range(60)
    ],
}


def labels(ran: Ran) -> list[str]:
    """Return the labels of a page in their order."""
    found = [line[:10].strip() for line in ran.lines[1:] if line[:1].isupper()]
    return [each for each in found if each]


def test_why_tells_the_whole_story_on_one_screen(oom: CommandLine) -> None:
    oom.cluster.add(*deployment_objects(), oomkill(memory=MEMORY))
    ran = oom("why", "api-1")
    assert ran.code == 0
    assert labels(ran) == [
        "Killed", "Lived", "Limit", "Set in", "Memory", "Pattern", "Filled by", "Kubelet", "Scores",
        "Before", "Next",
    ]  # fmt: skip
    assert ran.lines[0].startswith("shop/api-1, container app, of Deployment/api: OOM kill")
    assert "Deployment shop/api:" in ran.out
    assert "╌ limit 512Mi ╌" in ran.out
    assert ran.lines[-1] == (
        "  kubectl -n shop set resources deployment api -c app --limits=memory=640Mi"
    )
    assert len(ran.lines) <= 40
    assert max(map(len, ran.lines)) <= 80


def test_the_latest_kill_is_told_of_a_pod_a_workload_or_a_record(oom: CommandLine) -> None:
    oom.cluster.add(
        *deployment_objects(),
        oomkill("older", time={"before": "2026-10-01T10:00:00Z"}),
        oomkill("sidecar", container={"name": "proxy"}, time={"before": "2026-12-01T10:00:00Z"}),
    )
    for target, record in {
        "api-1": "sidecar",
        "pod/api-1": "sidecar",
        "deployment/api": "sidecar",
        "oomkill/older": "older",
        "older": "older",
    }.items():
        assert oom("why", target, "-o", "name").out == f"oomkill.oomwarden.io/{record}\n"
    chosen = oom("why", "api-1", "-c", "app", "-o", "name").out
    assert chosen == "oomkill.oomwarden.io/api-1-aaaa\n"


def test_the_story_as_json_and_yaml_has_stable_keys(oom: CommandLine) -> None:
    oom.cluster.add(*deployment_objects())
    story = json.loads(oom("why", "api-1", "-o", "json").out)
    assert list(story) == [
        "subject", "outcome", "limit", "usage", "filled", "kubelet", "scores", "earlier",
        "recurrence", "nextSteps", "notes",
    ]  # fmt: skip
    assert story["limit"]["limitBytes"] == 512 << 20
    assert story["earlier"]["last24h"] == 0
    assert story["subject"]["found"] == "2026-11-01T10:00:00Z"
    assert yaml.safe_load(oom("why", "api-1", "-o", "yaml").out) == story


def test_records_and_pods_alone_are_enough_rights(oom: CommandLine) -> None:
    oom.cluster.add(*deployment_objects())
    apps = "/apis/apps/v1/namespaces/shop"
    oom.cluster.forbid(f"{apps}/replicasets/api-7d9f", f"{apps}/deployments/api")
    oom.cluster.forbid("/apis/oomwarden.io/v1alpha1/oomnodes/node-1")
    ran = oom("why", "api-1")
    assert (ran.code, ran.err) == (0, "")
    words = " ".join(ran.out.split())
    assert "you may not get replicasets.apps api-7d9f in namespace shop" in words
    assert "set resources deployment api -c app --limits=memory=640Mi" in words


def test_without_the_right_to_read_pods_the_record_still_tells(oom: CommandLine) -> None:
    oom.cluster.add(oomkill(), owner("Deployment", "api"))
    oom.cluster.forbid(POD)
    ran = oom("why", "api-1")
    assert ran.code == 0
    assert "you may not get pods api-1 in namespace shop" in " ".join(ran.out.split())
    assert "Deployment shop/api:" in ran.out


def test_without_the_right_to_list_records_the_right_is_named(oom: CommandLine) -> None:
    oom.cluster.forbid(KILLS)
    ran = oom("why", "api-1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: you may not list oomkills.oomwarden.io in namespace shop")


def test_a_pod_of_the_same_name_that_came_later_is_not_mistaken_for_it(oom: CommandLine) -> None:
    later = pod(status={"containerStatuses": [ended()]})
    later["metadata"]["uid"] = "another"
    oom.cluster.add(oomkill(), later, owner("Deployment", "api"))
    ran = oom("why", "api-1")
    assert "Unknown: the pod is gone, and its status with it." in ran.out
    assert "Pod api-1 is another one now" in ran.out


def test_a_policy_and_its_rule_are_shown(oom: CommandLine) -> None:
    policy = {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": "protect", "namespace": "shop"},
        "spec": {"rules": [{"oomScoreAdj": 992}]},
    }
    governed = oomkill(policy={"kind": "OOMPolicy", "name": "protect"})
    oom.cluster.add(*deployment_objects(), governed, policy)
    assert "oom_score_adj 992: OOMPolicy protect asks for it." in oom("why", "api-1").out
    oom.cluster.objects.pop("/apis/oomwarden.io/v1alpha1/namespaces/shop/oompolicies/protect")
    assert "it no longer exists" in oom("why", "api-1").out


def test_the_owner_of_a_rollouts_replica_set_is_the_rollout(oom: CommandLine) -> None:
    group = "argoproj.io/v1alpha1"
    oom.cluster.add(
        oomkill(),
        pod(),
        owner("ReplicaSet", "api-7d9f", reference("Rollout", "api", group)),
        owner("Rollout", "api", api_version=group),
    )
    ran = oom("why", "api-1")
    assert "of Rollout/api" in ran.lines[0]
    assert "kubectl -n shop patch rollouts.argoproj.io api --type json -p '[" in ran.out


def test_a_pod_without_a_record_is_explained_from_its_status(oom: CommandLine) -> None:
    oom.cluster.add(pod(status={"containerStatuses": [ended("Error")]}))
    oom.cluster.answers["GET", "/apis/events.k8s.io/v1/namespaces/shop/events"] = (
        200,
        {"items": [{"reason": "Killing", "note": "Stopping container app"}]},
    )
    ran = oom("why", "api-1")
    assert ran.code == 0
    assert ran.lines[0] == "shop/api-1: no OOM kill is on record"
    assert "SIGKILL, but not from the OOM killer" in " ".join(ran.out.split())
    assert "Event Killing: Stopping container app" in ran.out
    found = json.loads(oom("why", "api-1", "-o", "json").out)
    assert (found["pod"], len(found["sentences"])) == ("api-1", 2)


def test_what_does_not_exist_is_an_error_with_the_nearest_names(oom: CommandLine) -> None:
    oom.cluster.add(*deployment_objects())
    ran = oom("why", "api-l")
    assert (ran.code, ran.out) == (1, "")
    assert "no pod, OOMKill or workload api-l with an OOM kill in namespace shop" in ran.err
    assert "did you mean api-1" in ran.err
    assert "no StatefulSet db with an OOM kill" in oom("why", "sts/db").err


def test_a_target_that_is_no_name_is_a_wrong_command_line(oom: CommandLine) -> None:
    ran = oom("why", "a/b/c")
    assert ran.code == 2
    assert "neither a name nor kind/name" in ran.err


@pytest.mark.parametrize("hostile", ["\x1b[31mred\x1b[0m", "a\nb", "$(reboot)", "\u202ebad"])
def test_hostile_names_are_shown_escaped_and_never_in_a_command(
    oom: CommandLine, hostile: str
) -> None:
    oom.cluster.add(
        oomkill(
            pod={"name": "api-1", "uid": "u", "owner": {"kind": "Deployment", "name": hostile}},
            victims=[{"pid": 1, "command": hostile}],
        )
    )
    ran = oom("why", "api-1")
    assert ran.code == 0
    assert ran.out.replace("\n", "").isprintable()
    assert not [line for line in ran.lines if line.startswith("  kubectl")]
