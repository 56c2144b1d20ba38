"""Events, conditions and reasons: the reference has those of the code, and no others."""

import ast
import re
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from oomwarden.core.quota.budget_terms import Reason
from oomwarden.core.records import early_warning
from oomwarden.core.reporting.delivery_problem import delivery_problem
from oomwarden.core.reporting.node_conditions import NodeFindings, node_conditions

from tools.reference.conditions import (
    PRODUCT,
    conditions_page,
    refusals,
    responses,
    verdicts,
    warnings,
)
from tools.reference.events import EVENTS, events_page
from tools.reference.messages import collect
from tools.reference.node_conditions import NODE_CONDITIONS

NOW = "2026-11-29T00:00:00Z"
PASSED_ON = ("kernel_log_reason", "records_reason", "beyond_bounds_reason")
"""Reasons that the agent passes on; the others are decided in node_conditions.py."""


def findings() -> list[NodeFindings]:
    """Return findings with nothing wrong, each thing wrong, and each switch the other way."""
    good = NodeFindings()
    wrong: dict[type, Any] = {str: "wrong", bool: True, int: 1, tuple: ("wrong",)}
    changes: list[dict[str, Any]] = [
        {name: wrong[type(value)]}
        for name in NodeFindings.__struct_fields__
        if type(value := getattr(good, name)) in wrong and name not in PASSED_ON
    ]
    changes += [{"cgroup_writes": False}, {"cgroup_writes": False, "groups_left": 1}]
    changes += [{"store": "wrong", each: True} for each in ("store_full", "store_in_memory")]
    changes += [{"delivery": delivery_problem(*each)} for each in ((1, "x", ""), (0, "", "y"))]
    return [good, *(replace(good, **each) for each in changes)]


def test_every_condition_of_a_node_and_its_reasons_are_described() -> None:
    seen: dict[str, dict[str, set[str]]] = {}
    for each in chain.from_iterable(node_conditions(found, NOW) for found in findings()):
        seen.setdefault(each.type, {}).setdefault(each.status, set()).add(each.reason)
    assert list(seen) == list(NODE_CONDITIONS)
    for kind, reasons in seen.items():
        described = NODE_CONDITIONS[kind]
        assert reasons.get("True", set()) <= set(described.good), kind
        assert reasons["False"] <= set(described.reasons), kind


def test_the_reasons_that_the_agent_passes_on_are_described() -> None:
    log = {each.reason for each in collect(PRODUCT, "LogState", ("usable", "reason", "remedy"))}
    described = NODE_CONDITIONS["KernelLog"]
    assert log <= {*described.reasons, *described.good}
    assert {str(each) for each in Reason} <= set(NODE_CONDITIONS["Records"].reasons)


def test_no_reason_is_described_that_the_code_does_not_have() -> None:
    code = "\n".join(path.read_text() for path in PRODUCT.rglob("*.py"))
    described = [
        reason for each in NODE_CONDITIONS.values() for reason in (*each.reasons, *each.good)
    ]
    assert [each for each in described if f'"{each}"' not in code] == []


def test_every_reason_of_a_policy_is_on_the_page() -> None:
    text = conditions_page()
    reasons = {each.reason for each in (*refusals(), *responses(), *verdicts(), *warnings())}
    assert len(reasons) > 60
    assert [each for each in sorted(reasons) if f"`{each}`" not in text] == []


def test_a_remark_with_a_reason_that_cannot_be_collected_is_one_that_passes_others_on() -> None:
    """A reason that is a variable would be missing in the reference."""
    collected = {each.reason for each in (*refusals(), *responses(), *warnings())}
    literal = set()
    for path in PRODUCT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Remark", "NotRaised"}:
                words = ast.walk(node.args[0]) if node.args else ()
                literal |= {each.value for each in words if isinstance(each, ast.Constant)}
    assert literal - {"Permission"} - collected - {"NodeUnknown", "NoAgent"} == set()


def reasons_of_events(path: Path) -> set[str]:
    """Return the reasons in the Events that a file builds."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            keys = [each.value for each in node.keys if isinstance(each, ast.Constant)]
            if "regarding" in keys:
                reason = node.values[keys.index("reason")]
                found |= {
                    str(each.value) for each in ast.walk(reason) if isinstance(each, ast.Constant)
                }
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "event_on_pod":
            found |= {str(each.value) for each in node.args[3:4] if isinstance(each, ast.Constant)}
    return found


def test_every_event_is_described() -> None:
    built = set().union(*map(reasons_of_events, PRODUCT.rglob("*.py")))
    built |= {early_warning.LIMIT_HIT, early_warning.LEAK_SUSPECTED}
    assert {each.reason for each in EVENTS} == built
    text = events_page()
    assert all(f"\n## {each}\n" in text for each in built)


def test_the_chart_lets_agents_post_the_events_that_are_described() -> None:
    policy = Path(PRODUCT.parents[1] / "charts/oomwarden/templates/admission/node-bound.yaml")
    allowed = re.findall(r"reason\.orValue\(''\) in \[(.*?)\]", policy.read_text())
    ours = {each.reason for each in EVENTS if each.controller == "oomwarden.io/agent"}
    assert {f"'{each}'" for each in ours if "OOMKilled" not in each} == set(allowed[0].split(", "))
