"""How machines are emulated: what costs the emulator most is switched off, once for all of them.

Measured on QEMU 7.2 with software emulation, two cores, Debian's 6.1 kernel: 300 starts of
/bin/true in 13.4 s before and 3 s after, zeroing 3 GB in 11.2 and 2.7 s, `runc --version` in
0.13 and 0.06 s.
"""

ACCELERATOR = ("-machine", "q35", "-accel", "tcg,thread=multi")
"""Debian's kernels hang under some hosts' /dev/kvm; emulation works everywhere."""

# `rep stosb` and `rep movsb` are emulated byte by byte: without these flags nobody uses them.
PROCESSOR = ("-cpu", "max,-erms,-fsrm")

_ARGUMENTS = (
    "root=/dev/vda rw console=ttyS0 quiet mitigations=off",
    # Else the clock is the HPET: a system call and an exit to the emulator for each look.
    "tsc=reliable",
    "clearcpuid=rep_good",  # the kernel's own `rep`, as above
    # Translated code is found by its address: at random ones each exec translates it again.
    "norandmaps",
)
KERNEL_ARGUMENTS = " ".join(_ARGUMENTS)
"""What every machine's kernel is told; none of it changes what the OOM killer does."""
