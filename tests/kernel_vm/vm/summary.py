"""Summarises what an agent recorded, for the assertions of the tests."""

from typing import Any

from agent import Agent


def recorded_kills(agent: Agent) -> int:
    ranges = (kill["evidence"] for kill in agent.records())
    return sum(int(one["to"] - one["from"]) for one in ranges) + agent.unattributed()


def summary(agent: Agent) -> dict[str, Any]:
    records = agent.records()
    return {
        "recorded": sum(one["evidence"]["to"] - one["evidence"]["from"] for one in records),
        "unattributed": agent.unattributed(),
        "gaps": _gaps(records),
        "records": [_brief(one) for one in records],
    }


def _gaps(records: list[dict[str, Any]]) -> list[Any]:
    """Return where the ranges of a pod's counter are not contiguous, starting at 0."""
    ranges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for one in records:
        seen = one["evidence"]
        if seen["level"] != "Pod":
            continue
        key = (seen["cgroup"], seen.get("epoch", 0))
        ranges.setdefault(key, []).append((seen["from"], seen["to"]))
    gaps = []
    for found in ranges.values():
        ordered = sorted(found)
        ends = [0, *(end for _, end in ordered)]
        gaps += [pair for pair, end in zip(ordered, ends, strict=False) if pair[0] != end]
    return gaps


def _brief(kill: dict[str, Any]) -> dict[str, Any]:
    container = kill.get("container", {})
    return {
        "pod": kill["pod"]["name"], "uid": kill["pod"]["uid"],
        "container": container.get("name"), "id": container.get("id"),
        "sub": container.get("subCgroup"),
        "candidates": container.get("candidates", []),
        "cause": kill["cause"], "enforcedAt": kill.get("enforcedAt"), "limit": kill.get("limit"),
        "kills": kill["kills"], "group": kill.get("groupKill", False),
        "victims": [one["pid"] for one in kill.get("victims", [])],
        "commands": [one["command"] for one in kill.get("victims", [])],
        "level": kill["evidence"]["level"],
        "raw": kill["evidence"]["to"] - kill["evidence"]["from"],
        "sources": kill["evidence"]["sources"],
    }  # fmt: skip
