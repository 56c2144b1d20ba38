import pytest
from oomwarden.core.parse.memory_stat import Composition, parse_composition, parse_resident

STAT = b"anon 503316480\nfile 31457280\nkernel 1048576\nshmem 12582912\nfile_mapped 4096\n"


def test_memory_stat_tells_what_a_container_consists_of() -> None:
    found = Composition(503316480, 31457280, 12582912, kernel_other=1048576)
    assert parse_composition(STAT) == found


def test_keys_are_found_at_any_place_and_only_whole() -> None:
    moved = b"shmem 3\nfile_mapped 9\nanon_thp 8\nfile 2\nanon 1\nshmem_thp 7\n"
    assert parse_composition(moved) == Composition(1, 2, 3)


@pytest.mark.parametrize(
    "text", [b"", b"anon 1\nfile 2\n", b"anon 1\nfile x\nshmem 3\n", b"\0\xff"]
)
def test_a_torn_or_foreign_memory_stat_tells_nothing(text: bytes) -> None:
    assert parse_composition(text) is None


def test_resident_memory_is_the_second_field_of_statm_in_pages() -> None:
    assert parse_resident(b"262144 123 45 1 0 67 0\n", 4096) == 123 * 4096


@pytest.mark.parametrize("text", [b"", b"1\n", b"1 many 2\n"])
def test_what_is_no_statm_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"statm|invalid literal"):
        parse_resident(text, 4096)


def test_a_counter_that_went_below_zero_is_none_and_not_all_of_the_memory() -> None:
    below = (1 << 64) - 4096
    found = parse_composition(f"anon {below}\nfile 8192\nshmem {below}\nsock {below}\n".encode())
    assert found == Composition(0, 8192, 0)


def test_numbers_that_no_kernel_writes_are_not_read() -> None:
    long = "9" * 5000
    found = parse_composition(f"anon 1\nfile 2\nshmem 3\nsock {long}\nslab -5\n".encode())
    assert found == Composition(1, 2, 3)
    assert parse_composition(f"anon {long}\nfile 2\nshmem 3\n".encode()) is None


def test_of_slab_as_a_whole_and_its_two_parts_the_larger_counts() -> None:
    text = b"anon 1\nfile 2\nshmem 0\nslab 3\nslab_reclaimable 5\nslab_unreclaimable 6\n"
    assert parse_composition(text) == Composition(1, 2, 0, slab=11)
