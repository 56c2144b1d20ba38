from pathlib import Path

import pytest

from e2e.lab import debian, kernel_vm, newer_kernel, suites
from e2e.lab.errors import LabError
from e2e.lab.kernel import series
from e2e.lab.suites import Package

MADISON = """\
 linux-binary-7.2.13+deb14-cloud-amd64 | 7.2.13-1 | http://mirror/debian sid/main amd64 Packages
 linux-binary-7.10.2+deb13-cloud-amd64 | 7.10.2-1~bpo13+1 | http://mirror/debian \
trixie-backports/main amd64 Packages
 linux-binary-7.9.1+deb13-cloud-amd64 | 7.9.1-1~bpo13+1 | http://mirror/debian \
trixie-backports/main amd64 Packages
"""


def test_the_newest_version_comes_first_by_its_numbers_whatever_its_suite() -> None:
    found = [(one.version, one.suite) for one in suites.newest_first(MADISON)]
    assert found == [
        ("7.10.2-1~bpo13+1", "trixie-backports"),
        ("7.9.1-1~bpo13+1", "trixie-backports"),
        ("7.2.13-1", "sid"),
    ]


def test_an_empty_listing_has_no_package() -> None:
    assert suites.newest_first("") == []


def test_each_suite_is_a_source_at_the_machines_mirror(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "debian.sources"
    own.write_text("Types: deb\n# http://old/debian\nURIs: http://mirror/debian\nSuites: x\n")
    monkeypatch.setattr(debian, "sources", lambda: [own])
    assert suites.source_lines(suites._mirror()).splitlines() == [
        "deb http://mirror/debian sid main",
        "deb http://mirror/debian trixie-backports main",
    ]


def test_the_error_names_the_suites_when_none_has_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_pattern: str) -> list[Package]:
        return []

    monkeypatch.setattr(suites, "candidates", none)
    with pytest.raises(LabError, match=r"None of sid, trixie-backports has Linux 7\.0 or newer"):
        newer_kernel._newest()


def test_a_kernels_series_is_its_first_two_numbers() -> None:
    assert series("6.1.0-56-cloud-amd64") == "6.1"
    assert series("7.10.2+deb13-cloud-amd64") == "7.10"


@pytest.mark.parametrize(
    ("processors", "memory", "machines"), [(2, 8000, 2), (1, 8000, 1), (2, 2000, 1), (2, 500, 1)]
)
def test_machines_run_concurrently_where_each_has_a_processor_and_memory(
    processors: int, memory: int, machines: int
) -> None:
    assert kernel_vm.concurrent_machines(processors, memory) == machines
