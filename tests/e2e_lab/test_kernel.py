"""The kernel that comes out of the node's Debian."""

import tarfile
from pathlib import Path

import pytest

from e2e.lab import kernel, node_debian
from e2e.lab.errors import LabError


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The /boot of a Debian; what is in it when the kernel is built goes into the tar."""
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path / "cache"))
    tree, archive = tmp_path / "tree", tmp_path / "debian.tar"
    (tree / "boot").mkdir(parents=True)

    def build() -> Path:
        with tarfile.open(archive, "w") as tar:
            tar.add(tree, ".")
        return archive

    monkeypatch.setattr(node_debian, "build", build)
    return tree / "boot"


def test_a_kernel_says_its_release_and_has_what_boots_it(boot: Path) -> None:
    for name in ("vmlinuz", "initrd.img", "config"):
        (boot / f"{name}-6.1.0-56-cloud-amd64").write_text(name)
    built = kernel.build()
    assert (built.release, built.series) == ("6.1.0-56-cloud-amd64", "6.1")
    assert (built.image.read_text(), built.initrd.read_text()) == ("vmlinuz", "initrd.img")


@pytest.mark.usefixtures("boot")
def test_packages_without_a_kernel_are_an_obstacle_that_names_them() -> None:
    with pytest.raises(LabError, match="linux-image-cloud-amd64 left no kernel in /boot"):
        kernel.build()
