"""Every condition of a policy and of an OOMNode, and every reason that explains a refusal."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from oomwarden.core.limits.resize_patch import REFUSALS
from oomwarden.core.policy.cautions import ANY_TENANT, caution
from oomwarden.core.policy.policy import CLUSTER

from tools.reference.markdown import code, page, prose, section, table
from tools.reference.messages import Message, collect
from tools.reference.node_conditions import NODE_CONDITIONS

PRODUCT = Path(__file__).resolve().parents[2] / "operator/oomwarden"
_NOT_STATUS = ("core/policy_check/", "core/policy_preview/")
"""Their remarks are warnings of `kubectl oom check` and `plan`."""
_READY = (
    ("Reported", "True", "All live nodes report this generation of the policy.", "Nothing."),
    (
        "Pending",
        "False",
        "Some nodes have not reported this generation yet; the message names them.",
        (
            "Wait for ten seconds, or a minute after a change of a node's labels. Then look "
            "at the agents of the nodes that are named."
        ),
    ),
    (
        "NodesSilent",
        "Unknown",
        "No agent whose node has pods of the policy has reported for eleven minutes.",
        "Check that the agents run and can reach the API server.",
    ),
)
_POLICY_TEXT = (
    "`kubectl describe oompolicy` shows three conditions. `Ready` says whether all "
    "nodes have reported. `Refused` says where the policy is not in force, and "
    "`Warning` what it probably does not mean; both name the first three containers "
    "with the reason and the remedy."
)


def conditions_page() -> str:
    """Return the page of conditions and reasons."""
    return page(
        "Conditions and reasons",
        "the messages of operator/oomwarden",
        "Messages are shown as the code has them; an ellipsis stands for a name or an amount.",
        section("Conditions of a policy", _POLICY_TEXT, _policy_table()),
        section(
            "Why a policy is not in force on a container", _refusals_text(), _messages(refusals())
        ),
        section(
            "The reasons of a response",
            "`onOOM.raiseLimit` responds to a kill with a higher limit (`RaisedLimit`), or says in "
            "`.status.response` of the OOMKill why not:",
            _messages(responses()),
            "The reasons of a limit that is not in force, above, apply here, too.",
        ),
        section("Conditions of an OOMNode", _NODE_TEXT, _node_table()),
        section("Warnings of `kubectl oom check`", "", _messages(warnings())),
    )


_NODE_TEXT = (
    "Each agent reports about its node. A condition is True if all is well; if it is False, its "
    "message is the remedy, and the agent continues as the table says. The operator reports "
    "`ObjectsUnderstood`, too, in the ConfigMap `oomwarden-pressure`. "
    "`oomwarden_node_condition` is the same as a metric."
)


def _refusals_text() -> str:
    return (
        "These are the reasons in `.status.policies[].refusals` and `warnings` of an "
        "OOMNode, which the messages of a policy's conditions are made of."
    )


def refusals() -> list[Message]:
    """Return the reasons why a policy is not in force on a container, or not at all."""
    remarks = [
        each for each in collect(PRODUCT, "Remark") if not each.module.startswith(_NOT_STATUS)
    ]
    whole = collect(PRODUCT, "inactive_report", ("key", "generation", "reason", "message"))
    return [*remarks, *whole, *_resize_refusals()]


def _resize_refusals() -> list[Message]:
    return [
        Message(reason, f"The limit … was refused: {remedy}.", "core/limits/resize_patch.py")
        for _, reason, remedy in REFUSALS
    ]


def responses() -> list[Message]:
    """Return the reasons why a limit was not raised after a kill."""
    return collect(PRODUCT, "NotRaised")


def warnings() -> list[Message]:
    """Return the warnings about a policy as it is written."""
    found = [each for each in collect(PRODUCT, "Remark") if each.module.startswith(_NOT_STATUS[0])]
    return [
        each._replace(text=_any_tenant()) if each.reason == ANY_TENANT else each for each in found
    ]


def _any_tenant() -> str:
    selecting = {"podSelector": {"matchLabels": {"app": "db"}}, "rules": [{"oomScoreAdj": -1}]}
    return caution(CLUSTER, selecting)


def verdicts() -> list[Message]:
    """Return the reasons of a policy's own conditions."""
    return collect(PRODUCT / "core/fleet", "_Verdict", ("status", "reason", "message"))


def _policy_table() -> str:
    no_reports = next(each.text for each in verdicts() if each.reason == "NoReports")
    rows = [("`Ready`", code(reason), status, f"{text} {remedy}".replace(" Nothing.", ""))
            for reason, status, text, remedy in _READY]  # fmt: skip
    rows += [
        ("`Ready`", "`NoReports`", "Unknown", prose(no_reports) + "."),
        ("`Refused`", "`NothingRefused`", "False", "The policy is in force on all its containers."),
        (
            "`Refused`",
            "`ContainersRefused`",
            "True",
            "It is not in force on the containers that are named.",
        ),
        (
            "`Refused`",
            "`LeftOut`, `Unreadable`",
            "True",
            "It is not in force at all on a node; see below.",
        ),
        ("`Warning`", "`NothingToWarnOf`", "False", "Nothing to warn of."),
        ("`Warning`", code(ANY_TENANT), "True", prose(_any_tenant())),
        (
            "`Warning`",
            "another reason",
            "True",
            "That of the first container that is named; see below.",
        ),
    ]
    return table(("condition", "reason", "status", "meaning, and what to do"), rows)


def _messages(messages: Iterable[Message]) -> str:
    by_reason: dict[str, list[str]] = {}
    for each in sorted(messages, key=lambda one: one.reason):
        texts = by_reason.setdefault(each.reason, [])
        if each.text not in {*texts, "", "…"}:
            texts.append(each.text)
    return table(
        ("reason", "message"), [(code(each), _lines(texts)) for each, texts in by_reason.items()]
    )


def _lines(texts: Sequence[str]) -> str:
    return "<br>".join(map(prose, texts)) or "The message names what is wrong."


def _node_table() -> str:
    rows = [
        (
            code(kind),
            each.meaning,
            "<br>".join(f"{code(reason)}: {text}" for reason, text in each.reasons.items()),
            each.meanwhile,
        )
        for kind, each in NODE_CONDITIONS.items()
    ]
    return table(("condition", "True means", "reasons if False", "meanwhile"), rows)
