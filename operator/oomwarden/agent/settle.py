"""Settling: a pod's owed kills become incidents, with what inventory and kernel log know."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.agent.inventory import Container, Inventory
from oomwarden.agent.log_reader import LogReader
from oomwarden.api.oomkill import PolicyReference
from oomwarden.core.accounts import Account, Booking, Tally
from oomwarden.core.cause import Limits
from oomwarden.core.closing import Unsettled
from oomwarden.core.facts import Cgroup, PodFacts
from oomwarden.core.gone_pods import place_by_log
from oomwarden.core.incident import Incident, Scene, investigate
from oomwarden.core.ledger import Ledger
from oomwarden.core.log_kills import kills_in
from oomwarden.core.record import Witness


class Nesting(Protocol):
    """Tells whether the node is itself a container (kind)."""

    @property
    def nested(self) -> bool:
        """Whether limits above kubepods may be another cgroup's, not the machine's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which node and boot this is."""

    node: str
    boot_id: str
    nesting: Nesting


@dataclass(frozen=True, slots=True)
class Told:
    """An incident and who witnessed it."""

    incident: Incident
    witness: Witness


@dataclass(slots=True)
class Settler:
    """Settles pods and levels. `policy_of` tells which policy governs a container's cgroup.

    `departed` keeps gone containers until their pod owes nothing.
    """

    place: Place
    ledger: Ledger
    inventory: Inventory
    log: LogReader
    policy_of: Callable[[int], PolicyReference | None]
    departed: dict[int, Container] = field(default_factory=dict)

    def pod(self, inode: int, owing: Unsettled) -> tuple[list[Told], int]:
        """Settle a pod: its incidents, and how many kills nobody can name."""
        account = self.ledger.accounts[inode]
        rose, above, limits = account.owed, self._above(account), self._limits(account)
        bookings = self.ledger.settle_pod(inode)
        facts = self.inventory.pod(account.cgroup)
        if facts is None:
            return [], sum(booking.end - booking.start for booking in bookings)
        scene = self._scene(facts, rose, above, limits)
        return [self._tell(booking, scene, owing) for booking in bookings], 0

    def level(self, inode: int, after: float, before: float) -> tuple[list[Told], int]:
        """Settle a QoS class or kubepods: kills of pods that vanished unread."""
        told: list[Told] = []
        unattributed = 0
        for booking in self._by_pod(self.ledger.settle_level(inode)):
            facts = self.inventory.pod(booking.pod) if booking.pod else None
            if facts is None:
                unattributed += booking.end - booking.start
                continue
            scene = self._scene(facts, Tally(), (), Limits(None, (None, None)))
            told.append(self._tell(booking, scene, Unsettled(0, 0, after, before)))
        return told, unattributed

    def _by_pod(self, bookings: list[Booking]) -> list[Booking]:
        log = self.log.unclaimed()
        placed = [place_by_log(b, log) if b.pod is None else [b] for b in bookings]
        return [share for shares in placed for share in shares]

    def _tell(self, booking: Booking, scene: Scene, owing: Unsettled) -> Told:
        incident = investigate(booking, scene)
        place = booking.container or booking.pod
        if place is not None:
            self.log.claim(kills_in(place.path, list(scene.log)))
        policy = self.policy_of(booking.container.inode) if booking.container else None
        node, boot = self.place.node, self.place.boot_id
        return Told(incident, Witness(node, boot, owing.after or None, owing.before, policy))

    def _scene(self, pod: PodFacts, rose: Tally, above: tuple[Tally, ...], limits: Limits) -> Scene:
        top = next((a for a in self.ledger.accounts.values() if a.parent is None), None)
        return Scene(
            pod=pod,
            rose=rose,
            above=above,
            limits=limits,
            names=self.names(),
            log=self.log.unclaimed(),
            kubepods_limit=top.limit if top else None,
            nested=self.place.nesting.nested,
        )

    def names(self) -> dict[int, str]:
        """Give the names of live and of just departed containers by cgroup inode."""
        known = self.departed | self.inventory.containers
        return {inode: c.name for inode, c in known.items() if c.name is not None}

    def all_named(self, pod: int) -> bool:
        """Whether every container of the pod that owes kills has a name."""
        names = self.names()
        owing = [child for child in self.ledger.children(pod) if child.owed.oom_kill > 0]
        return all(child.cgroup.inode in names or self._told(child.cgroup) for child in owing)

    def _told(self, cgroup: Cgroup) -> bool:
        pod = self.inventory.pod(cgroup)
        return pod is not None and any(
            cgroup.container_id in {known.container_id, known.previous_id}
            for known in pod.containers
        )

    def depart(self, cgroup: Cgroup) -> None:
        """Keep what is known of a container that is gone."""
        container = self.inventory.containers.pop(cgroup.inode, None)
        if container is not None:
            self.departed[cgroup.inode] = container

    def _above(self, account: Account) -> tuple[Tally, ...]:
        levels: list[Tally] = []
        parent = account.parent
        while parent is not None:
            levels.append(self.ledger.accounts[parent].owed)
            parent = self.ledger.accounts[parent].parent
        return tuple(levels)

    def _limits(self, pod: Account) -> Limits:
        """Give the pod's limits; the pause container, which has none, does not count."""
        names = self.names()
        facts = self.inventory.pod(pod.cgroup)
        if facts is not None and len(facts.containers) == 1:
            return Limits(pod.limit, (pod.limit,))
        children = self.ledger.children(pod.cgroup.inode)
        named = [child for child in children if child.cgroup.inode in names]
        return Limits(pod.limit, tuple(child.limit for child in named))
