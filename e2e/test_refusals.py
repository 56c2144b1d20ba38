"""The API server refuses a bad policy with a message that names the field and its range."""

import pytest
from kubernetes import client

from e2e import policy_corpus
from e2e.refusals import (
    Manifest,
    create,
    policy,
    refusal,
    with_expression,
    with_rule,
    with_selector,
)

pytestmark = pytest.mark.usefixtures("definitions")

SCORE = "spec.rules[0].oomScoreAdj: Invalid value: {}: oomScoreAdj must be -997..1000"
LABEL_VALUES = "label values: 63 characters at most, letters, digits, -, _ and ."
GLOBS = "containers must be globs over container names, 1..63 characters"
AMOUNT = "must be an amount of memory of 1Mi or more, such as 512Mi"
LIMIT = "spec.rules[0].memory.limit"
REFUSALS: dict[str, tuple[Manifest, str]] = {
    "score-too-high": (with_rule(oomScoreAdj=1001), SCORE.format(1001)),
    "score-1000": (
        with_rule(oomScoreAdj=-1000),
        SCORE.format(-1000) + "; -1000 is never allowed, because a container with a memory limit "
        "and no killable process hangs forever",
    ),
    "score-999": (
        with_rule(oomScoreAdj=-999),
        SCORE.format(-999) + "; -999 is reserved for daemons of the node",
    ),
    "score-998": (
        with_rule(oomScoreAdj=-998),
        SCORE.format(-998) + "; -998 is reserved for the pause container",
    ),
    "score-no-number": (
        with_rule(oomScoreAdj="high"),
        "spec.rules[0].oomScoreAdj in body must be of type integer",
    ),
    "offset-too-high": (
        with_rule(oomScoreOffset=2001),
        "spec.rules[0].oomScoreOffset: Invalid value: 2001: oomScoreOffset must be -2000..2000",
    ),
    "offset-too-low": (with_rule(oomScoreOffset=-2001), "oomScoreOffset must be -2000..2000"),
    "score-and-offset": (
        with_rule(oomScoreAdj=1, oomScoreOffset=1),
        "set oomScoreAdj (absolute) or oomScoreOffset (relative), not both",
    ),
    "rule-asks-for-nothing": (
        with_rule(containers=["app"]),
        (
            "a rule must set at least one of oomScoreAdj (-997..1000), "
            "oomScoreOffset (-2000..2000), processes, memory or onOOM"
        ),
    ),
    "no-containers": (
        with_rule(oomScoreAdj=1, containers=[]),
        "spec.rules[0].containers in body should have at least 1 items",
    ),
    "too-many-containers": (
        with_rule(oomScoreAdj=1, containers=["*"] * 17),
        "spec.rules[0].containers: Too many: 17: must have at most 16 items",
    ),
    "container-empty": (with_rule(oomScoreAdj=1, containers=[""]), GLOBS),
    "container-never-matches": (with_rule(oomScoreAdj=1, containers=["App"]), GLOBS),
    "container-too-long": (
        with_rule(oomScoreAdj=1, containers=["a" * 64]),
        "spec.rules[0].containers[0]: Too long: may not be more than 63",
    ),
    "no-rule": (policy({"rules": []}), "spec.rules in body should have at least 1 items"),
    "rules-missing": (policy({"rules": None}), "spec.rules: Required value"),
    "too-many-rules": (
        policy({"rules": [{"oomScoreAdj": 1}] * 65}),
        "spec.rules: Too many: 65: must have at most 64 items",
    ),
    "selector-missing": (policy({"podSelector": None}), "spec.podSelector: Required value"),
    "mode": (
        policy({"mode": "enforce"}),
        'spec.mode: Unsupported value: "enforce": supported values: "Enforce", "Observe"',
    ),
    "priority-too-high": (
        policy({"priority": 1_000_001}),
        "spec.priority: Invalid value: 1000001: priority must be -1000000..1000000",
    ),
    "priority-too-low": (policy({"priority": -1_000_001}), "priority must be -1000000..1000000"),
    "priority-class-name": (
        policy({"priorityClassNames": ["High"]}),
        "priorityClassNames must be names of PriorityClasses",
    ),
    "priority-class-twice": (
        policy({"priorityClassNames": ["a", "a"]}),
        'spec.priorityClassNames[1]: Duplicate value: "a"',
    ),
    "qos-class": (
        policy({"qosClasses": ["Best"]}),
        (
            'spec.qosClasses[0]: Unsupported value: "Best": supported values: '
            '"Guaranteed", "Burstable", "BestEffort"'
        ),
    ),
    "label-key": (
        with_selector(matchLabels={"a/b/c": "x"}),
        "matchLabels must have label keys such as app.kubernetes.io/name",
    ),
    "label-value": (
        with_selector(matchLabels={"app": "-x"}),
        f"matchLabels must have {LABEL_VALUES}",
    ),
    "label-value-too-long": (
        with_selector(matchLabels={"app": "x" * 64}),
        "spec.podSelector.matchLabels.app: Too long: may not be more than 63",
    ),
    "too-many-labels": (
        with_selector(matchLabels={f"k{number}": "x" for number in range(17)}),
        "spec.podSelector.matchLabels: Too many: 17: must have at most 16 items",
    ),
    "expression-key": (
        with_expression(key="a b", operator="Exists"),
        'spec.podSelector.matchExpressions[0].key: Invalid value: "a b": key must be a label key',
    ),
    "operator": (
        with_expression(key="app", operator="Is"),
        (
            'operator: Unsupported value: "Is": supported values: '
            '"In", "NotIn", "Exists", "DoesNotExist"'
        ),
    ),
    "in-without-values": (
        with_expression(key="app", operator="In"),
        "values must name at least one label value when operator is In or NotIn",
    ),
    "not-in-without-values": (
        with_expression(key="app", operator="NotIn", values=[]),
        "values must name at least one label value when operator is In or NotIn",
    ),
    "exists-with-values": (
        with_expression(key="app", operator="Exists", values=["x"]),
        "values must be absent when operator is Exists or DoesNotExist",
    ),
    "expression-value": (
        with_expression(key="app", operator="In", values=["a b"]),
        f"values must be {LABEL_VALUES}",
    ),
    "amount-of-another-unit": (with_rule(memory={"limit": "512MB"}), f"{LIMIT}: Invalid value"),
    "amount-with-a-blank": (with_rule(memory={"limit": " 512Mi"}), AMOUNT),
    "amount-without-digits": (with_rule(memory={"limit": "Mi"}), AMOUNT),
    "amount-too-small": (with_rule(memory={"limit": "1048575999m"}), AMOUNT),
    "amount-below-zero": (with_rule(memory={"limit": "-16Ei"}), AMOUNT),
    "number-too-small": (with_rule(memory={"limit": (1 << 20) - 1}), AMOUNT),
    "number-with-a-fraction": (with_rule(memory={"limit": 1.5}), LIMIT),
    "no-amount": (with_rule(memory={"limit": True}), LIMIT),
    "amount-too-long": (with_rule(memory={"limit": "1" * 65}), f"{LIMIT}: Too long"),
    "up-to-is-no-amount": (with_rule(onOOM={"raiseLimit": {"upTo": "much"}}), AMOUNT),
    "unknown-field": (policy({"memory": "1Gi"}), 'unknown field "spec.memory"'),
    "namespace-selector-of-a-namespaced-policy": (
        policy({"namespaceSelector": {}}),
        'unknown field "spec.namespaceSelector"',
    ),
    "cluster-namespace-selector": (
        policy({"namespaceSelector": {"matchLabels": {"a": "-"}}}, "ClusterOOMPolicy"),
        f"matchLabels must have {LABEL_VALUES}",
    ),
    "cluster-overridable": (
        policy({"overridable": "yes"}, "ClusterOOMPolicy"),
        "spec.overridable in body must be of type boolean",
    ),
    "cluster-score-1000": (
        policy({"rules": [{"oomScoreAdj": -1000}]}, "ClusterOOMPolicy"),
        SCORE.format(-1000),
    ),
}


@pytest.mark.parametrize(("manifest", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_a_bad_policy_is_refused_with_a_reason(
    api: client.ApiClient, namespace: str, manifest: Manifest, sentence: str
) -> None:
    assert sentence in refusal(api, namespace, manifest)


@pytest.mark.parametrize("score", [-997, -500, 0, 1000])
def test_a_cluster_policy_may_set_scores_at_the_ends_of_the_range(
    api: client.ApiClient, namespace: str, score: int
) -> None:
    wanted = policy({"rules": [{"oomScoreAdj": score}]}, "ClusterOOMPolicy")
    assert create(api, namespace, wanted)["spec"]["rules"][0]["oomScoreAdj"] == score


AMOUNTS = ("129e6", "0512Mi", "+.5Gi", "128974848000m", "1E", "16Ei", "1.G", 1 << 20, (1 << 63) - 1)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_an_amount_is_accepted_in_every_notation_that_a_pod_accepts(
    api: client.ApiClient, namespace: str, amount: str | int
) -> None:
    raising = {"raiseLimit": {"upTo": amount, "atLeast": amount}}
    made = create(api, namespace, with_rule(memory={"limit": amount}, onOOM=raising))
    [rule] = made["spec"]["rules"]
    assert (rule["memory"]["limit"], rule["onOOM"]["raiseLimit"]["upTo"]) == (amount, amount)


def test_omitted_policy_fields_get_defaults(api: client.ApiClient, namespace: str) -> None:
    made = create(api, namespace, policy({}))
    assert made["spec"]["mode"] == "Enforce"
    assert made["spec"]["priority"] == 0
    assert made["spec"]["rules"] == [{"containers": ["*"], "oomScoreAdj": 100}]
    made = create(api, namespace, policy({}, "ClusterOOMPolicy"))
    assert made["spec"]["overridable"] is False


@pytest.mark.parametrize("name", policy_corpus.names())
def test_check_is_tested_with_what_the_api_server_says(
    api: client.ApiClient, namespace: str, name: str
) -> None:
    """Of `kubectl oom check`; its unit tests compare it with the same recorded sentences."""
    assert policy_corpus.answers(api, namespace, name) == policy_corpus.recorded(name)
