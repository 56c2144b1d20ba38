"""Which Debian packages a lab uses."""

import pytest

from e2e.lab import debian_programs, tools
from e2e.lab.debian_programs import Source, newest_suitable
from e2e.lab.errors import LabError
from e2e.lab.suites import Package

SOURCE = Source("containerd", (2, 0), (3,), {"containerd": "usr/bin/containerd"})
SID, BACKPORTS = "sid", "trixie-backports"


def test_the_newest_version_within_the_bounds_is_chosen() -> None:
    found = [
        Package("containerd", "3.0.1-1", SID),
        Package("etcd-server", "2.9.9-1", SID),
        Package("containerd", "2.1.9+ds1-5", SID),
        Package("containerd", "2.0.4-1~bpo13+1", BACKPORTS),
    ]
    assert newest_suitable(SOURCE, found).version == "2.1.9+ds1-5"


def test_a_package_that_is_too_old_is_refused_with_the_required_versions() -> None:
    with pytest.raises(LabError, match=r"no containerd from 2\.0 to below 3"):
        newest_suitable(SOURCE, [Package("containerd", "1.7.24~ds1-6", SID)])


def test_debian_has_the_programs_that_would_otherwise_be_compiled() -> None:
    compiled = {one.name for one in tools.PROGRAMS.values() if one.group == tools.COMPANIONS}
    assert compiled == set(debian_programs.names())


def test_programs_that_debian_lacks_are_compiled_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> None:
        raise LabError("Debian has no containerd.")

    compiled = tools.Tools({})
    monkeypatch.setattr(debian_programs, "build", none)
    monkeypatch.setattr(
        tools, "_compiled", lambda group: compiled if group == tools.COMPANIONS else None
    )
    assert tools.build(tools.COMPANIONS) is compiled
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The lab compiles etcd, kubectl,")
    assert line.endswith("no containerd.")
