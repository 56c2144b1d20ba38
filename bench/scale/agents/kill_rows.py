"""Made-up kills, with records of the usual size."""

import time
from typing import Any

from oomwarden.core.records.metadata import labels_of, name_of
from oomwarden.core.records.oomkill import timestamp
from oomwarden.core.records.outbox_row import OutboxRow

SAMPLES = 30
"""Of memory usage in a record."""


def killed(node: str, namespace: str, number: int, boot_id: str) -> OutboxRow:
    """Return the record and the Event of a kill in a pod of its own."""
    now = time.time()
    samples = [{"at": timestamp(now - each), "usage": f"{500_000 - each}Ki"}
               for each in range(SAMPLES, 0, -1)]  # fmt: skip
    kill: dict[str, Any] = {
        "node": node,
        "pod": {"name": f"api-7d9f-{number:05}", "uid": f"{node}-{number:05}"},
        "container": {"name": "app", "type": "App"}, "cause": "ContainerLimit",
        "limit": "512Mi", "kills": 1, "victims": [{"pid": 4242, "command": "python3"}],
        "memory": {"at": timestamp(now), "usage": "500Mi", "samples": samples},
        "time": {"before": timestamp(now)},
        "evidence": {"bootID": boot_id, "cgroup": number, "level": "Pod", "from": 0, "to": 1,
                     "sources": ["Counters", "KernelLog"]},
    }  # fmt: skip
    metadata = {"namespace": namespace, "name": name_of(kill), "labels": labels_of(kill)}
    return OutboxRow({**kill, "metadata": metadata}, _event(kill, metadata))


def _event(kill: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    name, namespace = metadata["name"], metadata["namespace"]
    return {
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "eventTime": kill["time"]["before"], "type": "Warning", "reason": "OOMKilled",
        "action": "Killed", "reportingController": "oomwarden.io/agent",
        "reportingInstance": kill["node"],
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace,
                      **kill["pod"], "fieldPath": "spec.containers{app}"},
        "note": "python3 (PID 4242) was killed: container app reached its memory limit of 512Mi, "
                "and 490Mi of it were anonymous memory; raise the limit or find what holds it",
    }  # fmt: skip
