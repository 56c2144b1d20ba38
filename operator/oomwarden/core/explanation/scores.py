"""What the scores were, and which policy is behind them."""

from fnmatch import fnmatchcase

from oomwarden.api.oomkill import Cause
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import Sentences
from oomwarden.core.history.kill_record import KillRecord, flag_at, number_at, text_at
from oomwarden.core.objects.json_parts import Json, object_at, objects_at
from oomwarden.core.workloads.pod_parts import memory_at

_GUARANTEED, _BEST_EFFORT, _LOWEST, _HIGHEST = -997, 1000, 3, 999
_OF_NODE = {Cause.NODE_OUT_OF_MEMORY, Cause.NODE_ALLOCATABLE}


def scores(facts: KnownFacts) -> Sentences:
    """Return the victims' oom_score_adj and its origin, the policy, and what it could do."""
    rule = _rule(facts)
    found = (_adjustments(facts, rule), _compared(facts.record), _policy(facts, rule))
    hints = (_ineffective(facts.record, rule), _response(facts.record))
    return tuple(each for each in (*found, *hints) if each)


def _rule(facts: KnownFacts) -> Json:
    """Return the rule for the container in the policy as it is now; empty if it is unknown."""
    name = facts.record.container
    for rule in objects_at(object_at(facts.policy, "spec"), "rules"):
        given = rule.get("containers")
        globs = given if isinstance(given, list) and given else ["*"]
        if name and any(isinstance(glob, str) and fnmatchcase(name, glob) for glob in globs):
            return rule
    return {}


def _adjustments(facts: KnownFacts, rule: Json) -> str:
    known = sorted(
        {each.oom_score_adj for each in facts.record.victims if each.oom_score_adj is not None}
    )
    if not known:
        return "oom_score_adj of the victim: unknown."
    if len(known) > 1:
        return f"oom_score_adj of the victims: {', '.join(map(str, known))}."
    return f"oom_score_adj {known[0]}: {_meaning(facts, rule, known[0])}."


def _meaning(facts: KnownFacts, rule: Json, score: int) -> str:
    kind = " ".join(facts.record.policy) if facts.record.policy else ""
    wanted = {number_at(rule, "oomScoreAdj")}
    wanted |= {number_at(each, "oomScoreAdj") for each in objects_at(rule, "processes")}
    if score in wanted:
        return f"{kind} asks for it"
    offset = number_at(rule, "oomScoreOffset")
    if offset is not None:
        return f"{kind} adds {offset:+} to the kubelet's value"
    default = _kubelets(facts, score)
    if wanted - {None}:
        return f"{default}, not what {kind} asks for now"
    return default


def _kubelets(facts: KnownFacts, score: int) -> str:
    """Say what the kubelet gives a pod of this class.

    Source: kubernetes pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust (v1.37).
    """
    qos = text_at(object_at(facts.pod, "status"), "qosClass")
    if qos == "Guaranteed" and score == _GUARANTEED:
        return "the kubelet's value for Guaranteed pods, which are killed last"
    if qos == "BestEffort" and score == _BEST_EFFORT:
        return "the kubelet's value for BestEffort pods, which are killed first"
    if qos == "Burstable" and _LOWEST <= score <= _HIGHEST:
        return f"the kubelet's value for Burstable pods{_by_request(facts, score)}"
    if qos is None:
        return "its origin is unknown, as the pod's QoS class is"
    return f"not the kubelet's value for {qos} pods: a policy or the process itself set it"


def _by_request(facts: KnownFacts, score: int) -> str:
    request = memory_at(facts.container.container, "requests") if facts.container else None
    if facts.node_memory and request:
        expected = 1000 - 1000 * request // facts.node_memory
        if min(max(expected, _LOWEST), _HIGHEST) == score:
            share = 100 * request / facts.node_memory
            return f", as its request is {share:.1f} % of the node's memory"
    return " (the more it requests, the lower)"


def _compared(record: KillRecord) -> str:
    if record.cause == Cause.CONTAINER_LIMIT:
        return "At a container's limit only its own processes compete: no score protects it."
    if record.cause in _OF_NODE:
        return "All pods of the node competed: the kernel took the most memory plus score."
    return ""


def _policy(facts: KnownFacts, rule: Json) -> str:
    if facts.record.policy is None:
        return "No policy governed the container."
    name = " ".join(facts.record.policy)
    if facts.is_policy_gone:
        return f"{name} governed the container; it no longer exists."
    if facts.policy is None:
        return f"{name} governed the container; its rules cannot be read."
    says = _says(rule)
    mode = "" if object_at(facts.policy, "spec").get("mode") != "Observe" else ", and observes only"
    if not says:
        return f"{name} governed the container; none of its rules matches it now{mode}."
    return f"{name} governs the container: {', '.join(says)}{mode}."


def _says(rule: Json) -> list[str]:
    memory, raising = object_at(rule, "memory"), object_at(object_at(rule, "onOOM"), "raiseLimit")
    processes = len(objects_at(rule, "processes"))
    parts = {
        "oomScoreAdj": number_at(rule, "oomScoreAdj"),
        "oomScoreOffset": number_at(rule, "oomScoreOffset"),
        "process rules": processes or None,
        "memory.limit": memory.get("limit"),
        "groupKill": {True: "true", False: "false", None: None}[flag_at(memory, "groupKill")],
        "raiseLimit up to": raising.get("upTo"),
    }
    return [f"{name} {value}" for name, value in parts.items() if value is not None]


def _ineffective(record: KillRecord, rule: Json) -> str:
    if not (record.group_kill and objects_at(rule, "processes")):
        return ""
    return (
        "Its process rules have no effect while the kernel kills the whole container: set "
        "memory.groupKill: false."
    )


def _response(record: KillRecord) -> str:
    response = object_at(object_at(record.manifest, "status"), "response")
    message = text_at(response, "message")
    return f"Response: {message}" if message else ""
