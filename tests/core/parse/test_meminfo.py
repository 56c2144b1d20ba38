from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.parse.meminfo import huge_page_bytes, parse_meminfo

KB = 1024
TEXT = """\
MemTotal:       24684084 kB
Active(anon):      78336 kB
HugePages_Total:       4
Hugepagesize:       2048 kB
"""


def test_amounts_are_bytes_and_huge_pages_are_counted() -> None:
    assert parse_meminfo(TEXT) == {
        "MemTotal": 24684084 * KB,
        "Active(anon)": 78336 * KB,
        "HugePages_Total": 4,
        "Hugepagesize": 2048 * KB,
    }
    assert parse_meminfo(TEXT.encode()) == parse_meminfo(TEXT)


def test_huge_pages_of_all_sizes_count_where_the_kernel_says_so() -> None:
    assert huge_page_bytes(parse_meminfo(TEXT)) == 8192 * KB
    assert huge_page_bytes(parse_meminfo(f"{TEXT}Hugetlb: 1056768 kB\n")) == 1056768 * KB
    assert huge_page_bytes({}) == 0


def test_lines_of_another_form_are_skipped() -> None:
    assert parse_meminfo("MemTotal 5 kB\nMemFree: x kB\n: 3 kB\nSwap: 1 MB\n\0\n") == {}


@given(st.text() | st.binary())
def test_no_text_makes_it_raise(text: str | bytes) -> None:
    assert all(size >= 0 for size in parse_meminfo(text).values())
