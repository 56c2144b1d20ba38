"""Admission policies limit what the operator's token can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from kubernetes import client

from e2e.agent_account import client_with_token
from e2e.workloads import container, pod
from e2e.world import NAMESPACE, World, eventually

pytestmark = pytest.mark.usefixtures("definitions")

OPERATOR = "oomwarden-operator"
BOUND = "ValidatingAdmissionPolicy 'oomwarden-operator-bound'"


@contextmanager
def as_the_operator(world: World) -> Iterator[client.CoreV1Api]:
    """Return an API client with the operator's token."""
    request = {"spec": {"expirationSeconds": 600, "audiences": []}}
    answer = world.core.create_namespaced_service_account_token(OPERATOR, NAMESPACE, request)
    yield client.CoreV1Api(client_with_token(world, str(answer.status.token)))


def resized(
    operator: client.CoreV1Api, namespace: str, manager: str, **resources: dict[str, str]
) -> str:
    """Resize a container as a dry run; return the refusal, or "resized"."""
    patch = {"spec": {"containers": [{"name": "app", "resources": resources}]}}
    try:
        operator.patch_namespaced_pod_resize(
            "db", namespace, patch, field_manager=manager, dry_run="All"
        )
    except client.ApiException as error:
        return str(error.body)
    return "resized"


def test_the_operators_token_may_only_resize_memory_of_a_pod(
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
    manager = "oomwarden-limit/app/134217728"
    with as_the_operator(control_plane) as operator:
        try_resize = partial(resized, operator, namespace)
        # The API server enforces a policy some time after it is installed.
        eventually(lambda: BOUND in try_resize("kubectl", limits={"memory": "256Mi"}))
        assert try_resize(manager, limits={"memory": "256Mi"}) == "resized"
        assert try_resize("oomwarden-raise/app/none", limits={"memory": "256Mi"}) == "resized"
        assert (
            try_resize(manager, requests={"memory": "0"}, limits={"memory": "256Mi"}) == "resized"
        )
        for refused in (
            try_resize("kubectl", limits={"memory": "256Mi"}),
            try_resize(manager, limits={"memory": "256Mi", "cpu": "2"}),
            try_resize(manager, requests={"cpu": "1m"}),
        ):
            assert BOUND in refused


def is_bound(operator: client.CoreV1Api) -> bool:
    """The API server enforces the admission policy on the operator's ConfigMaps."""
    try:
        operator.create_namespaced_config_map(
            NAMESPACE, {"metadata": {"name": "other"}}, dry_run="All"
        )
    except client.ApiException as error:
        return "operator-bound-switch" in str(error)
    return False


def test_the_operators_token_may_not_create_other_config_maps_or_change_its_account(
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
