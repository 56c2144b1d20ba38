"""Whether a container has the memory limit that its policy asks for, and what to ask for.

The agent asks, the operator sets (pods/resize), the kubelet carries out: each of the three can
stand in the way, and what a person is told names which one does.
"""

from dataclasses import dataclass, field, replace

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomlimit import Step
from oomwarden.api.policy import QOSClass, Rule
from oomwarden.core.limits.resize_patch import foreseen
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import format_bytes, parse_bytes
from oomwarden.core.model.remark import AspectStatus, Remark
from oomwarden.core.pods.limit_adoption import adoptable
from oomwarden.core.policy.matching import Match

ASKED = "ResizeAsked"
"""The reason that the operator's answer takes the place of."""


@dataclass(frozen=True, slots=True)
class ResizeRequest:
    """A limit in bytes that the operator is to set; `policy` empty: the one of before."""

    limit: int
    policy: str = ""


@dataclass(frozen=True, slots=True)
class LimitDecision:
    """How a container's limit stands to what is asked of it."""

    part: AspectStatus = field(default_factory=AspectStatus)
    ask: ResizeRequest | None = None

    def held_back(self, why: Remark) -> "LimitDecision":
        """Wait for a turn, and say so."""
        return LimitDecision(replace(self.part, remarks=(why,)))

    def unasked(self) -> "LimitDecision":
        """Ask for nothing, and do not say that it was asked for."""
        told = tuple(each for each in self.part.remarks if each.reason != ASKED)
        return LimitDecision(replace(self.part, remarks=told))


@dataclass(frozen=True, slots=True)
class LimitContext:
    """What is known of a container; `usage` is memory.current in bytes, None: not known yet."""

    pod: PodFacts
    container: ContainerFacts
    usage: int | None = None

    @property
    def asked(self) -> int | None:
        """Give the limit of the pod's spec."""
        return self.container.spec.asked

    def falls_below_usage(self, limit: int) -> bool:
        """Whether a smaller limit would take memory that is in use (kubelet: usage >= limit)."""
        shrinks = self.asked is None or limit < self.asked
        return shrinks and self.uses(limit)

    def uses(self, limit: int) -> bool:
        """Whether as much is in use, or more."""
        return self.usage is not None and self.usage >= limit


def asks_for_memory(rule: Rule) -> bool:
    """Whether a rule is about the limit."""
    return wanted(rule) is not None or rule.on_oom is not None


def wanted(rule: Rule) -> int | None:
    """Give memory.limit of a rule in bytes."""
    limit = rule.memory.limit if rule.memory else None
    return None if limit is None else parse_bytes(limit)


def evaluate_limit(
    held: LimitContext, match: Match | None, switch: EnforcementMode | None
) -> LimitDecision:
    """Judge one container under its winner."""
    if held.pod.deleting or switch is None:
        return LimitDecision()
    if match is None or not asks_for_memory(match.rule):
        return LimitDecision(ask=None if switch is EnforcementMode.PAUSE else put_back(held))
    if switch is EnforcementMode.RELEASE:
        return LimitDecision(AspectStatus(in_force=False), put_back(held))
    found = _adopted(held, match) or _under(held, match)
    return found.unasked() if switch is EnforcementMode.PAUSE else found


def planned(held: LimitContext, match: Match) -> tuple[Remark, ...]:
    """Tell what would stand in the way of a policy that only observes."""
    if held.pod.deleting or not asks_for_memory(match.rule):
        return ()
    return _under(held, match).unasked().part.remarks


def put_back(held: LimitContext) -> ResizeRequest | None:
    """Ask for the limit of before, where it is ours and usage allows; a limit is never removed."""
    mark = held.container.spec.writers.mark
    if mark is None or mark.before is None or mark.before == held.asked:
        return None
    return None if held.falls_below_usage(mark.before) else ResizeRequest(mark.before)


def is_to_go_back(container: ContainerFacts) -> bool:
    """Whether a limit of ours is in place that can be put back."""
    mark = container.spec.writers.mark
    return mark is not None and mark.before is not None and mark.before != container.spec.asked


def obstacle(pod: PodFacts, container: ContainerFacts) -> Remark | None:
    """Tell why a container's limit is not for us to change."""
    if pod.is_static:
        return _STATIC
    if container.type in {ContainerType.INIT, ContainerType.EPHEMERAL}:
        return _TYPE
    if container.spec.restarts:
        return _RESTARTS
    if foreign := container.spec.writers.foreign:
        return _foreign(foreign, container.spec.asked)
    return None


def _adopted(held: LimitContext, match: Match) -> LimitDecision | None:
    """Have a limit of an earlier version recorded as ours; None: it is none."""
    if held.asked is None or not adoptable(held.container, match.rule, wanted(match.rule)):
        return None
    return LimitDecision(
        _carried_out(held, held.asked), ResizeRequest(held.asked, str(match.policy))
    )


def _under(held: LimitContext, match: Match) -> LimitDecision:
    limit = wanted(match.rule)
    if limit is not None and held.asked == limit:
        return LimitDecision(_carried_out(held, limit))
    if stands := obstacle(held.pod, held.container):
        return LimitDecision(AspectStatus(in_force=False, remarks=(stands,)))
    if limit is None or is_raised(held.container, match.rule, limit):
        ours = held.container.spec.ours
        return LimitDecision(
            AspectStatus(in_force=True) if ours is None else _carried_out(held, ours)
        )
    if refused := _sure_refusal(held, limit):
        return LimitDecision(AspectStatus(in_force=False, remarks=(refused,)))
    if held.falls_below_usage(limit):
        return LimitDecision(
            AspectStatus(in_force=False, remarks=(_below_usage(limit, held.usage or 0),))
        )
    return LimitDecision(
        AspectStatus(in_force=False, remarks=(_asked(limit),)),
        ResizeRequest(limit, str(match.policy)),
    )


def _sure_refusal(held: LimitContext, limit: int) -> Remark | None:
    """Foresee what the API server always refuses: to ask for it would keep others waiting."""
    if held.pod.qos is QOSClass.BEST_EFFORT:
        return foreseen("QOSChange", limit)
    if held.pod.qos is not QOSClass.GUARANTEED and limit < held.container.spec.request:
        return foreseen("BelowRequest", limit)
    of_app = held.container.type is ContainerType.APP
    if of_app and held.pod.limit is not None and limit > held.pod.limit:
        return foreseen("PodLevelResources", limit)
    return None


def is_raised(container: ContainerFacts, rule: Rule, limit: int) -> bool:
    """Whether raiseLimit has gone beyond: memory.limit was only the start."""
    mark = container.spec.writers.mark
    raised = rule.on_oom is not None and mark is not None and mark.step is Step.RAISE
    return raised and (container.spec.asked or 0) > limit


def _carried_out(held: LimitContext, limit: int) -> AspectStatus:
    """Tell how far the kubelet is."""
    if held.container.limit == limit:
        return AspectStatus(in_force=True)
    if (held.container.limit or 0) > limit and held.uses(limit):  # it grew since it was asked
        return AspectStatus(in_force=False, remarks=(_below_usage(limit, held.usage or 0),))
    return AspectStatus(in_force=False, remarks=(kubelet_says(held.pod, limit),))


def kubelet_says(pod: PodFacts, limit: int) -> Remark:
    """Tell what keeps the kubelet from carrying out a limit that the pod's spec has."""
    what = f"the memory limit {format_bytes(limit)}"
    told = pod.resize.message or "it gives no reason"
    match pod.resize.reason:
        case "Infeasible":
            how = "ask for less, or have the pod recreated on a node that can"
            return Remark("Infeasible", f"The kubelet cannot grant {what} here ({told}): {how}.")
        case "Deferred":
            how = (
                "it tries again by itself as pods go; until then the old limit holds, but the "
                "scheduler counts the new one"
            )
            return Remark("Deferred", f"The node has no room for {what} now ({told}): {how}.")
        case "Error":
            how = "it tries again by itself; see kubectl describe pod"
            return Remark("ResizeError", f"The kubelet could not set {what} ({told}): {how}.")
        case _:
            return Remark("ResizeInProgress", f"The kubelet is setting {what}.")


def _asked(limit: int) -> Remark:
    return Remark(
        ASKED,
        f"memory.limit {format_bytes(limit)} was asked of the operator, which has not set it yet: "
        "if this stays, see whether the operator runs.",
    )


def _below_usage(limit: int, usage: int) -> Remark:
    return Remark(
        "BelowUsage",
        f"memory.limit {format_bytes(limit)} is less than the container uses now "
        f"({format_bytes(usage)}), and setting it could kill it: it is set when it uses less; ask "
        "for more, or restart the container.",
    )


def _foreign(who: str, asked: int | None) -> Remark:
    value = "none" if asked is None else format_bytes(asked)
    return Remark(
        "ForeignLimit",
        f"{who} has changed this container's memory limit (now {value}) through pods/resize, and "
        "wins: to give it back to the policy, have the pod recreated.",
    )


_STATIC = Remark(
    "StaticPod",
    "A static pod cannot be resized: change the limit in its manifest on the node.",
)
_RESTARTS = Remark(
    "RestartNeeded",
    "The container's resizePolicy restarts it when its memory limit changes, and policies restart "
    "nothing: set the limit in the pod's template, or resizePolicy NotRequired for memory.",
)
_TYPE = Remark(
    "NotResizable",
    "Kubernetes does not resize init and ephemeral containers: set the limit in the pod's "
    "template, or leave these containers out with `containers`.",
)
