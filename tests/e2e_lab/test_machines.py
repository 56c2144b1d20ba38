"""A node's machine: which kind is chosen, and how each is started."""

import os
from pathlib import Path

import pytest

from e2e.lab import kernel
from e2e.lab.errors import LabError
from e2e.lab.instance import Instance
from e2e.lab.kernel import KernelFiles
from e2e.lab.machines import Devices, choice, choose, kvm, uml, uml_kernel
from e2e.lab.machines.qemu import Qemu
from e2e.lab.machines.uml import UserModeLinux

DEVICES = Devices(Path("/system"), Path("/store"), Path("/identity"), 4096)
INSTANCE = Instance("demo", 7)


@pytest.fixture(autouse=True)
def nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    monkeypatch.setattr(kernel, "build", lambda: KernelFiles(tmp_path))
    monkeypatch.setattr(kvm, "works", lambda _: False)
    monkeypatch.setattr(uml_kernel, "build", lambda: tmp_path / "linux")
    monkeypatch.setattr(uml, "check", lambda _kernel, _memory: None)


def refuse(*_: object) -> Path:
    raise LabError("Debian has none.")


def test_a_node_is_user_mode_linux_where_that_is_available() -> None:
    assert choose(4096).name == "uml"


def test_the_obstacle_is_printed_in_one_line_and_qemu_is_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(uml_kernel, "build", refuse)
    assert choose(4096).name == "qemu"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("Debian has none.")


def test_qemu_uses_kvm_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(choice.VARIABLE, "qemu")
    assert "kvm" not in choose(4096).command(INSTANCE, DEVICES)
    monkeypatch.setattr(kvm, "works", lambda _: True)
    assert "kvm" in choose(4096).command(INSTANCE, DEVICES)


def test_qemu_is_used_without_waiting_until_the_uml_kernel_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uml_kernel, "is_built", lambda: False)
    assert choose(4096, may_build=False).name == "qemu"
    monkeypatch.setattr(uml_kernel, "is_built", lambda: True)
    assert choose(4096, may_build=False).name == "uml"


def test_a_requested_kind_is_not_replaced_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(choice.VARIABLE, "uml")
    monkeypatch.setattr(uml_kernel, "build", refuse)
    with pytest.raises(LabError, match="Debian has none"):
        choose(4096)


def test_an_unknown_kind_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(choice.VARIABLE, "xen")
    with pytest.raises(LabError, match=r"'xen'.*uml, qemu"):
        choose(4096)


@pytest.mark.parametrize(
    "machine",
    [UserModeLinux(Path("/linux")), Qemu(KernelFiles(Path("/kernel")), ("-accel", "tcg"))],
)
def test_each_machine_gets_its_three_disks_in_order(machine: UserModeLinux | Qemu) -> None:
    words = " ".join(machine.command(INSTANCE, DEVICES))
    assert words.index("/system") < words.index("/store") < words.index("/identity")
    assert "4096" in words


def test_user_mode_linux_stays_on_one_processor() -> None:
    words = UserModeLinux(Path("/linux")).command(INSTANCE, DEVICES)
    assert int(words[words.index("--cpu-list") + 1]) in os.sched_getaffinity(0)


class TestSharedMemory:
    @pytest.fixture(autouse=True)
    def real_check(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()

    def test_too_little_shared_memory_is_reported_with_the_remedy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.mounted(monkeypatch, blocks=64 * 256, flags=0)
        with pytest.raises(LabError, match=r"4096 MiB are needed .* 64 MiB are free: .*--shm-size"):
            uml.check(Path("/linux"), 4096)

    def test_shared_memory_must_not_be_mounted_noexec(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.mounted(monkeypatch, blocks=1 << 24, flags=os.ST_NOEXEC)
        with pytest.raises(LabError, match="noexec"):
            uml.check(Path("/linux"), 4096)

    def mounted(self, monkeypatch: pytest.MonkeyPatch, blocks: int, flags: int) -> None:
        values = os.statvfs_result((4096, 4096, blocks, blocks, blocks, 0, 0, 0, flags, 255))
        monkeypatch.setattr(os, "statvfs", lambda _: values)


def test_a_kernel_program_that_does_not_start_is_reported_with_its_last_line(
    tmp_path: Path,
) -> None:
    kernel = tmp_path / "linux"
    kernel.write_text("#!/bin/sh\necho booting\necho seccomp is not permitted\nexit 1\n")
    kernel.chmod(0o755)
    with pytest.raises(LabError, match=r"last message: seccomp is not permitted\).*--privileged"):
        uml.check_seccomp(kernel)
