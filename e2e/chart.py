"""The chart as Helm renders it, without a cluster."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from e2e.lab.tools import PROGRAMS, find_or_build

CHART = Path(__file__).resolve().parent.parent / "charts" / "oomwarden"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    helm = str(find_or_build(PROGRAMS["helm"]))
    return subprocess.run((helm, *arguments), check=False, capture_output=True, text=True)


def settings(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@cache
def rendered(
    *values: str, release: str = "oomwarden", namespace: str = "system"
) -> list[dict[str, Any]]:
    options = ("--namespace", namespace, "--kube-version", "1.33.0", *settings(*values))
    done = run("template", release, str(CHART), *options)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(kind: str, *values: str) -> list[dict[str, Any]]:
    return [document for document in rendered(*values) if document["kind"] == kind]


def pod_of(kind: str, *values: str) -> dict[str, Any]:
    (workload,) = of_kind(kind, *values)
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def permissions(
    role: str, kind: str = "ClusterRole", values: tuple[str, ...] = ()
) -> set[tuple[str, str, str]]:
    """Return (group, resource, verb) of a role; the resource includes names it is limited to."""
    (found,) = (one for one in of_kind(kind, *values) if one["metadata"]["name"] == role)
    return {
        (group, "/".join([resource, *rule.get("resourceNames", [])]), verb)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def rules(group: str, resource: str, *verbs: str) -> set[tuple[str, str, str]]:
    return {(group, resource, verb) for verb in verbs}
