"""Select the winner of 100 policies of both kinds for 10,000 pods in 100 namespaces.

Uses the code of agents and operator: the policies that may select pods of a namespace, those that
do, and the winner for each pod's container. Needs no cluster; runs in one process.
"""

import random
import time
from typing import Any

from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.enforcement.evaluation import evaluate
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.policy.matching import selects
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED

from bench.figures import spread, table

POLICIES, PODS, NAMESPACES, APPS = 100, 10_000, 100, 25
ROUNDS = 5
_FLOOR = Floor(-500)
_APP = ContainerFacts("app", ContainerType.APP)


def main() -> None:
    """Select the winners for all pods several times, and print how long it takes."""
    dice = random.Random(5)  # noqa: S311 - a fixed seed
    cache, pods = policies(dice), [pod(number, dice) for number in range(PODS)]
    seconds, won = [], 0
    for _ in range(ROUNDS):
        began = time.process_time()
        won = sum(has_winner(cache, each) for each in pods)
        seconds.append(time.process_time() - began)
    table(
        f"Winner of {POLICIES} policies for each of {PODS:,} pods, CPU seconds of one process",
        [
            ("all pods (goal 1)", spread(seconds)),
            ("containers with a winner", f"{won:,}"),
        ],
    )


def policies(dice: random.Random) -> PolicyCache:
    """Build policies that select by label, by expression and by namespace."""
    cache = PolicyCache(lambda: None)
    for number in range(POLICIES):
        kind = CLUSTER if number % 2 else NAMESPACED
        selector: dict[str, Any] = {"matchLabels": {"app": f"app-{number % APPS}"}}
        if number % 5 == 0:
            tier = {"key": "tier", "operator": "In", "values": ["web", "db"]}
            selector = {"matchExpressions": [tier]}
        spec = {
            "priority": dice.randrange(5),
            "podSelector": selector,
            "rules": [{"containers": ["app", "db-*"], "oomScoreAdj": -100}],
        }
        if kind == CLUSTER:
            team = {"matchLabels": {"team": f"team-{number % 4}"}}
            spec |= {"namespaceSelector": team, "overridable": bool(number % 3)}
        where = {"namespace": f"ns-{number % NAMESPACES}"} if kind == NAMESPACED else {}
        cache.upsert(kind, {"metadata": {"name": f"policy-{number}", **where}, "spec": spec})
    return cache


def pod(number: int, dice: random.Random) -> PodFacts:
    """Build a pod with the labels of a Deployment's pod."""
    labels = {
        "app": f"app-{number % (2 * APPS)}",
        "tier": dice.choice(("web", "db", "batch")),
        "pod-template-hash": f"{number:x}",
    }
    return PodFacts(
        str(number), str(number), f"ns-{number % NAMESPACES}", f"pod-{number}", labels,
        QOSClass.BURSTABLE, containers=(_APP,),
    )  # fmt: skip


def has_winner(cache: PolicyCache, each: PodFacts) -> bool:
    """Return whether a policy wins the pod's container."""
    labels = {"team": f"team-{int(each.uid) % NAMESPACES % 8}"}
    candidates = cache.candidates(each.namespace)
    selected = [policy for policy in candidates if selects(policy, each, labels, {})]
    return evaluate(selected, _APP.name, 500, _FLOOR).selection.winner is not None


if __name__ == "__main__":
    main()
