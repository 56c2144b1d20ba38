"""The archive of `kubectl oom` that krew installs, built for this platform. Needs no cluster."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from e2e.lab import cache
from e2e.lab.tools import PROGRAMS, find_or_build
from tests.support.fake_cluster import FakeCluster
from tests.support.kill_objects import oomkill
from tests.support.log_forms import FORMS
from tests.support.oom_bodies import BODIES
from tools.release import krew, plugin
from tools.release.project import ROOT, versions

VERSION = versions(ROOT)["pyproject.toml"]
SUMS = {krew.archive_name(VERSION, *each): "0" * 64 for each in krew.PLATFORMS}
_HOUR = 3600.0
pytestmark = pytest.mark.xdist_group("plugin-archive")


@pytest.fixture(scope="module")
def archive() -> Path:
    """Build the archive, unless it was built from the same source."""
    scripts = sorted((ROOT / "tools/release").glob("plugin*.py"))
    sources = [ROOT / "operator", ROOT / "pyproject.toml", plugin.LOCKED, *scripts]

    def write(folder: Path) -> None:
        work = folder / "work"
        work.mkdir(parents=True)
        plugin.make(dependencies(), work, folder)
        cache.remove(work)

    folder = cache.artifact("plugin-archive", sources, write, "PyInstaller, half a minute", _HOUR)
    return folder / krew.archive_name(VERSION, *plugin.this_platform())


def dependencies() -> Path:
    """Return the folder of the locked dependencies; it is built once for all sources."""
    waits_for = "the package registry, half a minute once"
    return cache.artifact(
        "plugin-dependencies", [plugin.LOCKED], plugin.install_dependencies, waits_for
    )


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the archive with krew, as a user does; return the program on the user's PATH."""
    folder = tmp_path_factory.mktemp("krew")
    text = krew.manifest(VERSION, SUMS | {archive.name: krew.sha256(archive)})
    (folder / "oom.yaml").write_text(text)
    options = (f"--manifest={folder / 'oom.yaml'}", f"--archive={archive}")
    done = subprocess.run(
        (find_or_build(PROGRAMS["krew"]), "install", *options),
        check=False, capture_output=True, text=True, env={**os.environ, "KREW_ROOT": str(folder)},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "kubectl-oom"


def ask(program: Path, *arguments: str, **environment: str) -> str:
    """Run the program without anything of this machine: neither PATH nor HOME."""
    done = subprocess.run(
        (program, *arguments), check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_archive_is_installed_by_krew_and_has_this_version(installed: Path) -> None:
    assert ask(installed, "--version").strip() == VERSION


def test_the_installed_program_explains_a_kernel_log(installed: Path, tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_text(FORMS["syslog with stamp"](BODIES["6.1 pod"].said()))
    assert "hog (pid 4242, user 1000) was killed" in ask(installed, "log", str(log))


def test_the_installed_program_reads_records_of_a_cluster(installed: Path, tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.add(oomkill("api-1-aa"))
    with cluster.serve(tmp_path) as kubeconfig:
        assert "api-1" in ask(installed, "kills", KUBECONFIG=kubeconfig)


def test_every_sub_command_is_in_the_archive(installed: Path) -> None:
    listed = ask(installed, "--help").partition("Commands:")[2].splitlines()
    names = [line.split()[0] for line in listed if line.startswith("  ") and line.strip()]
    assert len(names) > 10
    for name in names:
        assert "Usage: kubectl oom" in ask(installed, name, "--help")


def test_the_program_completes_under_the_name_that_kubectl_calls(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "kubectl_complete-oom").symlink_to(installed)
    assert ask(tmp_path / "kubectl_complete-oom", "overc").split() == ["overcommit", ":4"]


def test_the_archive_has_the_licences_of_what_it_bundles(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        assert all((each.uid, each.uname, each.mtime) == (0, "", 0) for each in tar)
    assert {"LICENSE", "kubectl-oom"} <= set(names)
    licences = [name for name in names if "dist-info" in name and "LICENSE" in name.upper()]
    for package in ("kubernetes", "pydantic", "rich", "typer"):
        assert any(f"/{package}-" in name for name in licences)


def test_krew_accepts_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "oom.yaml").write_text(krew.manifest(VERSION, SUMS))
    command = (find_or_build(PROGRAMS["validate-krew-manifest"]), "-skip-install", "-manifest")
    done = subprocess.run(
        (*command, tmp_path / "oom.yaml"), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
