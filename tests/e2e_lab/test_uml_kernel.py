"""The User-Mode Linux kernel is built once, resumes when interrupted, and fails with a reason."""

from pathlib import Path

import pytest

from e2e.lab import cache, debian, suites
from e2e.lab.errors import LabError
from e2e.lab.machines import uml_kernel
from e2e.lab.suites import Package

NEW = Package("linux-source-7.3", "7.3.4-1", "sid")
OLD = Package("linux-source-7.2", "7.2.13-1", "sid")


@pytest.fixture(autouse=True)
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace Debian and the compiler with fakes, and return the list of their calls."""
    done: list[str] = []

    def unpack(source: Package, tree: Path) -> None:
        done.append(f"unpack {source.name}")
        tree.mkdir(parents=True)

    def made(tree: Path) -> Path:
        done.append(f"make {tree.name}")
        if (tree / "half a file").exists():
            raise LabError("file truncated.")
        (tree / "linux").write_text("program")
        return tree / "linux"

    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    monkeypatch.setattr(debian, "missing_packages", lambda _: [])
    monkeypatch.setattr(suites, "candidates", lambda _: [NEW, OLD])
    monkeypatch.setattr(uml_kernel, "_unpack", unpack)
    monkeypatch.setattr(uml_kernel, "_make", made)
    return done


def work_folder(source: Package) -> Path:
    inputs = uml_kernel.inputs()
    return Path(f"{cache.artifact_path('uml-kernel', inputs)}.work") / source.version


def test_the_newest_source_is_built_once(sources: list[str]) -> None:
    program = uml_kernel.build()
    assert uml_kernel.build() == program
    assert program.read_text() == "program"
    assert sources == ["unpack linux-source-7.3", "make 7.3.4-1"]
    assert (program.parent / "source").read_text() == "linux-source-7.3 7.3.4-1 of sid\n"


def test_an_interrupted_build_resumes(sources: list[str]) -> None:
    work_folder(NEW).mkdir(parents=True)
    uml_kernel.build()
    assert sources == ["make 7.3.4-1"]


def test_a_half_built_tree_that_no_longer_builds_is_unpacked_again(sources: list[str]) -> None:
    work_folder(NEW).mkdir(parents=True)
    (work_folder(NEW) / "half a file").touch()
    uml_kernel.build()
    assert sources == ["make 7.3.4-1", "unpack linux-source-7.3", "make 7.3.4-1"]


def test_an_unsuitable_source_is_replaced_by_the_previous_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = uml_kernel._make

    def only_old(tree: Path) -> Path:
        if tree.name == NEW.version:
            raise LabError("it lacks CONFIG_SYSCTL.")
        return made(tree)

    monkeypatch.setattr(uml_kernel, "_make", only_old)
    program = uml_kernel.build()
    assert (program.parent / "source").read_text().startswith("linux-source-7.2")
    assert not work_folder(NEW).parent.exists()


def test_a_recent_failure_is_reported_without_another_build(
    sources: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "candidates", lambda _: [])
    with pytest.raises(LabError, match="No Debian suite has the source"):
        uml_kernel.build()
    monkeypatch.setattr(suites, "candidates", lambda _: [NEW])
    with pytest.raises(LabError, match=r"No Debian suite .*Remove .*\.failed to try again"):
        uml_kernel.build()
    assert sources == []


def test_missing_options_are_named() -> None:
    wanted = "CONFIG_A=y\nCONFIG_B=18\n# In some versions only:\nCONFIG_C=y\n"
    assert uml_kernel.missing_options(wanted, "CONFIG_A=y\nCONFIG_B=18\n") == []
    assert uml_kernel.missing_options(wanted, "# CONFIG_A is not set\nCONFIG_B=17\n") == [
        "CONFIG_A",
        "CONFIG_B",
    ]
