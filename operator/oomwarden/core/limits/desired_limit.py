"""Whether a container has the memory limit that its policy asks for, and what to request.

The agent requests a limit, the operator sets it through pods/resize, and the kubelet applies it.
Any of the three can fail, and the remarks name which one did.
"""

from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomlimit import Step
from oomwarden.api.policy import QOSClass, Rule
from oomwarden.core.limits.limit_remarks import (
    NOT_RESIZABLE,
    RESIZE_ASKED,
    RESTART_NEEDED,
    STATIC_POD,
    below_usage,
    foreign_limit,
    kubelet_remark,
    requested,
)
from oomwarden.core.limits.resize_patch import expected_refusal
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.model.remark import AspectStatus, Remark
from oomwarden.core.pods.limit_adoption import adoptable_owner
from oomwarden.core.policy.matching import Match


class ResizeRequest(Struct, frozen=True):
    """A memory limit that the operator should set.

    Attributes:
        limit: In bytes.
        policy: The policy that asks for it; empty to restore the original limit.
    """

    limit: int
    policy: str = ""


class LimitDecision(Struct, frozen=True):
    """How a container's limit compares with what its policy asks for.

    Attributes:
        status: Whether the limit is in force, and why not.
        request: What to ask of the operator; None for nothing.
    """

    status: AspectStatus = field(default_factory=AspectStatus)
    request: ResizeRequest | None = None

    def deferred(self, why: Remark) -> "LimitDecision":
        """Return this decision without its request, and with the reason for the delay."""
        return LimitDecision(replace(self.status, remarks=(why,)))

    def without_request(self) -> "LimitDecision":
        """Return this decision without its request and the remark that reports it."""
        remarks = tuple(each for each in self.status.remarks if each.reason != RESIZE_ASKED)
        return LimitDecision(replace(self.status, remarks=remarks))


class LimitContext(Struct, frozen=True):
    """What a decision about a container's limit depends on.

    Attributes:
        pod: The container's pod.
        container: The container.
        usage: memory.current in bytes; None if it is not known yet.
    """

    pod: PodFacts
    container: ContainerFacts
    usage: int | None = None

    @property
    def spec_limit(self) -> int | None:
        """Return the limit in the pod's spec, in bytes."""
        return self.container.spec.limit

    def falls_below_usage(self, limit: int) -> bool:
        """Return whether a limit is lower than the one now and no higher than usage."""
        shrinks = self.spec_limit is None or limit < self.spec_limit
        return shrinks and self.usage_reaches(limit)

    def usage_reaches(self, limit: int) -> bool:
        """Return whether usage is at or above a limit, as the kubelet compares them."""
        return self.usage is not None and self.usage >= limit


def governs_limit(rule: Rule) -> bool:
    """Return whether a rule sets or raises the memory limit."""
    return rule_limit(rule) is not None or rule.on_oom is not None


def rule_limit(rule: Rule) -> int | None:
    """Return a rule's memory.limit in bytes."""
    limit = rule.memory.limit if rule.memory else None
    return None if limit is None else parse_bytes(limit)


def evaluate_limit(
    context: LimitContext, match: Match | None, mode: EnforcementMode | None
) -> LimitDecision:
    """Decide on one container's limit.

    Args:
        context: The container.
        match: The policy that governs it; None for no policy.
        mode: The cluster's mode; None if it is not known yet.
    """
    if context.pod.deleting or mode is None:
        return LimitDecision()
    if match is None or not governs_limit(match.rule):
        pauses = mode is EnforcementMode.PAUSE
        return LimitDecision(request=None if pauses else restore_request(context))
    if mode is EnforcementMode.RELEASE:
        return LimitDecision(AspectStatus(in_force=False), restore_request(context))
    found = _adopt(context, match) or _evaluate(context, match)
    return found.without_request() if mode is EnforcementMode.PAUSE else found


def observed_limit_remarks(context: LimitContext, match: Match) -> tuple[Remark, ...]:
    """Return what would keep an observing policy's limit from being in force."""
    if context.pod.deleting or not governs_limit(match.rule):
        return ()
    return _evaluate(context, match).without_request().status.remarks


def restore_request(context: LimitContext) -> ResizeRequest | None:
    """Return the request for the original limit, if oomwarden changed it and usage allows it.

    A container that had no limit keeps the one that oomwarden set: a limit is never removed.
    """
    original = restorable_limit(context.container)
    if original is None or context.falls_below_usage(original):
        return None
    return ResizeRequest(original)


def restorable_limit(container: ContainerFacts) -> int | None:
    """Return the container's original limit, in bytes; None if oomwarden has not changed it."""
    owner = container.spec.ownership.owner
    original = owner.before if owner else None
    return None if original == container.spec.limit else original


def resize_obstacle(pod: PodFacts, container: ContainerFacts) -> Remark | None:
    """Return why oomwarden must not change a container's limit; None if it may."""
    if pod.is_static:
        return STATIC_POD
    if container.type in {ContainerType.INIT, ContainerType.EPHEMERAL}:
        return NOT_RESIZABLE
    if container.spec.restarts_container:
        return RESTART_NEEDED
    if writer := container.spec.ownership.other_writer:
        return foreign_limit(writer, container.spec.limit)
    return None


def _adopt(context: LimitContext, match: Match) -> LimitDecision | None:
    """Request the record of a limit that an earlier version set; None if there is none."""
    limit = context.spec_limit
    if limit is None or not adoptable_owner(context.container, match.rule, rule_limit(match.rule)):
        return None
    return LimitDecision(_applied(context, limit), ResizeRequest(limit, str(match.policy)))


def _evaluate(context: LimitContext, match: Match) -> LimitDecision:
    limit = rule_limit(match.rule)
    if limit is not None and context.spec_limit == limit:
        return LimitDecision(_applied(context, limit))
    if obstacle := resize_obstacle(context.pod, context.container):
        return _not_in_force(obstacle)
    if limit is None or is_raised(context.container, match.rule, limit):
        owned = context.container.spec.owned_limit
        return LimitDecision(
            AspectStatus(in_force=True) if owned is None else _applied(context, owned)
        )
    if objection := next(_objections(context, limit), None):
        return _not_in_force(objection)
    return _not_in_force(requested(limit), ResizeRequest(limit, str(match.policy)))


def _not_in_force(why: Remark, request: ResizeRequest | None = None) -> LimitDecision:
    return LimitDecision(AspectStatus(in_force=False, remarks=(why,)), request)


def _objections(context: LimitContext, limit: int) -> Iterator[Remark]:
    """List why a limit must not be requested, the most fundamental first.

    What the API server always refuses is not requested, because a refused request delays others.
    """
    container, qos = context.container, context.pod.qos
    if qos is QOSClass.BEST_EFFORT:
        yield expected_refusal("QOSChange", limit)
    if qos is not QOSClass.GUARANTEED and limit < container.spec.request:
        yield expected_refusal("BelowRequest", limit)
    pod_limit = context.pod.limit if container.type is ContainerType.APP else None
    if pod_limit is not None and limit > pod_limit:
        yield expected_refusal("PodLevelResources", limit)
    if context.falls_below_usage(limit):
        yield below_usage(limit, context.usage or 0)


def is_raised(container: ContainerFacts, rule: Rule, limit: int) -> bool:
    """Return whether raiseLimit has raised the limit above memory.limit, its starting point."""
    owner = container.spec.ownership.owner
    raised = rule.on_oom is not None and owner is not None and owner.step is Step.RAISE
    return raised and (container.spec.limit or 0) > limit


def _applied(context: LimitContext, limit: int) -> AspectStatus:
    """Return whether the kubelet has applied a limit of the pod's spec, and why not."""
    now = context.container.limit
    if now == limit:
        return AspectStatus(in_force=True)
    outgrown = (now or 0) > limit and context.usage_reaches(limit)  # usage grew after the request
    why = below_usage(limit, context.usage or 0) if outgrown else kubelet_remark(context.pod, limit)
    return AspectStatus(in_force=False, remarks=(why,))
