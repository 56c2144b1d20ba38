import mmap
from pathlib import Path

from oomwarden.kernel.file_pages import unmap_file_pages


def memory_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def test_pages_that_start_up_needed_are_unmapped_and_nothing_is_lost() -> None:
    before = memory_kib("RssFile")
    assert unmap_file_pages() > 0
    assert memory_kib("RssFile") < 0.7 * before


def test_what_a_process_has_changed_in_its_own_copy_of_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * mmap.PAGESIZE)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as own:
        own[0] = ord("b")
        unmap_file_pages()
        assert own[:2] == b"ba"
