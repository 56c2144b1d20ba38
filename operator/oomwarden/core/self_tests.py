"""The agent's conditions: each False with the remedy."""

from dataclasses import dataclass

from oomwarden.api.base import Condition


@dataclass(frozen=True, slots=True)
class Findings:
    """What the agent found of its own footing; a text is the remedy, empty when all is well."""

    cgroup_v2: str = ""
    capabilities: tuple[str, ...] = ()
    kernel_log: str = ""
    store: str = ""
    unknown_fields: tuple[str, ...] = ()


def conditions(found: Findings, now: str) -> tuple[Condition, ...]:
    """Give the conditions of OOMNode; `now` in RFC 3339.

    Ready is False only when kills or policies are not looked after at all.
    """
    missing = found.capabilities
    grant = f"grant the agent's container the capabilities {', '.join(missing)}" if missing else ""
    newer = ", ".join(f"spec.{name}" for name in found.unknown_fields)
    ignored = f"this agent is older than the CRDs and ignores {newer}: upgrade it" if newer else ""
    tests = (
        ("CgroupV2", found.cgroup_v2, "Mounted", "NotFound"),
        ("Capabilities", grant, "Complete", "Missing"),
        ("KernelLog", found.kernel_log, "Readable", "NotReadable"),
        ("Store", found.store, "Durable", "InMemory"),
        ("PoliciesUnderstood", ignored, "AllFields", "UnknownFields"),
    )
    results = [_condition(kind, text, good, bad, now) for kind, text, good, bad in tests]
    ready = _condition("Ready", found.cgroup_v2, "Watching", "NotWatching", now)
    return (ready, *results)


def _condition(kind: str, remedy: str, good: str, bad: str, now: str) -> Condition:
    return Condition(
        type=kind,
        status="False" if remedy else "True",
        reason=bad if remedy else good,
        message=remedy,
        last_transition_time=now,
    )
