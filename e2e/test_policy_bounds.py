"""The API server accepts the largest policy that the schema allows, and no larger one."""

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from bench.largest import largest_policy
from e2e.world import GROUP, VERSION, World

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("definitions")

_PROCESS = {"command": "x", "oomScoreAdj": 5}
_LONG = {"command": "x" * 200, "oomScoreAdj": 5}


def _selector(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["podSelector"]["matchExpressions"][0]
    return found


def test_the_largest_policy_is_accepted_and_a_larger_one_is_refused_with_the_bound(
    control_plane: World, namespace: str
) -> None:
    largest = largest_policy("largest", namespace)
    api = client.CustomObjectsApi(control_plane.api)
    api.create_namespaced_custom_object(GROUP, VERSION, namespace, "oompolicies", largest)
    everywhere = largest_policy(f"{namespace}-largest", None)
    api.create_cluster_custom_object(
        GROUP, VERSION, "clusteroompolicies", everywhere, dry_run="All"
    )
    changes: tuple[tuple[Callable[[dict[str, Any]], object], str], ...] = (
        (lambda spec: spec["rules"][0]["containers"].append("more"), "128 globs"),
        (lambda spec: spec["rules"][0]["processes"].append(_PROCESS), "64 processes"),
        (lambda spec: spec["rules"][0].update(processes=[_LONG]), "8192 characters"),
        (lambda spec: _selector(spec)["values"].append("more"), "128 values"),
        (lambda spec: spec["podSelector"]["matchLabels"].update(more="x"), "16"),
    )
    for change, bound in changes:
        spec = largest_policy("larger", namespace)
        change(spec["spec"])
        with pytest.raises(client.ApiException) as refusal:
            api.create_namespaced_custom_object(GROUP, VERSION, namespace, "oompolicies", spec)
        assert bound in str(refusal.value.body)
