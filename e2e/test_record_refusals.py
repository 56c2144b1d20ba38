"""A bad record is refused with a reason, and the facts of a good one are immutable."""

import json

import pytest
from kubernetes import client

from e2e.refusals import Manifest, refusal
from e2e.world import GROUP, NAMESPACE, VERSION

pytestmark = pytest.mark.usefixtures("definitions")

NODE = "refusals"


def kill(**facts: object) -> Manifest:
    """Return a record as an agent creates it."""
    evidence = {"bootID": "b", "cgroup": 1, "level": "Pod", "epoch": 0, "from": 2, "to": 4}
    whole: Manifest = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "OOMKill",
        "metadata": {"name": "refused", "labels": {"oomwarden.io/node": NODE}},
        "node": NODE,
        "pod": {"name": "api", "uid": "u"},
        "container": {"name": "app", "type": "App"},
        "cause": "ContainerLimit",
        "limit": "512Mi",
        "kills": 1,
        "victims": [{"pid": 42, "command": "python3", "anonRSS": "480Mi"}],
        "time": {"before": "2026-01-02T03:04:05.123456Z"},
        "evidence": evidence,
    }
    return whole | facts


EVIDENCE: Manifest = kill()["evidence"]
BAD_KILLS: dict[str, tuple[Manifest, str]] = {
    "covers-nothing": (
        kill(evidence={**EVIDENCE, "to": 2}),
        "evidence.to must be greater than evidence.from",
    ),
    "no-kill": (kill(kills=0), "kills in body should be greater than or equal to 1"),
    "limit-no-quantity": (kill(limit="512 MB"), "limit in body should match"),
    "cause": (kill(cause="Full"), 'cause: Unsupported value: "Full"'),
    "no-container": (kill(container=None), "container: Required value"),
    "too-many-victims": (
        kill(victims=[{"pid": n, "command": "a"} for n in range(17)]),
        "victims: Too many: 17: must have at most 16 items",
    ),
    "too-many-candidates": (
        kill(container={"candidates": ["app"] * 65}),
        "container.candidates: Too many: 65: must have at most 64 items",
    ),
    "long-time": (
        kill(time={"before": f"2026-01-02T03:04:05.{'0' * 99}Z"}),
        "time.before: Too long: may not be more than 40 bytes",
    ),
    "time": (kill(time={"before": "yesterday"}), "before in body must be of type date-time"),
    "level": (
        kill(evidence={**EVIDENCE, "level": "Node"}),
        'evidence.level: Unsupported value: "Node"',
    ),
}


@pytest.mark.parametrize(("manifest", "sentence"), BAD_KILLS.values(), ids=BAD_KILLS)
def test_a_bad_record_is_refused_with_a_reason(
    api: client.ApiClient, namespace: str, manifest: Manifest, sentence: str
) -> None:
    present = {key: value for key, value in manifest.items() if value is not None}
    assert sentence in refusal(api, namespace, present)


@pytest.fixture
def stored_kill(api: client.ApiClient, namespace: str) -> Manifest:
    """Create a record with an agent's identity, and return it."""
    agent = client.ApiClient(api.configuration)
    agent.set_default_header(
        "Impersonate-User", f"system:serviceaccount:{NAMESPACE}:oomwarden-agent"
    )
    agent.set_default_header("Impersonate-Extra-authentication.kubernetes.io%2fnode-name", NODE)
    custom = client.CustomObjectsApi(agent)
    stored: Manifest = custom.create_namespaced_custom_object(
        GROUP, VERSION, namespace, "oomkills", kill()
    )
    return stored


CHANGES = {
    "node": "other",
    "pod": {"name": "other"},
    "container": {"name": "other"},
    "cause": "Unknown",
    "limit": "1Gi",
    "enforcedAt": "Pod",
    "kills": 2,
    "groupKill": True,
    "victims": None,
    "time": {"after": "2026-01-02T03:04:05Z"},
    "policy": {"kind": "OOMPolicy", "name": "late"},
    "evidence": {"to": 5},
}


def test_no_fact_of_a_record_can_be_changed_added_or_removed(
    api: client.ApiClient, stored_kill: Manifest
) -> None:
    custom = client.CustomObjectsApi(api)
    where = stored_kill["metadata"]["namespace"], "oomkills", stored_kill["metadata"]["name"]
    for field, value in CHANGES.items():
        with pytest.raises(client.ApiException) as caught:
            custom.patch_namespaced_custom_object(GROUP, VERSION, *where, {field: value})
        message = json.loads(str(caught.value.body))["message"]
        assert f"{field} is a fact of the record and cannot be changed; labels can" in message


def test_the_labels_of_a_record_can_be_changed(
    api: client.ApiClient, stored_kill: Manifest
) -> None:
    custom = client.CustomObjectsApi(api)
    where = stored_kill["metadata"]["namespace"], "oomkills", stored_kill["metadata"]["name"]
    labels = {"metadata": {"labels": {"seen-by": "me"}}}
    changed = custom.patch_namespaced_custom_object(GROUP, VERSION, *where, labels)
    assert changed["metadata"]["labels"]["seen-by"] == "me"


def test_records_can_be_found_by_node_cause_and_pod(
    api: client.ApiClient, stored_kill: Manifest
) -> None:
    custom = client.CustomObjectsApi(api)
    where = (GROUP, VERSION, stored_kill["metadata"]["namespace"], "oomkills")
    right = f"node={NODE},cause=ContainerLimit,pod.name=api,pod.uid=u"
    assert len(custom.list_namespaced_custom_object(*where, field_selector=right)["items"]) == 1
    wrong = "node=another"
    assert custom.list_namespaced_custom_object(*where, field_selector=wrong)["items"] == []
