"""A read-only /proc of plain files: processes with mounts, scores and start times."""

from pathlib import Path


class FakeProc:
    """Processes below a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def process(self, pid: int, *, score: int, start: int = 100, mounts: str = "") -> None:
        directory = self.root / str(pid)
        directory.mkdir(exist_ok=True)
        (directory / "oom_score_adj").write_text(f"{score}\n")
        (directory / "mountinfo").write_text(mounts)
        (directory / "stat").write_text(f"{pid} (sh) S {'0 ' * 18}{start} 0 0\n")


def termination_log(uid: str, name: str) -> str:
    """Return the line of mountinfo that names a container."""
    root = f"/var/lib/kubelet/pods/{uid}/containers/{name}/3f9c2a1b"
    return f"901 880 8:1 {root} /dev/termination-log rw - ext4 /dev/sda1 rw\n"
