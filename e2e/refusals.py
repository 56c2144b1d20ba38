"""Creates objects as dry runs, and returns the API server's message on those it refuses."""

import json
from typing import Any

import pytest
from kubernetes import client

from e2e.agent_account import NODE, record
from e2e.world import GROUP, VERSION

Manifest = dict[str, Any]


def policy(spec: Manifest, kind: str = "OOMPolicy") -> Manifest:
    """Return a valid policy with the changes of `spec`; None removes a field."""
    whole = {"podSelector": {}, "rules": [{"oomScoreAdj": 100}], **spec}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {"name": "refused"},
        "spec": {key: value for key, value in whole.items() if value is not None},
    }


def with_rule(**fields: object) -> Manifest:
    return policy({"rules": [fields]})


def with_selector(**fields: object) -> Manifest:
    return policy({"podSelector": fields})


def with_expression(**fields: object) -> Manifest:
    return with_selector(matchExpressions=[fields])


def create(api: client.ApiClient, namespace: str, manifest: Manifest) -> Manifest:
    """Create the object as a dry run and return what would be stored."""
    api_client = client.CustomObjectsApi(api)
    where = {"group": GROUP, "version": VERSION, "body": manifest, "dry_run": "All"}
    strict = {**where, "field_validation": "Strict"}
    made: Manifest
    if manifest["kind"] == "ClusterOOMPolicy":
        made = api_client.create_cluster_custom_object(plural="clusteroompolicies", **strict)
    else:
        plural = {"OOMPolicy": "oompolicies", "OOMKill": "oomkills"}[manifest["kind"]]
        made = api_client.create_namespaced_custom_object(
            namespace=namespace, plural=plural, **strict
        )
    return made


def refusal(api: client.ApiClient, namespace: str, manifest: Manifest) -> str:
    """Return the API server's message on an object that it refuses."""
    with pytest.raises(client.ApiException) as caught:
        create(api, namespace, manifest)
    message: str = json.loads(str(caught.value.body))["message"]
    return message


def admission_policies_active(api: client.ApiClient) -> bool:
    """Return whether both admission policies are active, which takes a while after installation."""
    for manifest in (with_rule(oomScoreAdj=-900), record("default", NODE)):
        try:
            create(api, "default", manifest)
        except client.ApiException as error:
            if "ValidatingAdmissionPolicy" in str(error.body):
                continue
        return False
    return True
