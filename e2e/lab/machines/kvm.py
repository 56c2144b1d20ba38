"""Tests whether this machine's KVM works, by booting a kernel: some hang after they are opened."""

from pathlib import Path

from e2e.lab import cache
from e2e.lab.kernel import KernelFiles
from e2e.lab.shell import run

VIRTUAL = ("-machine", "q35", "-accel", "kvm")

_DEVICE = Path("/dev/kvm")
_HOST_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROBE_SECONDS = "10"
# The last message of a kernel without a disk.
_BOOTED = "Unable to mount root fs"


def works(kernel: KernelFiles) -> bool:
    """Return whether KVM boots a kernel within ten seconds; tested once per boot of the host."""
    if not _DEVICE.exists():
        return False

    def probe(answer: Path) -> None:
        answer.write_text("yes" if _boots(kernel) else "no", encoding="utf-8")

    inputs = [_HOST_BOOT.read_text(encoding="utf-8"), str(kernel.folder)]
    answer = cache.artifact("kvm", inputs, probe, f"KVM to boot a kernel, {_PROBE_SECONDS} s")
    return answer.read_text(encoding="utf-8") == "yes"


def _boots(kernel: KernelFiles) -> bool:
    machine = (
        *("timeout", "--signal=KILL", _PROBE_SECONDS, "qemu-system-x86_64", *VIRTUAL),
        *("-m", "256", "-display", "none", "-no-user-config", "-nodefaults", "-no-reboot"),
        *("-kernel", kernel.image, "-append", "console=ttyS0 panic=-1", "-serial", "stdio"),
    )
    # It is killed if it hangs; its output up to then is the answer.
    return _BOOTED in run("sh", "-c", '"$0" "$@" 2>&1; true', *machine)
