from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.workloads.suggested_size import with_headroom

MI, GI = 1 << 20, 1 << 30


def test_suggestions_are_a_quarter_more_in_amounts_that_people_write() -> None:
    shown = {size: format_bytes(with_headroom(size)) for size in (32 * MI, 512 * MI, 7 * GI)}
    assert list(shown.values()) == ["40Mi", "640Mi", "9Gi"]


@given(st.integers(1, 1 << 45))
def test_a_suggestion_leaves_head_room_but_not_too_much(size: int) -> None:
    suggested = with_headroom(size)
    assert suggested >= round(size * 1.25)
    assert suggested <= size * 1.25 * 1.25 + 4 * MI
