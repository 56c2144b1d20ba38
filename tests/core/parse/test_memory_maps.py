from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.parse.memory_maps import unchanged_files

LIBRARY = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"
FIGURES = ("Size: 16 kB", "Rss: 16 kB", "Shared_Dirty: 0 kB", "Private_Dirty: 0 kB")


def mapping(access: str, name: str, begin: int = 0x1000, anonymous: int = 0) -> list[str]:
    first = f"{begin:x}-{begin + 0x4000:x} {access} 00001000 fe:01 1234    {name}"
    return [first, *FIGURES, f"Anonymous: {anonymous} kB", "VmFlags: rd ex mr mw me"]


def found(*mappings: Sequence[str]) -> list[range]:
    return list(unchanged_files(f"{line}\n" for each in mappings for line in each))


@pytest.mark.parametrize("access", ["r-xp", "r--p"])
def test_code_and_constants_of_a_file_are_unchanged(access: str) -> None:
    assert found(mapping(access, LIBRARY)) == [range(0x1000, 0x5000)]


@pytest.mark.parametrize(
    ("access", "name", "anonymous"),
    [
        ("rw-p", LIBRARY, 0),
        ("r--s", LIBRARY, 0),
        ("r--p", LIBRARY, 4),
        ("r-xp", "[vdso]", 0),
        ("rw-p", "[heap]", 0),
        ("r--p", "", 0),
        ("r--p", "anon_inode:[perf_event]", 0),
    ],
    ids=["writable", "shared", "relocated", "kernel", "heap", "memory", "no file"],
)
def test_what_is_no_file_or_was_changed_is_left_alone(
    access: str, name: str, anonymous: int
) -> None:
    assert found(mapping(access, name, anonymous=anonymous)) == []


def test_a_changed_mapping_does_not_hide_its_neighbours() -> None:
    before, changed, after = (
        mapping("r-xp", LIBRARY),
        mapping("r--p", LIBRARY, 0x5000, anonymous=8),
        mapping("r--p", LIBRARY, 0x9000),
    )
    assert found(before, changed, after) == [range(0x1000, 0x5000), range(0x9000, 0xD000)]


@pytest.mark.parametrize("name", [f"{LIBRARY} (deleted)", "/a path/with blanks", "/newline\\012x"])
def test_any_name_of_a_file_is_read(name: str) -> None:
    assert len(found(mapping("r-xp", name))) == 1


@given(st.lists(st.text()))
def test_no_text_raises(lines: list[str]) -> None:
    list(unchanged_files(lines))
