"""The API server refuses what the operator's token has no business with."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from kubernetes import client

from e2e.agent_account import client_with
from e2e.workloads import container, pod
from e2e.world import NAMESPACE, World, eventually

pytestmark = pytest.mark.usefixtures("definitions")

OPERATOR = "oomwarden-operator"
BOUND = "ValidatingAdmissionPolicy 'oomwarden-operator-bound'"


@contextmanager
def as_the_operator(world: World) -> Iterator[client.CoreV1Api]:
    """Give an API with the operator's token."""
    request = {"spec": {"expirationSeconds": 600, "audiences": []}}
    answer = world.core.create_namespaced_service_account_token(OPERATOR, NAMESPACE, request)
    yield client.CoreV1Api(client_with(world, str(answer.status.token)))


def resized(
    operator: client.CoreV1Api, namespace: str, manager: str, **resources: dict[str, str]
) -> str:
    """Resize a container as a trial; give what the API server says."""
    patch = {"spec": {"containers": [{"name": "app", "resources": resources}]}}
    try:
        operator.patch_namespaced_pod_resize(
            "db", namespace, patch, field_manager=manager, dry_run="All"
        )
    except client.ApiException as error:
        return str(error.body)
    return "resized"


def test_a_token_of_the_operator_changes_memory_and_nothing_else_of_a_pod(
    control_plane: World, namespace: str
) -> None:
    app = container("app", "none")
    app["resources"] = {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "128Mi"},
    }
    side = container("side", "none")
    manifest = pod(namespace, "db", app, side)
    manifest["spec"]["nodeSelector"] = {"nowhere": "x"}
    control_plane.apply(manifest)
    ours = "oomwarden-limit/app/134217728"
    with as_the_operator(control_plane) as operator:
        say = partial(resized, operator, namespace)
        # The API server takes a policy up some time after the chart.
        eventually(lambda: BOUND in say("kubectl", limits={"memory": "256Mi"}))
        assert say(ours, limits={"memory": "256Mi"}) == "resized"
        assert say("oomwarden-raise/app/none", limits={"memory": "256Mi"}) == "resized"
        assert say(ours, requests={"memory": "0"}, limits={"memory": "256Mi"}) == "resized"
        for refused in (
            say("kubectl", limits={"memory": "256Mi"}),
            say(ours, limits={"memory": "256Mi", "cpu": "2"}),
            say(ours, requests={"cpu": "1m"}),
        ):
            assert BOUND in refused


def is_bound(operator: client.CoreV1Api) -> bool:
    """The API server has taken up what the chart says of the operator's ConfigMaps."""
    try:
        operator.create_namespaced_config_map(
            NAMESPACE, {"metadata": {"name": "other"}}, dry_run="All"
        )
    except client.ApiException as error:
        return "operator-bound-switch" in str(error)
    return False


def test_a_token_of_the_operator_makes_no_other_config_map_and_keeps_its_account(
    control_plane: World,
) -> None:
    with as_the_operator(control_plane) as operator:
        eventually(lambda: is_bound(operator))
        switch = {"metadata": {"name": "oomwarden-control"}, "data": {"mode": "Enforce"}}
        for other in (
            {"metadata": {"name": "other"}},
            {"data": {"mode": "Release"}},
            {"immutable": True},
            {"metadata": {"name": "oomwarden-control", "finalizers": ["example.com/stay"]}},
        ):
            made = switch | other
            with pytest.raises(client.ApiException, match="operator-bound-switch"):
                operator.create_namespaced_config_map(NAMESPACE, made, dry_run="All")
        write = partial(
            operator.patch_namespaced_service_account, OPERATOR, NAMESPACE, dry_run="All"
        )
        write({"metadata": {"annotations": {"oomwarden.io/switch-made": "true"}}})
        for changed in (
            {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "mine"}}},
            {"metadata": {"labels": {"a": "b"}}},
            {"metadata": {"finalizers": ["example.com/stay"]}},
            {"imagePullSecrets": [{"name": "mine"}]},
            {"automountServiceAccountToken": True},
        ):
            with pytest.raises(client.ApiException, match="operator-bound-switch"):
                write(changed)
