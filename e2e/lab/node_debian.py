"""The node's Debian with the kernel that boots it: one bootstrap serves both."""

from pathlib import Path

from e2e.lab import cache, debian

_PACKAGES = (
    "ca-certificates",
    "dbus",
    "initramfs-tools",
    "iproute2",
    "iptables",
    "kmod",
    "linux-image-cloud-amd64",
    "procps",
    # Not built here: runc is of no use without libseccomp.
    "runc",
    "systemd",
    "systemd-sysv",
    "util-linux",
)


def build() -> Path:
    """Returns the node's Debian as a tar, built where it is missing."""

    def build(archive: Path) -> None:
        debian.bootstrap(archive, _PACKAGES)

    inputs = [debian.release(), *_PACKAGES]
    return cache.artifact("node-debian", inputs, build, "Debian packages, about 50 s")
