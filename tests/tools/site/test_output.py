from functools import partial

import pytest

from tools.site.output import differs

PRINTED = """\
NAME     AGE
api-1    12s

Memory   ████▎ 12 %
done
"""


def lines(text: str) -> list[str]:
    return text.splitlines()


@pytest.mark.parametrize(
    "shown",
    [
        "NAME AGE\napi-1 12s\n\nMemory ████▎ 12 %\ndone",
        "NAME AGE\n...",
        "...\ndone",
        "NAME ...\n...\nMemory ... %\ndone",
    ],
)
def test_what_was_printed_matches_up_to_space_and_what_is_left_out(shown: str) -> None:
    assert differs(lines(shown), PRINTED, figures_may_differ=False) == ""


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        ("NAME AGE\napi-2 12s\n...", "api-2 12s"),
        ("AGE NAME\n...", "AGE NAME"),
        ("NAME AGE\ndone", "done"),
        ("...\ndone\nmore", "more"),
    ],
)
def test_the_first_line_that_was_not_printed_is_named(shown: str, line: str) -> None:
    assert differs(lines(shown), PRINTED, figures_may_differ=False) == line


def test_lines_that_the_page_does_not_show_are_named() -> None:
    assert "api-1" in differs(["NAME AGE"], PRINTED, figures_may_differ=False)


def test_on_a_cluster_names_with_digits_and_bars_may_be_others() -> None:
    shown = ["NAME AGE", "db-7d9f 3m", "", "Memory █ 99 %", "done"]
    assert differs(shown, PRINTED, figures_may_differ=True) == ""
    assert differs(["NAME AGE", "done"], PRINTED, figures_may_differ=True) == ""
    assert differs(["of agent-nkplp: 6"], "of agent-x2x4z: 7", figures_may_differ=True) == ""
    assert differs(["of agent-pause: 6"], "of agent-x2x4z: 7", figures_may_differ=True) != ""
    assert differs(["done", "NAME AGE"], PRINTED, figures_may_differ=True) == "NAME AGE"
    assert differs(["NODE AGE", "..."], PRINTED, figures_may_differ=True) == "NODE AGE"
    assert differs(shown, PRINTED, figures_may_differ=False) == "db-7d9f 3m"


def test_steps_that_run_side_by_side_may_end_in_another_order_if_the_page_says_so() -> None:
    shown, printed = ["record 3.1 s", "killed 4.0 s"], "killed 3.2 s\nrecord 3.2 s\ndone"
    differs_in_words = partial(differs, figures_may_differ=True, any_order=True)
    assert differs(shown, printed, figures_may_differ=True) == "killed 4.0 s"
    assert differs_in_words(shown, printed) == ""
    assert differs_in_words([*shown, "killed 4.0 s"], printed) == "killed 4.0 s"
