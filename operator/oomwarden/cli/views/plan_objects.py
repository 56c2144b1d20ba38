"""The preview of policies for programs."""

from typing import Any

from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.policy_preview.container_settings import ContainerSettings
from oomwarden.core.policy_preview.plan_report import PlanReport, PolicySummary
from oomwarden.core.policy_preview.preview import ContainerPreview, PlanResult


def plan_object(report: PlanReport) -> dict[str, Any]:
    """Return the report with stable keys."""
    return {
        "containers": [_container(each) for each in report.containers],
        "policies": [_policy(each) for each in report.policies],
        "summary": _counts(report.results),
        "notes": list(report.notes),
    }


def _container(each: ContainerPreview) -> dict[str, Any]:
    facts, owner = each.pod.facts, each.pod.facts.owner
    return {
        "namespace": facts.namespace,
        "pod": facts.name,
        "container": each.container,
        "node": each.pod.node or None,
        "owner": {"kind": owner.kind, "name": owner.name} if owner else None,
        "policy": _key(each.policy),
        "result": each.result.value,
        "before": _settings(each.before),
        "after": _settings(each.after),
        "remarks": [{"reason": one.reason, "message": one.message} for one in each.remarks],
    }


def _settings(settings: ContainerSettings) -> dict[str, Any]:
    return {
        "policy": _key(settings.policy) if settings.policy else None,
        "oomScoreAdj": settings.score,
        "estimated": settings.is_estimated,
        "memoryLimit": None if settings.limit is None else exact_quantity(settings.limit),
        "groupKill": settings.group_kill,
        "processes": [
            {"command": one.glob, "oomScoreAdj": one.score} for one in settings.processes
        ],
        "raisedUpTo": settings.raised_to or None,
    }


def _key(key: PolicyKey) -> dict[str, Any]:
    return {"kind": key.kind, "namespace": key.namespace or None, "name": key.name}


def _policy(summary: PolicySummary) -> dict[str, Any]:
    return {
        **_key(summary.change.key),
        "mode": summary.change.policy.spec.mode.value,
        "deleted": summary.change.deleted,
        "pods": summary.pods,
        "containers": _counts(summary.results),
        "noEffect": summary.nothing or None,
    }


def _counts(results: Any) -> dict[str, int]:  # noqa: ANN401 - a Counter of results
    return {"total": results.total(), **{each.value.lower(): results[each] for each in PlanResult}}
