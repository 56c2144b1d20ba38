"""Which boot of the machine this is; imports little, as the agent asks it before anything else."""

from pathlib import Path


def boot_id(proc: Path) -> str:
    """Give the random id of this boot, by the host's /proc."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()
