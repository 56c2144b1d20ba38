"""onOOM.raiseLimit: what to do about one kill; bounded on all sides, and never lower.

Only young kills at a container's or pod's own limit count, of the very pod that is still there
with the very limit that was hit. Whoever else changed the limit wins for good.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from oomwarden.api.memory_rule import RaiseLimit
from oomwarden.api.oomkill import Cause
from oomwarden.api.oomlimit import Step
from oomwarden.core.limits.desired_limit import kubelet_says, obstacle
from oomwarden.core.limits.raise_case import RaiseContext
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import format_bytes, in_pages, parse_bytes
from oomwarden.core.objects.object_names import in_words
from oomwarden.core.pods.limit import sum_of_limits
from oomwarden.core.policy.matching import PolicySelection

STALE = "NodeStale"
"""A reason to look again: the agent writes its OOMNode soon after it has recorded a kill."""
_MI = 1 << 20
_CAUSES = (Cause.CONTAINER_LIMIT, Cause.POD_LIMIT)
_UNITS = {"h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Raise:
    """Raise the limit, in bytes; `origin` is what it was before our first write, None: none.

    `done`: an operator that ended then has done it already, and has not recorded it.
    """

    before: int
    limit: int
    origin: int | None
    done: bool = False


@dataclass(frozen=True, slots=True)
class NotRaised:
    """Leave the limit, and say why: a word for programs, a sentence for people."""

    reason: str
    message: str


def decide(case: RaiseContext) -> Raise | NotRaised | None:
    """Decide on a kill; None: no policy has anything to say of it."""
    contest = case.scene.select_winner()
    if case.scene.pod is None or case.scene.pod.uid != case.kill.pod.uid:
        return None
    if case.scene.node != case.kill.node:  # an agent may write records of its own node only
        return None
    rule = contest.winner.rule.on_oom if contest.winner else None
    if rule is None:
        return _observed(case, contest)
    first = next(_objections(case, rule.raise_limit), None)
    return first or _raise(case, rule.raise_limit)


def seconds(duration: str) -> int:
    """Read a duration such as 1h30m."""
    total, number = 0, ""
    for each in duration:
        if each.isdigit():
            number += each
        else:
            total, number = total + int(number or 0) * _UNITS.get(each, 0), ""
    return total


def raised(limit: int, rule: RaiseLimit) -> int:
    """Give the next limit in bytes, a whole number of Mi; at most upTo, and never less than now."""
    more = max(limit * int(rule.by.rstrip("%")) // 100, parse_bytes(rule.at_least))
    whole = -(-(limit + more) // _MI) * _MI
    return max(min(whole, parse_bytes(rule.up_to)), limit)


def _observed(case: RaiseContext, contest: PolicySelection) -> NotRaised | None:
    """Tell what a policy that only observes would have done."""
    for match in contest.observers:
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
    """Give all that speaks against raising, the most fundamental first."""
    kill, pod, container = case.kill, case.scene.pod, case.scene.container
    if case.scene.switch is not EnforcementMode.ENFORCE:
        what = f"The switch, ConfigMap oomwarden-control, is at {case.scene.switch}"
        yield NotRaised("SwitchedOff", f"{what}, or missing: nothing is changed.")
    if kill.cause not in _CAUSES:
        what = f"The kill was not at a limit of the container or pod ({kill.cause})"
        yield NotRaised("OtherCause", f"{what}: a higher limit would not have helped.")
    if case.is_late:
        yield NotRaised("TooLate", f"The kill was more than 2 minutes old {case.by_which_clock()}.")
    if pod is None or container is None or not kill.container.name:
        yield NotRaised("ContainerUnknown", "It is not known which container was killed.")
        return
    if pod.deleting:
        yield NotRaised("PodTerminating", "The pod is being deleted.")
    if stands := obstacle(pod, container):
        yield NotRaised(stands.reason, stands.message)
    if not _already_raised(case, container):
        yield from _not_carried_out(pod, container)
        yield from _bounds(case, container, rule)


def _bounds(case: RaiseContext, container: ContainerFacts, rule: RaiseLimit) -> Iterator[NotRaised]:
    limit, up_to = container.spec.asked, parse_bytes(rule.up_to)
    if limit is None or not _is_the_one_hit(case, container):
        yield _another_limit(case, limit)
        return
    if limit >= up_to:
        yield NotRaised(
            "UpToReached", f"The limit is at upTo, {format_bytes(up_to)}: {_look(case)}."
        )
    if (wait := _cooldown(case, container, rule)) > timedelta():
        left = f"{wait.total_seconds():.0f} s"
        yield NotRaised(
            "Cooldown", f"The limit was raised less than {rule.cooldown} ago: {left} left."
        )
    more = raised(limit, rule) - limit
    if case.available is None:
        yield NotRaised(
            "NodeSilent", "The node's agent does not tell how much memory is available."
        )
    elif case.is_stale:
        what = "The node's agent has not told since the kill how much memory is"
        yield NotRaised(STALE, f"{what} available: see whether it can reach the API server.")
    elif case.available < more:
        has, asks = format_bytes(case.available), format_bytes(more)
        yield NotRaised(
            "NodeShort", f"The node has {has} available, less than the {asks} to be added."
        )


def _not_carried_out(pod: PodFacts, container: ContainerFacts) -> Iterator[NotRaised]:
    """Tell why a limit that we have set before is not in force yet."""
    ours = container.spec.ours
    if ours is not None and container.limit != ours:
        said = kubelet_says(pod, ours)
        yield NotRaised(said.reason, said.message)


def _another_limit(case: RaiseContext, limit: int | None) -> NotRaised:
    now, hit = "none" if limit is None else format_bytes(limit), case.kill.limit or "unknown"
    if case.kill.cause is Cause.POD_LIMIT:
        what = f"The pod's own limit ({hit}) was hit, not its containers'"
        return NotRaised("PodsOwnLimit", f"{what}: raise spec.resources in the pod's template.")
    return NotRaised(
        "LimitChanged", f"The limit that was hit ({hit}) is not the one of now ({now})."
    )


def _raise(case: RaiseContext, rule: RaiseLimit) -> Raise | NotRaised:
    container = case.scene.container
    if container is None or container.spec.asked is None:
        return NotRaised("ContainerUnknown", "The container is gone.")
    limit, mark = container.spec.asked, container.spec.writers.mark
    if _already_raised(case, container):
        hit = parse_bytes(case.kill.limit or "0")
        return Raise(hit, limit, hit, done=True)
    return Raise(limit, raised(limit, rule), mark.before if mark else limit)


def _is_the_one_hit(case: RaiseContext, container: ContainerFacts) -> bool:
    """Whether the limit in force is that of the record: the container's, or the pod's as a sum."""
    pod, hit = case.scene.pod, case.kill.limit
    if hit is None or pod is None or container.limit != container.spec.asked:
        return False
    limits = (container.limit, sum_of_limits(pod))
    return any(limit is not None and in_pages(limit, parse_bytes(hit)) for limit in limits)


def _cooldown(case: RaiseContext, container: ContainerFacts, rule: RaiseLimit) -> timedelta:
    """Give the rest of the cooldown; the mark of the last raise outlives the operator."""
    mark = container.spec.writers.mark
    if mark is None or mark.step is not Step.RAISE or not mark.at:
        return timedelta()
    since = case.now - datetime.fromisoformat(mark.at)
    return max(timedelta(seconds=seconds(rule.cooldown)) - since, timedelta())


def _already_raised(case: RaiseContext, container: ContainerFacts) -> bool:
    """Whether the limit was raised after this kill. A mark's time has no fractions of a second."""
    mark, hit = container.spec.writers.mark, case.kill.limit
    if mark is None or mark.step is not Step.RAISE or not mark.at or hit is None:
        return False
    after = datetime.fromisoformat(mark.at) + timedelta(seconds=1) > case.happened
    asked, hit_at = container.spec.asked or 0, parse_bytes(hit)
    return after and asked > hit_at and not in_pages(asked, hit_at)


def _look(case: RaiseContext) -> str:
    owner = case.kill.pod.owner
    return f"see why {in_words(owner)} needs more" if owner else "see why it needs more"
