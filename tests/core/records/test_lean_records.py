from oomwarden.api.oomkill import OOMKill
from oomwarden.core.quota.budget_terms import Reason
from oomwarden.core.records.lean_records import MOST_VICTIMS, lean

KILL = {
    "node": "n",
    "pod": {"name": "p", "uid": "u"},
    "container": {"name": "app"},
    "cause": "ContainerLimit",
    "kills": 40,
    "victims": [{"pid": n, "command": "x"} for n in range(16)],
    "memory": {
        "at": "2026-01-02T03:04:05Z",
        "usage": "30Mi",
        "samples": [{"at": "2026-01-02T03:04:05Z", "usage": "1Mi"}],
        "detail": {
            "at": "2026-01-02T03:04:05Z",
            "usage": "30Mi",
            "anon": "29Mi",
            "processes": [{"pid": 1, "command": "x", "rss": "1Mi"}],
        },
    },
    "time": {"before": "2026-01-02T03:04:05Z"},
    "evidence": {"bootID": "b", "cgroup": 1, "level": "Pod", "from": 2, "to": 42},
}


def test_a_lean_record_tells_range_kills_cause_and_what_filled_the_memory_but_no_history() -> None:
    told = lean(KILL, Reason.NAMESPACE)
    for same in ("node", "pod", "container", "cause", "kills", "time", "evidence"):
        assert told[same] == KILL[same]
    assert len(told["victims"]) == MOST_VICTIMS
    assert told["memory"]["detail"]["anon"] == "29Mi"
    assert told["memory"].keys() == {"at", "usage", "detail"}
    assert "processes" not in told["memory"]["detail"]
    assert OOMKill.model_validate(told).reduced_by == "NamespaceFull"


def test_a_record_that_tells_little_gains_nothing_but_the_reason() -> None:
    short = {key: KILL[key] for key in KILL if key not in {"victims", "memory"}}
    assert lean(short, Reason.OPERATOR) == {**short, "reducedBy": "NoOperator"}
