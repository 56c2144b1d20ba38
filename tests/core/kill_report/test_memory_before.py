from datetime import UTC, datetime, timedelta
from typing import Any

from oomwarden.core.history.kill_record import read_record
from oomwarden.core.kill_report.memory_before import MemoryBefore, memory_before
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint

from tests.support.kill_objects import oomkill
from tests.support.many_kills import stamp

FOUND = datetime(2026, 11, 1, 10, tzinfo=UTC)


def at(seconds: float, usage: str) -> dict[str, str]:
    return {"at": stamp(FOUND + timedelta(seconds=seconds)), "usage": usage}


def before(**memory: Any) -> MemoryBefore:  # noqa: ANN401 - JSON
    return memory_before(read_record(oomkill(time={"before": stamp(FOUND)}, memory=memory)))


def test_all_readings_are_in_the_order_of_time_and_none_is_later_than_the_kill() -> None:
    found = before(
        **at(-1, "500Mi"),
        samples=[at(-20, "300Mi"), at(-10, "400Mi"), at(5, "1Mi")],
        history=[at(-3600, "100Mi")],
        detail=at(-3, "450Mi"),
    )
    assert [each.at for each in found.points] == [-3600, -20, -10, -3, -1]
    assert found.points[-1] == UsagePoint(-1, 500 << 20)


def test_tmpfs_is_not_page_cache_and_the_largest_part_is_first() -> None:
    detail = {**at(-3, "450Mi"), "anon": "100Mi", "file": "340Mi", "shmem": "300Mi", "slab": "0"}
    found = before(**at(-1, "500Mi"), detail=detail)
    sizes = [(part.field, part.size_bytes >> 20) for part in found.parts]
    assert sizes == [("shmem", 300), ("anon", 100), ("file", 40)]
    assert found.parts_total_bytes == 450 << 20


def test_the_recorded_pattern_is_shown_and_without_one_the_readings_are_classified() -> None:
    recorded = before(pattern={"name": "Leak", "evidence": "grows"}, samples=[at(-10, "1Mi")])
    assert (recorded.pattern.pattern, recorded.pattern.evidence) == (Pattern.LEAK, "grows")
    level = [at(10 * n - 300, f"{200 + n % 2}Mi") for n in range(29)]
    jump = [*level, at(-5, "480Mi")]
    assert before(samples=jump).pattern.pattern is Pattern.SPIKE
    assert before(pattern={"name": "Novel"}, samples=jump).pattern.pattern is Pattern.SPIKE


def test_without_readings_nothing_is_said() -> None:
    found = before()
    assert (found.points, found.parts, found.parts_total_bytes) == ((), (), None)
    assert found.pattern.pattern is Pattern.UNKNOWN
