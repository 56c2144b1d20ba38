"""An instance of the lab: its name, and everything that is its own."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from e2e.lab import cache
from e2e.lab.errors import LabError

# A network namespace's name; short, as it is typed by hand.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")
_SUBNETS = range(1, 255)
DEFAULT_MEMORY = 4096
NODE_NAME = "node-1"


@dataclass(frozen=True)
class Options:
    """What a user may choose about an instance.

    Attributes:
        memory: Of the node, in MiB.
        kubelet: Settings of KubeletConfiguration that win over the lab's own.
        postgres: Whether the node has the image with PostgreSQL.
        helm: Whether there is one.
    """

    memory: int = DEFAULT_MEMORY
    kubelet: dict[str, object] = field(default_factory=dict)
    postgres: bool = False
    helm: bool = True


@dataclass(frozen=True)
class Instance:
    """One cluster beside others: no two share a subnet, a namespace, a folder or a process."""

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
        """Its run directory: process records, logs, state; empty after `down` but for logs."""
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
        """Returns the command that runs this one in the instance's network namespace."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lets one run at a time change this instance."""
        with cache.locked(f"instance-{self.name}", f"lab {self.name}"):
            yield

    def running_state(self) -> dict[str, object]:
        """Returns what `remember` was told about the running instance; nothing when it is down."""
        try:
            state = json.loads((self.run / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return dict(state)

    def remember(self, state: dict[str, object]) -> None:
        """Keeps what the running instance was made of, until it is brought down."""
        (self.run / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")


def state_of(options: Options, **made_of: Path | str) -> dict[str, object]:
    """Returns what to compare a running instance with, to see whether it is still right."""
    return {**asdict(options), **{name: str(path) for name, path in made_of.items()}}


def _instances() -> Path:
    return cache.root() / "instances"


def find(name: str) -> Instance:
    """Returns the instance of that name, and gives it a subnet the first time.

    Raises:
        LabError: The name cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} cannot name a lab: take lower-case letters, digits and '-'.")
    with cache.locked("instances", "give out a subnet"):
        path = _instances() / name / "subnet"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                str(free_subnet({one.subnet for one in all_instances()})), encoding="utf-8"
            )
        return Instance(name, int(path.read_text(encoding="utf-8")))


def all_instances() -> list[Instance]:
    """Returns every instance that was ever up on this machine."""
    return [
        Instance(path.parent.name, int(path.read_text(encoding="utf-8")))
        for path in sorted(_instances().glob("*/subnet"))
    ]


def free_subnet(taken: set[int]) -> int:
    """Returns the lowest third octet of 10.123.N.0/24 that no instance has.

    Raises:
        LabError: All are given out.
    """
    for number in _SUBNETS:
        if number not in taken:
            return number
    raise LabError(f"No subnet is free: remove an instance's folder from {_instances()}.")
