"""Scores of single processes in a container, selected by command line."""

from typing import Any

from e2e.conditions import conditions
from e2e.workloads import container, pod, policy
from e2e.world import Release, World, eventually

OWN = "(echo 1000 >/proc/self/oom_score_adj; exec sleep {}) &"


def shells(world: World, namespace: str, name: str, **scripts: str) -> dict[str, Any]:
    """Return a pod with one shell per container."""
    image = world.cluster.busybox_image
    containers = (
        container(each, image, "sh", "-c", script, limit="64Mi", request="32Mi")
        for each, script in scripts.items()
    )
    return pod(namespace, name, *containers, app=name)


def sleep_scores(world: World, namespace: str, name: str, seen_from: str) -> dict[str, int]:
    """Return the scores of the processes `sleep N`, by N."""
    found = world.scores_by_command(namespace, name, seen_from)
    words = ((command.split(), score) for command, score in found)
    return {each[1]: score for each, score in words if each[0] == "sleep"}


def process_rule(command: str, score: int, **rule: object) -> dict[str, Any]:
    return {"processes": [{"command": command, "oomScoreAdj": score}], **rule}


def test_in_a_shared_pid_namespace_only_the_selected_containers_processes_change(
    world: World, release: Release, namespace: str
) -> None:
    manifest = shells(
        world, namespace, "shared",
        app="sleep 100001 & sleep 100002 & wait", side="sleep 200001 & wait",
    )  # fmt: skip
    manifest["spec"]["shareProcessNamespace"] = True
    world.apply(manifest)
    world.wait_until_running(namespace, "shared")
    eventually(lambda: len(sleep_scores(world, namespace, "shared", "side")) == 3)
    before = sleep_scores(world, namespace, "shared", "side")
    rule = process_rule("sleep *1", 500, containers=["app"], oomScoreAdj=-300)
    world.apply(policy(namespace, "one-of-two", {"app": "shared"}, rule))
    wanted = {"100001": 500, "100002": -300, "200001": before["200001"]}
    assert eventually(lambda: sleep_scores(world, namespace, "shared", "side") == wanted)
    found = world.scores_by_command(namespace, "shared", "side")
    assert [score for command, score in found if "pause" in command] == [-998]
    world.delete_policy(namespace, "one-of-two")
    assert eventually(lambda: sleep_scores(world, namespace, "shared", "side") == before)


def test_a_process_with_its_own_score_is_skipped_unless_named_and_gets_it_back(
    world: World, release: Release, namespace: str
) -> None:
    script = " ".join([OWN.format(300001), OWN.format(300002), "sleep 300003 & wait"])
    world.apply(shells(world, namespace, "own", app=script))
    world.wait_until_running(namespace, "own")
    own = {"300001": 1000, "300002": 1000}
    eventually(lambda: sleep_scores(world, namespace, "own", "app").items() >= own.items())
    rule = process_rule("sleep 300002", 400, oomScoreAdj=-300)
    world.apply(policy(namespace, "around", {"app": "own"}, rule))
    wanted = {"300001": 1000, "300002": 400, "300003": -300}
    assert eventually(lambda: sleep_scores(world, namespace, "own", "app") == wanted)
    message = eventually(lambda: world.refusal_messages("around").get("OwnScore", ""))
    assert "left alone" in message
    world.delete_policy(namespace, "around")
    assert eventually(lambda: sleep_scores(world, namespace, "own", "app").items() >= own.items())


def test_a_process_that_executes_another_program_gets_that_programs_score(
    world: World, release: Release, namespace: str
) -> None:
    script = "while [ ! -e /tmp/go ]; do sleep 1; done; exec sleep 400001"
    world.apply(shells(world, namespace, "late", app=script))
    world.apply(policy(namespace, "titles", {"app": "late"}, process_rule("sleep 4*", 600)))
    world.wait_until_running(namespace, "late")
    world.run_in_container(namespace, "late", "app", "touch /tmp/go")
    assert eventually(lambda: sleep_scores(world, namespace, "late", "app") == {"400001": 600})


def test_process_rules_are_reported_ineffective_while_the_kernel_kills_whole_groups(
    world: World, release: Release, namespace: str
) -> None:
    world.apply(shells(world, namespace, "group", app="sleep 500001 & wait"))
    world.apply(policy(namespace, "in-vain", {"app": "group"}, process_rule("sleep *", 600)))
    ineffective = eventually(lambda: world.refusal_messages("in-vain").get("Ineffective", ""))
    assert "agent.cgroupWrites=true" in ineffective
    rule = process_rule("sleep *", 600, memory={"groupKill": False})
    world.apply(policy(namespace, "in-vain", {"app": "group"}, rule))
    messages = eventually(
        lambda: t if "CgroupWritesOff" in (t := world.refusal_messages("in-vain")) else {}
    )
    assert "agent.cgroupWrites=true" in messages["CgroupWritesOff"]
    assert "Ineffective" in messages
    node = release.agents()[0].spec.node_name
    writes = conditions(world.node_report(node))["CgroupWrites"]
    assert (writes["status"], writes["reason"]) == ("False", "Off")
