"""A fake of the resize calls with one pod, which records what was done to it."""

from dataclasses import dataclass, field
from typing import Any

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.api.policy import QOSClass
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.model.limit_ownership import LimitOwnership
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, SpecLimit
from oomwarden.core.policy.policy import Policy, parse_policy
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import ApiError, Status

MI = 1 << 20


def refused(code: int, message: str) -> ApiError:
    return ApiError(Status(code, "Told", message))


def granting(rule: dict[str, Any]) -> Policy:
    metadata = {"name": "grow", "namespace": "shop", "generation": 1}
    return parse_policy(
        "OOMPolicy", {"metadata": metadata, "spec": {"podSelector": {}, "rules": [rule]}}
    )


@dataclass
class OnePod:
    """A pod whose container `app` has a limit of 512Mi.

    The next patches raise `failures`, and the next writes of records raise `unkept`.
    """

    policies: tuple[Policy, ...] = ()
    switch: EnforcementMode = EnforcementMode.ENFORCE
    writers: LimitOwnership = field(default_factory=LimitOwnership)
    failures: list[Exception] = field(default_factory=list)
    patches: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    kept: list[KeptLimit | None] = field(default_factory=list)
    unkept: list[Exception] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    looks: int = 0

    async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        self.looks += 1
        spec = SpecLimit(512 * MI, self.writers)
        one = ContainerFacts(container, ContainerType.APP, "c" * 64, 512 * MI, spec=spec)
        facts = PodFacts("u", "u", namespace, pod, {}, QOSClass.BURSTABLE, containers=(one,))
        return ResizeTarget(ResizeContext(facts, one, "node-1", self.policies, self.switch), "77")

    async def store(self, found: ResizeTarget, kept: KeptLimit | None) -> ResizeTarget:
        if self.unkept:
            raise self.unkept.pop(0)
        self.kept.append(kept)
        self.steps.append("nothing" if kept is None else "pending" if kept.pending else "done")
        return found

    async def resize(self, _namespace: str, _pod: str, patch: dict[str, Any], manager: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.patches.append((patch, manager))
        self.steps.append("patch")
