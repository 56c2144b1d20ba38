"""Whether records are kept as usual, and policies in force: what operator and policies report."""

import json
from collections.abc import Sequence
from datetime import datetime

from oomwarden.core.diagnosis.check import Check, Result, installed, listed
from oomwarden.core.history.kill_record import number_at, text_at, time_at
from oomwarden.core.objects.json_parts import (
    Json,
    object_at,
    object_name,
    object_namespace,
    objects_at,
)
from oomwarden.core.quota.pressure import CONDITIONS, Pressure, PressureLevel, from_config_map

RENEWED_SECONDS = 3 * 300.0
"""Three times as long as the operator takes to publish again (controller/retention)."""


def records(config: Json | None, now: datetime) -> Check:
    """Check what the operator publishes: whether there are too many records, and since when."""
    data = object_at(config, "data")
    published = from_config_map(data)
    renewed = time_at(data, "renewed")
    if published is None or renewed is None:
        text = "the operator has not published how many records there are (oomwarden-pressure)"
        return installed("Records", Result.WARN, text, "see the log of the operator's pod")
    if (now - renewed).total_seconds() > RENEWED_SECONDS:
        text = f"the operator last published how many records there are at {renewed:%F %T} UTC"
        remedy = "agents merge records as if there were many; see the log of the operator's pod"
        return installed("Records", Result.WARN, text, remedy)
    if over := _over(published):
        text = f"there are more than retention keeps, so agents merge them harder: {over}"
        remedy = (
            "end what is killed again and again (kubectl oom kills -A --by workload), or raise "
            "retention.perNamespace or retention.perCluster of the chart"
        )
        return installed("Records", Result.WARN, text, remedy)
    return installed("Records", Result.OK, "below the bounds of retention")


def _over(published: Pressure) -> str:
    levels = {"the cluster": published.cluster, **published.namespaces}
    named = [name for name, level in levels.items() if level > PressureLevel.CALM]
    return listed(named)


def objects_understood(config: Json | None) -> Check | None:
    """Return what the operator skips because it cannot read it; None if it says nothing of it."""
    text = text_at(object_at(config, "data"), CONDITIONS)
    try:
        found = objects_at({"all": json.loads(text)}, "all") if text else []
    except (ValueError, RecursionError):
        return None
    skipped = [text_at(each, "message") or "" for each in found if each.get("status") == "False"]
    if skipped:
        return installed("Objects", Result.WARN, f"the operator skips some: {skipped[0]}")
    return installed("Objects", Result.OK, "the operator reads all of them") if found else None


def policies(found: Sequence[Json]) -> Check:
    """Check that policies are in force wherever they select containers."""
    refused = [name for each in found if (name := _if_refused(each))]
    late = [_name(each) for each in found if _is_late(each)]
    if refused:
        text = f"not, or not completely, in force on some containers: {listed(refused)}"
        return installed("Policies", Result.WARN, text, "kubectl describe shows why, for each")
    if late:
        text = f"not yet in force on all nodes: {listed(late)}"
        return installed("Policies", Result.WARN, text, "kubectl describe shows why, for each")
    text = f"{len(found)}, all in force" if found else "none: kills are recorded, scores unchanged"
    return installed("Policies", Result.OK, text)


def _if_refused(policy: Json) -> str:
    count = number_at(object_at(policy, "status"), "refused") or 0
    return f"{_name(policy)} ({count})" if count else ""


def _is_late(policy: Json) -> bool:
    conditions = objects_at(object_at(policy, "status"), "conditions")
    return any(one.get("type") == "Ready" and one.get("status") == "False" for one in conditions)


def _name(policy: Json) -> str:
    namespace, name = object_namespace(policy), object_name(policy)
    return f"OOMPolicy {namespace}/{name}" if namespace else f"ClusterOOMPolicy {name}"
