"""Paths of cgroups as the kernel prints them, among other lines that look like paths."""

from oomwarden.core.kernel_log.printed_paths import MAX_LINES, alternatives

HEAD, MARK = b"oom-kill:constraint=CONSTRAINT_MEMCG", b",oom_memcg="


def test_each_of_two_texts_that_begin_like_a_path_may_be_the_path() -> None:
    assert alternatives([HEAD, MARK, b"/a", b"/soc@0: fixed"]) == [
        (HEAD, MARK, b"/a"),
        (HEAD, MARK, b"/soc@0: fixed"),
    ]


def test_with_too_many_alternatives_none_is_used() -> None:
    twice = [MARK, b"/a", b"/b"]
    assert len(alternatives(twice * 6)) == MAX_LINES
    assert alternatives(twice * 7) == []
    assert alternatives(twice * 1000) == []
