"""A cgroup tree of plain files that counts kills at every level, as the kernel does."""

import shutil
from pathlib import Path

UID = "0a1b2c3d-1111-2222-3333-44445555666{}"
SLICE = "kubepods.slice/kubepods-burstable.slice"


class FakeCgroups:
    """kubepods with pods and containers below a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.make("kubepods.slice")
        self.make(SLICE)

    def make(self, path: str, limit: str = "max") -> str:
        directory = self.root / path
        directory.mkdir()
        for name in ("memory.events", "memory.events.local"):
            (directory / name).write_text(events(0, 0, 0))
        (directory / "memory.max").write_text(f"{limit}\n")
        (directory / "cgroup.procs").write_text("")
        return path

    def pod(self, number: int, limit: str = "max") -> str:
        uid = UID.format(number).replace("-", "_")
        return self.make(f"{SLICE}/kubepods-burstable-pod{uid}.slice", limit)

    def container(self, pod: str, digit: str, limit: str = "max") -> str:
        return self.make(f"{pod}/cri-containerd-{digit * 64}.scope", limit)

    def group_kill(self, path: str, victims: int = 1, *, hit: str | None = None) -> None:
        """Count a group kill at `path` and above; `hit` is the cgroup whose limit was hit."""
        for level in (path, *self.above(path)):
            oom, kills, groups = self.read(level, "memory.events")
            below = hit is not None and (level == hit or hit.startswith(f"{level}/"))
            now = events(oom + below, kills + victims + 1, groups + 1)
            if level == hit:
                (self.root / level / "memory.events.local").write_text(events(oom + 1, 0, 0))
            (self.root / level / "memory.events").write_text(now)

    def hit_limit(self, path: str, times: int = 1, failures: int = 0) -> None:
        """Count hits of a cgroup's own limit, and how often no memory could be reclaimed."""
        files = [f"{level}/memory.events" for level in (path, *self.above(path))]
        for name in (*files, f"{path}/memory.events.local"):
            lines = (self.root / name).read_text().splitlines()
            values = {key: int(value) for key, _, value in (line.partition(" ") for line in lines)}
            values["max"] += times
            values["oom"] += failures
            text = "".join(f"{key} {value}\n" for key, value in values.items())
            (self.root / name).write_text(text)

    def count(self, kills: int, groups: int, *paths: str) -> None:
        """Set the counters of only these cgroups, as in the middle of a kill."""
        for path in paths:
            (self.root / path / "memory.events").write_text(events(1, kills, groups))

    def above(self, path: str) -> list[str]:
        parts = path.split("/")
        return ["/".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]

    def read(self, path: str, name: str) -> tuple[int, int, int]:
        lines = (self.root / path / name).read_text().splitlines()
        pairs = (line.split(" ", 1) for line in lines)
        values = {key: int(value) for key, value in pairs if value.isdigit()}
        return values["oom"], values["oom_kill"], values["oom_group_kill"]

    def remove(self, path: str) -> None:
        shutil.rmtree(self.root / path)


def events(oom: int, kills: int, groups: int) -> str:
    return f"low 0\nhigh 0\nmax {oom}\noom {oom}\noom_kill {kills}\noom_group_kill {groups}\n"
