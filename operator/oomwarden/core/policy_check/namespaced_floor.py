"""The chart's ValidatingAdmissionPolicy on the scores of OOMPolicies.

Source: charts/oomwarden/templates/admission/namespaced-floor.yaml.
"""

from oomwarden.core.objects.json_parts import Json, objects_at

DEFAULT_FLOOR = -500
"""namespacedFloor of the chart's values."""


def below_floor(spec: Json, floor: int) -> str:
    """Return the sentence on the first score below the floor; empty if there is none.

    Args:
        spec: A valid spec of an OOMPolicy.
        floor: The chart's namespacedFloor.
    """
    rules = objects_at(spec, "rules")
    for index, rule in enumerate(rules):
        if rule.get("oomScoreAdj", floor) < floor:
            return _sentence(f"spec.rules[{index}]", rule["oomScoreAdj"], floor)
    for index, rule in enumerate(rules):
        for at, process in enumerate(objects_at(rule, "processes")):
            if process["oomScoreAdj"] < floor:
                path = f"spec.rules[{index}].processes[{at}]"
                return _sentence(path, process["oomScoreAdj"], floor)
    return ""


def _sentence(path: str, score: int, floor: int) -> str:
    return (
        f"{path}.oomScoreAdj is {score}, but policies of a namespace may not go below {floor} in "
        f"this cluster: set {floor} or more, or ask an administrator for a ClusterOOMPolicy."
    )
