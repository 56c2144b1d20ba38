import pytest
from oomwarden.core.log_text.messages.events import InvokedLine
from oomwarden.core.log_text.reader import read_kills
from oomwarden.core.log_text.words import adj_words, asked_words, human, limit_words, score_words

KILL = "Memory cgroup out of memory: Killed process 7 (a) total-vm:1kB, oom_score_adj:{}"


def test_sizes_are_for_people() -> None:
    assert [human(each) for each in (0, 4, 1024, 32100, 209128, 1 << 30)] == [
        *("0", "4Ki", "1Mi", "31.3Mi", "204Mi", "1Ti"),
    ]


@pytest.mark.parametrize(
    ("adj", "words"),
    [
        (0, "only its memory counts"),
        (-998, "protected by 99.8 %"),
        (1000, "BestEffort"),
        (500, "requests 50 % of the node's memory"),
    ],
)
def test_a_score_is_said_in_words(adj: int, words: str) -> None:
    (kill,) = read_kills(KILL.format(adj).encode())
    assert words in (adj_words(kill) or "")


def test_the_score_of_an_old_kernel_names_what_it_is_a_part_of() -> None:
    text = "Out of memory: Kill process 7 (a) score 956 or sacrifice child\nKilled process 7 (a)"
    (kill,) = read_kills(text.encode())
    assert score_words(kill) == (
        "score 956: its memory in thousandths of the machine's memory, plus oom_score_adj"
    )


def test_who_asked_is_said_in_words() -> None:
    asked = InvokedLine("a", "0x280da", None, 0, 0)
    assert asked_words(asked) == "memory for a process (gfp_mask 0x280da)"
    asked = InvokedLine("a", "0xcc0", "GFP_KERNEL", 3, 0)
    assert asked_words(asked) == (
        "memory of the kernel (gfp_mask GFP_KERNEL), 8 pages in a row (order 3); memory may be "
        "free, but in pieces"
    )
    assert "SysRq-f" in asked_words(InvokedLine("a", "0xcc0", None, -1, 0))


def test_counters_without_a_limit_are_left_out() -> None:
    text = (
        "memory: usage 4kB, limit 9007199254740988kB, failcnt 0\n"
        "memory+swap: usage 1024kB, limit 1024kB, failcnt 9\n"
        "Memory cgroup out of memory: Killed process 7 (a) total-vm:1kB"
    )
    (kill,) = read_kills(text.encode())
    assert limit_words(kill) == "memory+swap: 1Mi used of 1Mi, 9 times at the limit"
    assert kill.limit_kb is None
