from oomwarden.api.models.oomkill import OOMKill
from oomwarden.core.quota.budget_terms import Reason
from oomwarden.core.records.reduced_record import MAX_VICTIMS, reduced

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
        "history": [{"at": "2026-01-01T03:04:05Z", "usage": "1Mi"}],
        "pattern": {"name": "Leak", "evidence": "grew"},
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


def test_a_reduced_record_has_range_kills_cause_and_memory_but_no_history() -> None:
    record = reduced(KILL, Reason.NAMESPACE)
    for same in ("node", "pod", "container", "cause", "kills", "time", "evidence"):
        assert record[same] == KILL[same]
    assert len(record["victims"]) == MAX_VICTIMS
    assert record["memory"]["detail"]["anon"] == "29Mi"
    assert record["memory"].keys() == {"at", "usage", "detail", "pattern"}
    assert "processes" not in record["memory"]["detail"]
    assert OOMKill.model_validate(record).reduced_by == "NamespaceFull"


def test_a_small_record_only_gets_the_reason() -> None:
    short = {key: KILL[key] for key in KILL if key not in {"victims", "memory"}}
    assert reduced(short, Reason.OPERATOR) == {**short, "reducedBy": "NoOperator"}
