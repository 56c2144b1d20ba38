"""Containers with changed limits, and policies that change them, for tests of decisions."""

from msgspec.structs import replace
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomlimit import Step
from oomwarden.api.policy import QOSClass
from oomwarden.core.limits.desired_limit import LimitContext, LimitDecision, evaluate_limit
from oomwarden.core.model.limit_ownership import LimitOwner, LimitOwnership
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, SpecLimit
from oomwarden.core.policy.matching import Match
from oomwarden.core.policy.policy import Policy

from tests.support.pods import pod as plain_pod
from tests.support.pods import policy

MI = 1 << 20
ID = "c" * 64


def container(
    requested: int | None = 512,
    now: int | None = None,
    owner: LimitOwner | None = None,
    other_writer: str = "",
    kind: ContainerType = ContainerType.APP,
) -> ContainerFacts:
    """Return a container with limits in Mi: `asked` in the spec, `now` in effect if it differs."""
    spec = SpecLimit(_mi(requested), LimitOwnership(owner, other_writer))
    return ContainerFacts("app", kind, ID, _mi(requested if now is None else now), spec=spec)


def pod(*containers: ContainerFacts, **changes: object) -> PodFacts:
    return replace(plain_pod(), containers=containers or (container(),), **changes)


def owned(before: int | None, step: Step = Step.LIMIT, at: str = "") -> LimitOwner:
    return LimitOwner(step, _mi(before), at)


def limiting(limit: int | None = 1024, up_to: str | None = None, **fields: object) -> Policy:
    """Return a policy with memory.limit in Mi, onOOM.raiseLimit, or both."""
    rule: dict[str, object] = {}
    if limit is not None:
        rule["memory"] = {"limit": f"{limit}Mi"}
    if up_to is not None:
        rule["onOOM"] = {"raiseLimit": {"upTo": up_to, **fields}}
    return policy(rules=[rule])


def won(by: Policy) -> Match:
    return Match(by, by.spec.rules[0])


def decide_on(
    one: ContainerFacts,
    by: Policy | None = None,
    mode: EnforcementMode | None = EnforcementMode.ENFORCE,
    usage: int | None = None,
    in_pod: PodFacts | None = None,
) -> LimitDecision:
    """Decide on a container's limit under a policy; `usage` in Mi."""
    used = None if usage is None else usage * MI
    match = won(by) if by else None
    return evaluate_limit(LimitContext(in_pod or pod(one), one, used), match, mode)


def reasons(found: LimitDecision) -> list[str]:
    return [remark.reason for remark in found.status.remarks]


def _mi(number: int | None) -> int | None:
    return None if number is None else number * MI


GUARANTEED = QOSClass.GUARANTEED
