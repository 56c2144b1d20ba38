from pathlib import Path

from oomwarden.core.overcommit.commitment import Commitment, machine_memory
from oomwarden.core.overcommit.settings import OvercommitSettings
from oomwarden.core.parse.meminfo import parse_meminfo
from oomwarden.kernel.overcommit import read_meminfo, read_settings

PROC = Path("/proc")


def test_commit_limit_is_the_kernels_own_to_the_page() -> None:
    memory = machine_memory(parse_meminfo(read_meminfo(PROC)))
    assert memory is not None
    found = Commitment(memory, read_settings(PROC))
    assert found.limit == memory.kernel_limit


def test_settings_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == OvercommitSettings()
    folder = tmp_path / "sys/vm"
    folder.mkdir(parents=True)
    (folder / "overcommit_memory").write_text("2\n")
    (folder / "overcommit_ratio").write_text("eighty\n")
    (folder / "admin_reserve_kbytes").write_text("8192\n")
    assert read_settings(tmp_path) == OvercommitSettings(mode=2, admin_reserve=8 << 20)
