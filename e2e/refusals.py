"""Asking the API server for objects, and its words on those that it does not take."""

import json
from typing import Any

import pytest
from kubernetes import client

from e2e.agent_account import NODE, record
from e2e.world import GROUP, VERSION

Manifest = dict[str, Any]


def policy(spec: Manifest, kind: str = "OOMPolicy") -> Manifest:
    """Give a policy that is right but for what `spec` changes."""
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
    """Ask for the object as a dry run; give what would be stored."""
    asked = client.CustomObjectsApi(api)
    where = {"group": GROUP, "version": VERSION, "body": manifest, "dry_run": "All"}
    strict = {**where, "field_validation": "Strict"}
    made: Manifest
    if manifest["kind"] == "ClusterOOMPolicy":
        made = asked.create_cluster_custom_object(plural="clusteroompolicies", **strict)
    else:
        plural = {"OOMPolicy": "oompolicies", "OOMKill": "oomkills"}[manifest["kind"]]
        made = asked.create_namespaced_custom_object(namespace=namespace, plural=plural, **strict)
    return made


def refusal(api: client.ApiClient, namespace: str, manifest: Manifest) -> str:
    """Give the API server's words on an object that it does not take."""
    with pytest.raises(client.ApiException) as caught:
        create(api, namespace, manifest)
    message: str = json.loads(str(caught.value.body))["message"]
    return message


def guarded(api: client.ApiClient) -> bool:
    """The API server holds both admission policies: it takes them up some time after the chart."""
    for manifest in (with_rule(oomScoreAdj=-900), record("default", NODE)):
        try:
            create(api, "default", manifest)
        except client.ApiException as error:
            if "ValidatingAdmissionPolicy" in str(error.body):
                continue
        return False
    return True
