"""Who has set a process's oom_score_adj."""

from enum import StrEnum

from msgspec import Struct, field

from oomwarden.api.vocabulary import SCORE_MIN

_NODE_CRITICAL = "system-node-critical"


class ScoreSetter(StrEnum):
    """Who has set a score."""

    KUBELET = "Kubelet"
    POLICY = "Policy"
    PROCESS = "Process"
    RUNTIME = "Runtime"
    NODE = "Node"
    DEFAULT = "Default"
    UNKNOWN = "Unknown"


class ScoreOrigin(Struct, frozen=True):
    """Who has set a score, and which of them or why.

    Attributes:
        detail: The policy as OOMPolicy/protect-db, or the kubelet's reason, such as Burstable.
    """

    setter: ScoreSetter
    detail: str = ""


class ScoreFacts(Struct, frozen=True):
    """What is known of the scores of a container.

    Attributes:
        baseline: The score that the runtime gave it on the kubelet's order; None if it is unknown.
        assigned: The scores that oomwarden has written or is about to write to its processes.
        policy: The policy that governs it; empty for none.
        qos: QoS class of its pod; empty if it is unknown.
        priority_class: Priority class of its pod.
        is_sandbox: It is the pod's pause container.
    """

    baseline: int | None = None
    assigned: frozenset[int] = field(default_factory=frozenset)
    policy: str = ""
    qos: str = ""
    priority_class: str | None = None
    is_sandbox: bool = False


def score_origin(score: int, facts: ScoreFacts | None) -> ScoreOrigin:
    """Return who has set the score of a process.

    Args:
        score: Its oom_score_adj.
        facts: What is known of its container; None for a process outside of pods.
    """
    if facts is None:
        return ScoreOrigin(ScoreSetter.NODE if score else ScoreSetter.DEFAULT)
    if facts.is_sandbox:
        return ScoreOrigin(ScoreSetter.KUBELET, "pause container")
    if score == facts.baseline:
        return ScoreOrigin(ScoreSetter.KUBELET, _reason(facts))
    if score in facts.assigned:
        return ScoreOrigin(ScoreSetter.POLICY, facts.policy or "an earlier policy")
    if score < SCORE_MIN:  # as the runtime's shim has it; runc sets the container's score later
        return ScoreOrigin(ScoreSetter.RUNTIME, "the process is starting")
    setter = ScoreSetter.UNKNOWN if facts.baseline is None else ScoreSetter.PROCESS
    return ScoreOrigin(setter)


def _reason(facts: ScoreFacts) -> str:
    """Return why the kubelet gives this score (kubernetes pkg/kubelet/qos/policy.go, v1.37)."""
    return "node-critical" if facts.priority_class == _NODE_CRITICAL else facts.qos
