"""What nodes report of one policy, as the operator keeps it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from oomwarden.api.codec.codec import encode
from oomwarden.api.oomnode import PolicyReport
from oomwarden.core.fleet.node_report import reported_node
from oomwarden.core.fleet.policy_status import PolicyOnNodes
from oomwarden.core.fleet.policy_totals import PolicyTotals

POLICY = {"kind": "OOMPolicy", "namespace": "shop", "name": "db"}


class OneReport(NamedTuple):
    """One node's report; silent: its agent does not report any more."""

    node: str
    report: PolicyReport
    silent: bool = False


def report(node: str = "node-1", *, silent: bool = False, **fields: Any) -> OneReport:  # noqa: ANN401
    """Return a report of generation 3; `fields` replace those of PolicyReport."""
    content = POLICY | {"observed_generation": 3} | fields
    return OneReport(node, PolicyReport(**content), silent)


def on_nodes(reports: Iterable[OneReport]) -> PolicyOnNodes:
    """Return the reports as they are after they went through OOMNodes."""
    totals, details, silent = PolicyTotals(), {}, set()
    for node, content, is_silent in reports:
        status = {"policies": [encode(content)]}
        kept = reported_node({"metadata": {"name": node}, "status": status})
        ((counts, texts),) = kept.reports().values()
        totals.put(node, counts)
        details[node] = texts
        silent |= {node} if is_silent else set()
    return PolicyOnNodes(totals, frozenset(silent), details.__getitem__)
