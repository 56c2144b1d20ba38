"""Which of Debian's packages serve a lab."""

import pytest

from e2e.lab import debian_programs, tools
from e2e.lab.debian_programs import Source, newest_that_serves
from e2e.lab.errors import LabError
from e2e.lab.suites import Package

SOURCE = Source("containerd", (2, 0), (3,), {"containerd": "usr/bin/containerd"})
SID, BACKPORTS = "sid", "trixie-backports"


def test_the_newest_version_within_the_bounds_is_taken() -> None:
    found = [
        Package("containerd", "3.0.1-1", SID),
        Package("etcd-server", "2.9.9-1", SID),
        Package("containerd", "2.1.9+ds1-5", SID),
        Package("containerd", "2.0.4-1~bpo13+1", BACKPORTS),
    ]
    assert newest_that_serves(SOURCE, found).version == "2.1.9+ds1-5"


def test_a_package_that_is_too_old_is_refused_with_the_versions_that_serve() -> None:
    with pytest.raises(LabError, match=r"no containerd from 2\.0 to below 3"):
        newest_that_serves(SOURCE, [Package("containerd", "1.7.24~ds1-6", SID)])


def test_debians_programs_are_those_that_would_be_compiled_in_their_place() -> None:
    compiled = {one.name for one in tools.PROGRAMS.values() if one.group == tools.COMPANIONS}
    assert compiled == set(debian_programs.names())


def test_where_debian_has_them_not_they_are_compiled_and_one_line_says_so(
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
