"""Facts about the host, read from a /proc of plain files and from this machine's."""

from pathlib import Path

from oomwarden.kernel.host import Host
from oomwarden.kernel.overcommit import read_settings


def test_a_kernel_without_pressure_stall_information_has_none(tmp_path: Path) -> None:
    assert Host(tmp_path).memory_stalls() is None
    (tmp_path / "pressure/memory").mkdir(parents=True)  # cannot be read
    assert Host(tmp_path).memory_stalls() is None


def test_stalls_are_read_from_the_pressure_file(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    line = "some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n"
    (tmp_path / "pressure/memory").write_text(line)
    found = Host(tmp_path).memory_stalls()
    assert found is not None
    assert found.some.avg60 == 2


def test_this_machine_has_the_figures_that_are_reported() -> None:
    host = Host(Path("/proc"))
    meminfo = host.meminfo()
    assert meminfo["MemTotal"] == host.total_memory() >= meminfo["MemAvailable"] > 0
    assert {"SwapTotal", "SwapFree", "CommitLimit", "Committed_AS"} <= meminfo.keys()
    assert read_settings(host.proc).mode in {0, 1, 2}
