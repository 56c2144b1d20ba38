"""onOOM.raiseLimit: how to respond to one kill. A limit is raised within bounds, and never lowered.

Only recent kills at the limit of a container or pod count, and only if the same pod still has the
limit that was hit. If anyone else has changed the limit, oomwarden leaves it alone from then on.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from oomwarden.api.memory_rule import RaiseLimit
from oomwarden.api.oomkill import Cause
from oomwarden.api.oomlimit import Step
from oomwarden.core.limits.desired_limit import resize_obstacle
from oomwarden.core.limits.limit_remarks import kubelet_remark
from oomwarden.core.limits.raise_context import RaiseContext
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import format_bytes, is_page_rounded, parse_bytes
from oomwarden.core.objects.object_names import describe_owner
from oomwarden.core.pods.limit import sum_of_limits
from oomwarden.core.policy.matching import PolicySelection

NODE_STALE = "NodeStale"
"""A reason to retry soon: an agent writes its OOMNode shortly after it has recorded a kill."""
_MI = 1 << 20
_CAUSES = (Cause.CONTAINER_LIMIT, Cause.POD_LIMIT)
_UNITS = {"h": 3600, "m": 60, "s": 1}


class Raise(Struct, frozen=True):
    """Raise the limit.

    Attributes:
        before: The limit now, in bytes.
        limit: The new limit, in bytes.
        original: The limit before oomwarden first changed it, in bytes; None for no limit.
        already_done: An operator that stopped before it could record the raise has set the limit.
    """

    before: int
    limit: int
    original: int | None
    already_done: bool = False


class NotRaised(Struct, frozen=True):
    """Leave the limit as it is.

    Attributes:
        reason: A CamelCase word for programs.
        message: A sentence for people.
    """

    reason: str
    message: str


def decide_raise(case: RaiseContext) -> Raise | NotRaised | None:
    """Decide how to respond to a kill; None if no policy asks for a response."""
    selection = case.resize.select_winner()
    if case.resize.pod is None or case.resize.pod.uid != case.kill.pod.uid:
        return None
    if case.resize.node != case.kill.node:  # an agent may only write records of its own node
        return None
    rule = selection.winner.rule.on_oom if selection.winner else None
    if rule is None:
        return _observed(case, selection)
    first = next(_objections(case, rule.raise_limit), None)
    return first or _raise(case, rule.raise_limit)


def duration_seconds(duration: str) -> int:
    """Parse a duration such as 1h30m into seconds."""
    total, number = 0, ""
    for each in duration:
        if each.isdigit():
            number += each
        else:
            total, number = total + int(number or 0) * _UNITS.get(each, 0), ""
    return total


def next_limit(limit: int, rule: RaiseLimit) -> int:
    """Return the next limit in bytes: whole Mi, at most upTo, never lower than the limit now."""
    more = max(limit * int(rule.by.rstrip("%")) // 100, parse_bytes(rule.at_least))
    whole = -(-(limit + more) // _MI) * _MI
    return max(min(whole, parse_bytes(rule.up_to)), limit)


def _observed(case: RaiseContext, selection: PolicySelection) -> NotRaised | None:
    """Return what a policy that only observes would have done."""
    for match in selection.observers:
        if match.rule.on_oom is None:
            continue
        rule = match.rule.on_oom.raise_limit
        found = next(_objections(case, rule), None) or _raise(case, rule)
        if isinstance(found, NotRaised):
            return NotRaised("Observed", f"{match.policy} only observes. {found.message}")
        change = (
            f"raised the limit from {format_bytes(found.before)} to {format_bytes(found.limit)}"
        )
        return NotRaised("Observed", f"{match.policy} only observes; it would have {change}.")
    return None


def _objections(case: RaiseContext, rule: RaiseLimit) -> Iterator[NotRaised]:
    """List why the limit must not be raised, the most fundamental reason first."""
    kill, pod, container = case.kill, case.resize.pod, case.resize.container
    if case.resize.mode is not EnforcementMode.ENFORCE:
        what = f"The switch, ConfigMap oomwarden-control, is at {case.resize.mode}"
        yield NotRaised("SwitchedOff", f"{what}, or missing, so nothing is changed.")
    if kill.cause not in _CAUSES:
        what = f"The kill was not at a limit of the container or pod ({kill.cause})"
        yield NotRaised("OtherCause", f"{what}, so a higher limit would not have helped.")
    if case.is_late:
        yield NotRaised("TooLate", f"The kill was more than 2 minutes old {case.describe_delay()}.")
    if pod is None or container is None or not kill.container.name:
        yield NotRaised("ContainerUnknown", "The killed container is not known.")
        return
    if pod.deleting:
        yield NotRaised("PodTerminating", "The pod is being deleted.")
    if obstacle := resize_obstacle(pod, container):
        yield NotRaised(obstacle.reason, obstacle.message)
    if not _already_raised(case, container):
        yield from _not_applied(pod, container)
        yield from _bounds(case, container, rule)


def _bounds(case: RaiseContext, container: ContainerFacts, rule: RaiseLimit) -> Iterator[NotRaised]:
    limit, up_to = container.spec.limit, parse_bytes(rule.up_to)
    if limit is None or not _is_limit_hit(case, container):
        yield _another_limit(case, limit)
        return
    if limit >= up_to:
        yield NotRaised(
            "UpToReached", f"The limit has reached upTo, {format_bytes(up_to)}: {_advice(case)}."
        )
    if (wait := _cooldown(case, container, rule)) > timedelta():
        left = f"{wait.total_seconds():.0f} s"
        yield NotRaised(
            "Cooldown",
            f"The limit was raised less than {rule.cooldown} ago; {left} of the cooldown left.",
        )
    more = next_limit(limit, rule) - limit
    if case.available is None:
        yield NotRaised(
            "NodeSilent", "The node's agent does not report how much memory is available."
        )
    elif case.is_stale:
        what = "The node's agent has not reported its available memory since the kill"
        yield NotRaised(NODE_STALE, f"{what}: check that it can reach the API server.")
    elif case.available < more:
        has, asks = format_bytes(case.available), format_bytes(more)
        yield NotRaised("NodeShort", f"The node has {has} available, less than the {asks} to add.")


def _not_applied(pod: PodFacts, container: ContainerFacts) -> Iterator[NotRaised]:
    """Explain why a limit that oomwarden set earlier is not in effect yet."""
    owned = container.spec.owned_limit
    if owned is not None and container.limit != owned:
        remark = kubelet_remark(pod, owned)
        yield NotRaised(remark.reason, remark.message)


def _another_limit(case: RaiseContext, limit: int | None) -> NotRaised:
    now, hit = "none" if limit is None else format_bytes(limit), case.kill.limit or "unknown"
    if case.kill.cause is Cause.POD_LIMIT:
        what = f"The pod's own limit ({hit}) was hit, not its containers'"
        return NotRaised("PodsOwnLimit", f"{what}: raise spec.resources in the pod's template.")
    return NotRaised("LimitChanged", f"The limit has changed since the kill, from {hit} to {now}.")


def _raise(case: RaiseContext, rule: RaiseLimit) -> Raise | NotRaised:
    container = case.resize.container
    if container is None or container.spec.limit is None:
        return NotRaised("ContainerUnknown", "The container no longer exists.")
    limit, owner = container.spec.limit, container.spec.ownership.owner
    if _already_raised(case, container):
        hit = parse_bytes(case.kill.limit or "0")
        return Raise(hit, limit, hit, already_done=True)
    return Raise(limit, next_limit(limit, rule), owner.before if owner else limit)


def _is_limit_hit(case: RaiseContext, container: ContainerFacts) -> bool:
    """Return whether the limit that was hit, the container's or the pod's sum, is in effect."""
    pod, hit = case.resize.pod, case.kill.limit
    if hit is None or pod is None or container.limit != container.spec.limit:
        return False
    limits = (container.limit, sum_of_limits(pod))
    return any(limit is not None and is_page_rounded(limit, parse_bytes(hit)) for limit in limits)


def _cooldown(case: RaiseContext, container: ContainerFacts, rule: RaiseLimit) -> timedelta:
    """Return what is left of the cooldown. The record of the last raise survives a restart."""
    owner = container.spec.ownership.owner
    if owner is None or owner.step is not Step.RAISE or not owner.at:
        return timedelta()
    since = case.now - datetime.fromisoformat(owner.at)
    return max(timedelta(seconds=duration_seconds(rule.cooldown)) - since, timedelta())


def _already_raised(case: RaiseContext, container: ContainerFacts) -> bool:
    """Return whether the limit was raised after this kill. Recorded times are whole seconds."""
    owner, hit = container.spec.ownership.owner, case.kill.limit
    if owner is None or owner.step is not Step.RAISE or not owner.at or hit is None:
        return False
    after = datetime.fromisoformat(owner.at) + timedelta(seconds=1) > case.happened
    limit, hit_at = container.spec.limit or 0, parse_bytes(hit)
    return after and limit > hit_at and not is_page_rounded(limit, hit_at)


def _advice(case: RaiseContext) -> str:
    owner = case.kill.pod.owner
    return f"see why {describe_owner(owner)} needs more" if owner else "see why it needs more"
