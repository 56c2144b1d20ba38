"""OOMNodes of any size, as agents write them."""

from typing import Any

STAMP = "2026-01-01T00:00:00Z"
_WHY = (
    "OOMPolicy tenant/boss ranks higher by kind (ClusterOOMPolicy first, unless overridable), "
    "priority or name."
)


def oomnode(
    number: int, policies: int = 100, refusals: int = 1, *, own_texts: bool = False
) -> dict[str, Any]:
    """Return an OOMNode that reports `policies` policies with `refusals` refusals each.

    Args:
        number: The number in its name.
        policies: How many policies it reports.
        refusals: How many refusals each of them has.
        own_texts: Whether no two refusals have the same message.
    """
    reports = [_report(number, each, refusals) for each in range(policies)]
    for each in (one for report in reports if own_texts for one in report["refusals"]):
        each["message"] += f" Its pod is {each['pod']}."
    return {
        "metadata": {"name": f"node-{number:04}", "uid": f"u{number}"},
        "status": {
            "agent": {"version": "0.1.0", "storeID": "s", "started": STAMP, "heartbeat": STAMP},
            "kernel": {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"},
            "memory": {"available": "4Gi"},
            "policies": reports,
        },
    }


def _report(node: int, policy: int, refusals: int) -> dict[str, Any]:
    why = [
        {"pod": f"tenant/pod-{node}-{policy}-{each}", "container": "app", "reason": "Overridden",
         "message": _WHY}
        for each in range(refusals)
    ]  # fmt: skip
    return {
        "kind": "OOMPolicy", "namespace": f"team-{policy % 20}", "name": f"p{policy:04}",
        "observedGeneration": 1, "pods": 3, "matched": 3, "enforced": 2, "refused": 1,
        "refusals": why,
    }  # fmt: skip
