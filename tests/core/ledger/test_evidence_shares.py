from typing import Any

from oomwarden.core.ledger.evidence_shares import MAX_SHARES, joined_shares, shares_of

Kill = dict[str, Any]


def kill(size: int, found: str | None, kills: int = 1) -> Kill:
    container = {"id": found} if found else {}
    return {"container": container, "kills": kills, "evidence": {"from": 3, "to": 3 + size}}


def test_a_record_of_one_container_belongs_to_it_alone() -> None:
    assert shares_of(kill(2, "a")) == [{"id": "a", "increments": 2, "kills": 1}]


def test_a_record_without_an_id_belongs_to_no_known_container() -> None:
    assert shares_of(kill(2, None)) == []
    assert shares_of({"kills": 1, "evidence": {"from": 0, "to": 1}}) == []


def test_records_of_one_id_need_no_shares() -> None:
    assert joined_shares([kill(2, "a"), kill(1, "a")]) == []


def test_shares_of_one_id_are_added_up_and_the_newest_is_last() -> None:
    joined = joined_shares([kill(2, "a"), kill(1, "b"), kill(4, "a", 3)])
    assert joined == [
        {"id": "b", "increments": 1, "kills": 1}, {"id": "a", "increments": 6, "kills": 4},
    ]  # fmt: skip


def test_kills_of_an_unknown_container_are_not_attributed_to_the_known_one() -> None:
    assert joined_shares([kill(2, "a"), kill(5, None)]) == [
        {"id": "a", "increments": 2, "kills": 1}
    ]


def test_merging_a_merged_record_keeps_its_shares() -> None:
    merged = kill(3, None)
    merged["evidence"]["containers"] = joined_shares([kill(2, "a"), kill(1, "b")])
    assert [share["id"] for share in joined_shares([merged, kill(1, "b")])] == ["a", "b"]


def test_only_the_newest_shares_are_kept() -> None:
    joined = joined_shares([kill(1, str(n)) for n in range(MAX_SHARES + 3)])
    assert [share["id"] for share in joined] == [str(n) for n in range(3, MAX_SHARES + 3)]
