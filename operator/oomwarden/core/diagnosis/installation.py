"""Whether the API server, admission policies, operator and mode are as they should be."""

import re
from collections.abc import Sequence

from oomwarden.core.diagnosis.check import Check, Result, installed, listed
from oomwarden.core.diagnosis.pods import why_not_ready
from oomwarden.core.history.kill_record import number_at, text_at
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.objects.json_parts import Json, object_at, object_labels, object_name

OLDEST_MINOR = 33
"""Kubernetes 1.33: in-place resize of pods, and tokens that name their node."""
REQUIRED_POLICIES = ("node-bound", "operator-bound", "operator-bound-switch")
"""Ends of names; namespaced-floor and own-pods depend on the chart's values."""
_SWITCH = "kubectl -n {namespace} patch configmap oomwarden-control --type merge -p"
_ENFORCE = _SWITCH + """ '{{"data":{{"mode":"Enforce"}}}}'"""
_CREATE = "kubectl -n {namespace} create configmap oomwarden-control --from-literal=mode=Enforce"


def minor_version(text: str) -> int | None:
    """Return 37 for v1.37.0 and 1.37; None if it is not a version of Kubernetes 1."""
    found = re.match(r"v?1\.(\d{1,4})", text, re.ASCII)
    return int(found[1]) if found else None


def api_server(version: Json) -> Check:
    """Check the version of the API server."""
    shown = text_at(version, "gitVersion") or "<unknown>"
    minor = minor_version(shown)
    if minor is None:
        text = f"its version {shown} is not one of Kubernetes"
        return installed("API server", Result.WARN, text, f"1.{OLDEST_MINOR} or newer is needed")
    if minor < OLDEST_MINOR:
        text = f"Kubernetes {shown} is older than 1.{OLDEST_MINOR}"
        return installed("API server", Result.FAIL, text, f"upgrade to 1.{OLDEST_MINOR} or newer")
    return installed("API server", Result.OK, f"Kubernetes {shown}")


def admission(policies: Sequence[Json], bindings: Sequence[Json]) -> Check:
    """Check that the chart's admission policies are there, bound, and deny."""
    name = "Admission policies"
    bound = {str(object_at(each, "spec").get("policyName")) for each in bindings if _denies(each)}
    known = {object_name(each) for each in policies}
    missing = [
        end for end in REQUIRED_POLICIES if not any(each.endswith(f"-{end}") for each in known)
    ]
    unbound = sorted(known - bound)
    remedy = "a stolen token could do more than it should: run helm upgrade with the same values"
    if missing:
        return installed(name, Result.FAIL, f"missing: {', '.join(missing)}", remedy)
    if unbound:
        text = f"not in force, because no binding denies: {listed(unbound)}"
        return installed(name, Result.FAIL, text, remedy)
    return installed(name, Result.OK, f"{len(known)} in force")


def _denies(binding: Json) -> bool:
    actions = object_at(binding, "spec").get("validationActions")
    return isinstance(actions, list) and "Deny" in actions


def operator(deployment: Json | None, pods: Sequence[Json], namespace: str) -> Check:
    """Check that the operator runs."""
    name = "Operator"
    lost = (
        "statuses of policies, memory limits and retention wait for it; scores and records do not"
    )
    if deployment is None:
        text = f"there is no Deployment of the operator in namespace {namespace}"
        return installed(name, Result.FAIL, text, f"run helm upgrade with the same values; {lost}")
    available = number_at(object_at(deployment, "status"), "availableReplicas") or 0
    if available:
        return installed(name, Result.OK, f"available, in namespace {namespace}")
    if object_at(deployment, "spec").get("replicas") == 0:
        text = "it is scaled to 0 replicas"
    else:
        why = "; ".join(dict.fromkeys(map(why_not_ready, pods))) or "it has no pod"
        text = f"it is not available: {why}"
    own = object_name(deployment)
    look = f"kubectl -n {namespace} describe deployment {own}, and logs of its pod; {lost}"
    return installed(name, Result.FAIL, text, look)


def mode(control: Json | None, namespace: str) -> Check:
    """Check that policies are enforced: the mode of ConfigMap oomwarden-control."""
    if control is None:
        text = "the ConfigMap oomwarden-control is missing, so nothing is enforced"
        return installed("Mode", Result.FAIL, text, _CREATE.format(namespace=namespace))
    shown = text_at(object_at(control, "data"), "mode")
    if shown == EnforcementMode.ENFORCE:
        return installed("Mode", Result.OK, "Enforce")
    remedy = f"to enforce policies: {_ENFORCE.format(namespace=namespace)}"
    if shown in set(EnforcementMode):
        text = f"{shown}: no policy is enforced; kills are recorded"
        return installed("Mode", Result.WARN, text, remedy)
    text = f"{shown!r} is no mode, so nothing is changed any more"
    return installed("Mode", Result.FAIL, text, remedy)


def pod_security(namespace: Json, name: str) -> Check:
    """Check that the release's namespace admits the agents, which need hostPID and hostPath."""
    level = text_at(object_labels(namespace), "pod-security.kubernetes.io/enforce")
    if level in {"baseline", "restricted"}:
        text = f"namespace {name} enforces {level}, which does not admit the agents"
        remedy = (
            f"kubectl label --overwrite namespace {name} "
            "pod-security.kubernetes.io/enforce=privileged"
        )
        return installed("Pod Security", Result.FAIL, text, remedy)
    return installed("Pod Security", Result.OK, f"namespace {name} admits the agents")


def versions(release: str | None, command: str) -> Check:
    """Check that the release and this command have one version."""
    if release == command:
        return installed("Version", Result.OK, f"{command}, as this command")
    text = f"the release is {release or '<unknown>'}, and this command {command}"
    remedy = f"install the same version of the command: pipx install 'oomwarden[cli]=={release}'"
    return installed("Version", Result.WARN, text, remedy)
