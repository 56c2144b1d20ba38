"""An instance of the lab: its name, and everything that belongs to it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from e2e.lab import cache
from e2e.lab.errors import LabError

# A network namespace's name; short, because people type it.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")
_SUBNETS = range(1, 255)
DEFAULT_MEMORY = 4096
NODE_NAME = "node-1"


@dataclass(frozen=True)
class Options:
    """Options of an instance.

    Attributes:
        memory: Memory of the node, in MiB.
        kubelet: Settings of KubeletConfiguration that override the lab's own.
        postgres: Whether the node has the image with PostgreSQL.
        helm: Whether helm is installed for the user.
    """

    memory: int = DEFAULT_MEMORY
    kubelet: dict[str, object] = field(default_factory=dict)
    postgres: bool = False
    helm: bool = True


@dataclass(frozen=True)
class Instance:
    """One cluster among others; no two share a subnet, a namespace, a folder or a process."""

    name: str
    subnet: int

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return f"oomw-{self.name}"

    @property
    def host_ip(self) -> str:
        """The control plane's address."""
        return f"10.123.{self.subnet}.1"

    @property
    def node_ip(self) -> str:
        return f"10.123.{self.subnet}.2"

    @property
    def folder(self) -> Path:
        return _instances() / self.name

    @property
    def run(self) -> Path:
        """Its run directory: process records, logs and state; only logs remain after `down`."""
        return self.folder / "run"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def bin(self) -> Path:
        """A folder for the user's PATH, with kubectl and helm."""
        return self.folder / "bin"

    def in_namespace(self, *command: str | Path) -> list[str]:
        """Return the command that runs this one in the instance's network namespace."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock that lets only one run at a time change this instance."""
        with cache.locked(f"instance-{self.name}", f"lab {self.name}"):
            yield

    def running_state(self) -> dict[str, object]:
        """Return what `save_running_state` saved; empty when the instance is down."""
        try:
            state = json.loads((self.run / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return dict(state)

    def save_running_state(self, state: dict[str, object]) -> None:
        """Save what the running instance was made of, until it is brought down."""
        (self.run / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")


def state_of(options: Options, **made_of: Path | str) -> dict[str, object]:
    """Return the state that a running instance is compared with to decide whether to restart it."""
    return {**asdict(options), **{name: str(path) for name, path in made_of.items()}}


def _instances() -> Path:
    return cache.root() / "instances"


def find(name: str) -> Instance:
    """Return the instance with a name, and assign it a subnet the first time.

    Raises:
        LabError: The name is invalid.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} cannot name a lab: use lower-case letters, digits and '-'.")
    with cache.locked("instances", "assign a subnet"):
        path = _instances() / name / "subnet"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                str(free_subnet({one.subnet for one in all_instances()})), encoding="utf-8"
            )
        return Instance(name, int(path.read_text(encoding="utf-8")))


def all_instances() -> list[Instance]:
    """Return every instance that was ever started on this machine."""
    return [
        Instance(path.parent.name, int(path.read_text(encoding="utf-8")))
        for path in sorted(_instances().glob("*/subnet"))
    ]


def free_subnet(used: set[int]) -> int:
    """Return the lowest third octet of 10.123.N.0/24 that no instance has.

    Raises:
        LabError: No subnet is free.
    """
    for number in _SUBNETS:
        if number not in used:
            return number
    raise LabError(f"No subnet is free: remove an instance's folder from {_instances()}.")
