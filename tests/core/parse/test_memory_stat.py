import pytest
from oomwarden.core.parse.memory_stat import Composition, parse_composition, parse_resident

STAT = b"anon 503316480\nfile 31457280\nkernel 1048576\nshmem 12582912\nfile_mapped 4096\n"


def test_memory_stat_shows_the_parts_of_a_containers_memory() -> None:
    found = Composition(503316480, 31457280, 12582912, kernel_other=1048576)
    assert parse_composition(STAT) == found


def test_keys_are_found_anywhere_and_only_as_a_whole() -> None:
    moved = b"shmem 3\nfile_mapped 9\nanon_thp 8\nfile 2\nanon 1\nshmem_thp 7\n"
    assert parse_composition(moved) == Composition(1, 2, 3)


@pytest.mark.parametrize(
    "text", [b"", b"anon 1\nfile 2\n", b"anon 1\nfile x\nshmem 3\n", b"\0\xff"]
)
def test_a_torn_or_another_file_is_none(text: bytes) -> None:
    assert parse_composition(text) is None


def test_resident_memory_is_the_second_field_of_statm_in_pages() -> None:
    assert parse_resident(b"262144 123 45 1 0 67 0\n", 4096) == 123 * 4096


@pytest.mark.parametrize("text", [b"", b"1\n", b"1 many 2\n"])
def test_text_that_is_not_statm_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"statm|invalid literal"):
        parse_resident(text, 4096)


def test_a_negative_counter_counts_as_zero() -> None:
    below = (1 << 64) - 4096
    found = parse_composition(f"anon {below}\nfile 8192\nshmem {below}\nsock {below}\n".encode())
    assert found == Composition(0, 8192, 0)


def test_numbers_that_no_kernel_writes_are_ignored() -> None:
    long = "9" * 5000
    found = parse_composition(f"anon 1\nfile 2\nshmem 3\nsock {long}\nslab -5\n".encode())
    assert found == Composition(1, 2, 3)
    assert parse_composition(f"anon {long}\nfile 2\nshmem 3\n".encode()) is None


def test_the_larger_of_slab_and_the_sum_of_its_parts_counts() -> None:
    text = b"anon 1\nfile 2\nshmem 0\nslab 3\nslab_reclaimable 5\nslab_unreclaimable 6\n"
    assert parse_composition(text) == Composition(1, 2, 0, slab=11)
