"""The boot ID of the machine. Imports little, because the agent reads it before anything else."""

from pathlib import Path


def boot_id(proc: Path) -> str:
    """Return the random ID of the current boot, read from the host's /proc."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()
