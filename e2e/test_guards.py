"""Three guards enforce the bounds of scores, each even if the others are switched off.

The schema enforces the range, the admission policy the floor of absolute scores, the agent both.
"""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from e2e import refusals
from e2e.conditions import conditions
from e2e.workloads import family, pod, policy
from e2e.world import GROUP, Release, World, eventually

FLOOR = -500
NAME = "oomwarden-namespaced-floor"
NEVER = "-1000 is never allowed, because a container with a memory limit"
BELOW = f"but policies of a namespace may not go below {FLOOR} in this cluster"


def process_rule(score: int, command: str = "sleep *") -> dict[str, Any]:
    return {"command": command, "oomScoreAdj": score}


def is_admitted(world: World, namespace: str, rule: dict[str, Any]) -> bool:
    """Return whether the API server accepts a policy with the rule, as a dry run."""
    try:
        refusals.create(world.api, namespace, refusals.with_rule(**rule))
    except client.ApiException:
        return False
    return True


@pytest.fixture
def without_admission_policy(
    control_plane: World, definitions: Release, namespace: str
) -> Iterator[None]:
    """Remove the binding of the admission policy while the story runs."""
    world = control_plane
    api = client.AdmissionregistrationV1Api(world.api)
    bound = api.read_validating_admission_policy_binding(NAME)
    kept = client.V1ObjectMeta(
        name=NAME, labels=bound.metadata.labels, annotations=bound.metadata.annotations
    )
    api.delete_validating_admission_policy_binding(NAME)
    try:
        eventually(lambda: is_admitted(world, namespace, {"oomScoreAdj": -900}))
        yield
    finally:
        again = client.V1ValidatingAdmissionPolicyBinding(
            api_version=bound.api_version, kind=bound.kind, metadata=kept, spec=bound.spec
        )
        api.create_validating_admission_policy_binding(again)
        eventually(lambda: not is_admitted(world, namespace, {"oomScoreAdj": -900}))


@pytest.fixture
def permissive_schema(
    control_plane: World, without_admission_policy: None, namespace: str
) -> Iterator[None]:
    """Let the CRD accept any score, so that only the agent's own check is left."""
    world = control_plane
    before = set_schema_of_scores(world, {"type": "integer", "format": "int64"})
    try:
        eventually(lambda: is_admitted(world, namespace, {"oomScoreAdj": -1000}))
        yield
    finally:
        set_schema_of_scores(world, before)
        eventually(lambda: not is_admitted(world, namespace, {"oomScoreAdj": -1000}))


def set_schema_of_scores(world: World, schema: dict[str, Any]) -> dict[str, Any]:
    """Change the CRD's schema of rules[].oomScoreAdj, and return the previous one."""
    api, name = client.ApiextensionsV1Api(world.api), f"oompolicies.{GROUP}"
    versions = api.read_custom_resource_definition(name).spec.versions
    spec = versions[0].schema.open_apiv3_schema.properties["spec"]
    before: dict[str, Any] = spec.properties["rules"].items["properties"]["oomScoreAdj"]
    where = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/rules/items"
    change = {"op": "replace", "path": f"{where}/properties/oomScoreAdj", "value": schema}
    api.patch_custom_resource_definition(name, [change])
    return before


def start_pod(world: World, namespace: str) -> set[int]:
    """Start a pod, and return the scores that its processes start with."""
    world.apply(pod(namespace, "db", family(world.cluster.busybox_image), app="db"))
    world.wait_until_running(namespace, "db")
    return scores(world, namespace)


def scores(world: World, namespace: str) -> set[int]:
    return set(world.scores(namespace, "db", "app").values())


@pytest.mark.parametrize(
    ("score", "why"), [(-1000, NEVER), (-999, "daemons of the node"), (-998, "pause container")]
)
def test_the_schema_alone_refuses_scores_that_are_never_granted(
    api: client.ApiClient, without_admission_policy: None, namespace: str, score: int, why: str
) -> None:
    for rule, field in (
        ({"oomScoreAdj": score}, "spec.rules[0].oomScoreAdj"),
        ({"processes": [process_rule(score)]}, "spec.rules[0].processes[0].oomScoreAdj"),
    ):
        message = refusals.refusal(api, namespace, refusals.with_rule(**rule))
        assert f"{field}: Invalid value: {score}" in message
        assert why in message
        assert "ValidatingAdmissionPolicy" not in message


def test_the_agent_alone_never_writes_minus_1000_and_reports_why(
    world: World, release: Release, permissive_schema: None, namespace: str
) -> None:
    own_scores = start_pod(world, namespace)
    world.apply(policy(namespace, "greedy", {"app": "db"}, {"oomScoreAdj": -1000}))

    def unreadable_message() -> str:
        """The policy's status has the reason Unreadable."""
        found = conditions(world.policy(namespace, "greedy")).values()
        return next((c["message"] for c in found if c["reason"] == "Unreadable"), "")

    message = eventually(unreadable_message)
    assert "spec.rules[0].oomScoreAdj" in message
    assert NEVER in message
    assert scores(world, namespace) == own_scores
    world.delete_policy(namespace, "greedy")


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"oomScoreAdj": -900}, {FLOOR}),
        ({"oomScoreOffset": -2000}, {FLOOR}),
        ({"oomScoreAdj": 321, "processes": [process_rule(-900)]}, {FLOOR, 321}),
    ],
    ids=["absolute", "offset", "processes"],
)
def test_the_agent_alone_enforces_the_floor_and_reports_it(
    world: World,
    without_admission_policy: None,
    namespace: str,
    rule: dict[str, Any],
    wanted: set[int],
) -> None:
    (own_score,) = start_pod(world, namespace)
    assert own_score > FLOOR
    world.apply(policy(namespace, f"greedy-{namespace}", {"app": "db"}, rule))
    eventually(lambda: scores(world, namespace) == wanted)
    message = eventually(
        lambda: world.refusal_messages(f"greedy-{namespace}").get("BelowFloor", "")
    )
    assert f"{FLOOR} is set, because a namespaced policy may not go below" in message
    world.delete_policy(namespace, f"greedy-{namespace}")
    eventually(lambda: scores(world, namespace) == {own_score})


def test_the_admission_policy_refuses_scores_below_the_floor_and_names_the_field(
    control_plane: World, definitions: Release, namespace: str
) -> None:
    fine = {"oomScoreAdj": FLOOR, "processes": [process_rule(FLOOR), process_rule(1000)]}
    below = {"oomScoreAdj": 1, "processes": [process_rule(FLOOR), process_rule(FLOOR - 1)]}
    for rules, message in (
        ([fine, {"oomScoreAdj": -900}], f"spec.rules[1].oomScoreAdj is -900, {BELOW}"),
        ([fine, below], f"spec.rules[1].processes[1].oomScoreAdj is {FLOOR - 1}, {BELOW}"),
    ):
        manifest = refusals.policy({"rules": rules})
        manifest["metadata"]["namespace"] = namespace
        with pytest.raises(subprocess.CalledProcessError) as refusal:
            control_plane.apply(manifest)
        assert message in refusal.value.stderr


def test_the_admission_policy_checks_the_largest_policy_too(
    control_plane: World, definitions: Release, namespace: str
) -> None:
    def largest(last: int) -> dict[str, Any]:
        some = [process_rule(number) for number in range(15)]
        fine = [{"oomScoreAdj": each, "processes": [*some, process_rule(0)]} for each in range(3)]
        return refusals.policy({"rules": [*fine, {"processes": [*some, process_rule(last)]}]})

    assert refusals.create(control_plane.api, namespace, largest(FLOOR))
    message = refusals.refusal(control_plane.api, namespace, largest(FLOOR - 1))
    assert f"spec.rules[3].processes[15].oomScoreAdj is {FLOOR - 1}, {BELOW}" in message
