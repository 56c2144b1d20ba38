"""Which modules an initramfs loads, and in which order."""

import pytest

from e2e.lab import initial_files

DEP = """\
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko
kernel/fs/jbd2/jbd2.ko:
kernel/lib/crc16.ko:
kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio.ko:
"""


def test_each_module_comes_after_those_it_depends_on_and_only_once() -> None:
    built_in = "kernel/drivers/virtio/virtio_pci.ko\n"
    assert initial_files.load_order(DEP, built_in) == [
        "kernel/drivers/virtio/virtio.ko",
        "kernel/drivers/block/virtio_blk.ko.xz",
        "kernel/drivers/net/virtio_net.ko",
        "kernel/lib/crc16.ko",
        "kernel/fs/jbd2/jbd2.ko",
        "kernel/fs/ext4/ext4.ko",
    ]


def test_built_in_modules_are_not_loaded() -> None:
    built_in = "".join(f"kernel/{name}.ko\n" for name in initial_files.MODULES)
    assert initial_files.load_order(DEP, built_in) == []


def test_the_checksums_of_ext4_are_loaded_where_they_are_a_module() -> None:
    built_in = "".join(f"kernel/{name}.ko\n" for name in initial_files.MODULES)
    dep = "kernel/crypto/crc32c_generic.ko:\n"
    assert initial_files.load_order(dep, built_in) == ["kernel/crypto/crc32c_generic.ko"]


def test_a_missing_module_is_named() -> None:
    with pytest.raises(KeyError, match="virtio_pci"):
        initial_files.load_order(DEP, "")
