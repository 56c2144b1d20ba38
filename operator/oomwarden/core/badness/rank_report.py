"""The answer of an agent to `kubectl oom rank`, as JSON."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from oomwarden.api.vocabulary import GROUP, VERSION
from oomwarden.core.badness.badness import NEVER
from oomwarden.core.badness.machine_reading import CgroupMemory, MachineReading
from oomwarden.core.badness.ranking import Candidate, MemoryScale, Ranked, cgroup_total_pages, rank
from oomwarden.core.badness.score_origin import score_origin

MAX_OF_NODE = 50
MAX_OF_CONTAINER = 10
MAX_OF_CONTAINER_IN_NODE = 1
"""How many processes are listed: at the node's level, of one container, of each of a node."""
MAX_CONTAINERS = 512

JsonObject = dict[str, Any]


class DomainLevel(StrEnum):
    """Whose memory runs out."""

    NODE = "Node"
    POD = "Pod"
    CONTAINER = "Container"


class RankReport:
    """Ranks a reading once, and answers for the node or for one of its pods."""

    def __init__(self, reading: MachineReading) -> None:
        self._reading = reading
        machine = reading.machine
        self._scale = MemoryScale((machine.ram + machine.swap) // machine.page_size,
                                  machine.page_size)  # fmt: skip
        self._all = rank(reading.candidates, self._scale)
        self._places = {each.candidate.pid: each.rank for each in self._all}
        self._members: dict[int, list[Candidate]] = {}
        for each in reading.candidates:
            if each.container is not None:
                self._members.setdefault(each.container, []).append(each)

    def of_node(self) -> JsonObject:
        """Return the first processes of the node, and the first one of each container."""
        indexes = [
            index
            for index, each in enumerate(self._reading.containers)
            if not each.facts.is_sandbox and index in self._members
        ]
        inside = [self._of_container(each, MAX_OF_CONTAINER_IN_NODE) for each in indexes]
        shown = [each for each in inside if each is not None]
        left_out = max(len(shown) - MAX_CONTAINERS, 0)
        return {
            **self._head(),
            "domains": [self._of_machine(self._all, MAX_OF_NODE), *shown[:MAX_CONTAINERS]],
            "containersLeftOut": left_out,
        }

    def of_pod(self, namespace: str, pod: str) -> JsonObject | None:
        """Return the pod's processes at each level; None if none of its containers is known."""
        found = self._reading.containers
        indexes = [
            index
            for index, each in enumerate(found)
            if (each.namespace, each.pod) == (namespace, pod)
        ]
        if not indexes:
            return None
        own = [each for each in self._all if each.candidate.container in indexes]
        apps = [index for index in indexes if not found[index].facts.is_sandbox]
        levels = [
            self._of_machine(own, MAX_OF_NODE),
            self._of_pod_limit(indexes),
            *(self._of_container(each, MAX_OF_CONTAINER) for each in apps[:MAX_CONTAINERS]),
        ]
        domains = [each for each in levels if each is not None]
        return {**self._head(), "namespace": namespace, "pod": pod, "domains": domains}

    def _head(self) -> JsonObject:
        reading, machine = self._reading, self._reading.machine
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "OOMRank",
            "node": reading.node,
            "time": reading.time,
            "nested": reading.is_nested,
            "unreadProcesses": reading.unread,
            "pageSize": machine.page_size,
            "memory": _known(ram=machine.ram, swap=machine.swap, available=machine.available),
        }

    def _of_machine(self, ranked: Sequence[Ranked], most: int) -> JsonObject:
        everyone = {"processes": len(self._all)}
        return self._domain(DomainLevel.NODE, everyone, ranked, self._scale, most)

    def _of_container(self, index: int, most: int) -> JsonObject | None:
        container = self._reading.containers[index]
        if container.memory is None:
            return None
        members = self._members.get(index, [])
        about = {**container.owner, "processes": len(members), **_memory(container.memory)}
        return self._limited(DomainLevel.CONTAINER, about, container.memory, members, most)

    def _of_pod_limit(self, indexes: Sequence[int]) -> JsonObject | None:
        """Return the pod's own limit; None if its only container has the same, or it has none."""
        first = self._reading.containers[indexes[0]]
        memory = self._reading.pods.get(first.pod_path)
        apps = [each for each in map(self._reading.containers.__getitem__, indexes)
                if not each.facts.is_sandbox and each.memory]  # fmt: skip
        limits = [each.memory.limit for each in apps if each.memory]
        if memory is None or memory.limit is None or limits == [memory.limit]:
            return None
        members = [each for index in indexes for each in self._members.get(index, [])]
        about = {"processes": len(members), **_memory(memory)}
        return self._limited(DomainLevel.POD, about, memory, members, MAX_OF_CONTAINER)

    def _limited(
        self,
        level: DomainLevel,
        about: JsonObject,
        memory: CgroupMemory,
        members: Sequence[Candidate],
        most: int,
    ) -> JsonObject:
        """Rank the members in a cgroup's limit; in all memory of the machine if it has none."""
        scale = self._scale_of(memory)
        return self._domain(level, about, rank(members, scale), scale, most)

    def _scale_of(self, memory: CgroupMemory) -> MemoryScale:
        machine = self._reading.machine
        if memory.limit is None:
            return self._scale
        pages = cgroup_total_pages(
            memory.limit, memory.swap_limit, machine.swap, machine.swappiness, machine.page_size
        )
        return MemoryScale(pages, machine.page_size)

    def _domain(
        self,
        level: DomainLevel,
        about: JsonObject,
        ranked: Sequence[Ranked],
        scale: MemoryScale,
        most: int,
    ) -> JsonObject:
        return {
            "level": level.value,
            **about,
            "totalPages": scale.total_pages,
            "neverKilled": sum(each.rank is None for each in ranked),
            "ranking": [self._process(each, scale, level) for each in ranked[:most]],
        }

    def _process(self, ranked: Ranked, scale: MemoryScale, level: DomainLevel) -> JsonObject:
        one, use = ranked.candidate, ranked.candidate.use
        container = None if one.container is None else self._reading.containers[one.container]
        origin = score_origin(one.oom_score_adj, container.facts if container else None)
        size = (use.resident + use.swapped) * scale.page_size + use.page_table_bytes
        memory = round(scale.thousandths(size), 1)
        never = ranked.points is None
        return _known(
            rank=ranked.rank,
            pid=one.pid,
            command=one.command,
            **(container.owner if container else {"unit": one.unit or None}),
            residentBytes=use.resident * scale.page_size,
            pageTableBytes=use.page_table_bytes,
            swapBytes=use.swapped * scale.page_size,
            memoryThousandths=memory,
            oomScoreAdj=one.oom_score_adj,
            thousandths=None if never else round(memory + one.oom_score_adj, 1),
            points=ranked.points,
            setBy=_known(by=origin.setter.value, detail=origin.detail or None),
            processesKilled=None if never else self._killed_with(one),
            nodeRank=None if level is DomainLevel.NODE else self._places.get(one.pid),
        )

    def _killed_with(self, one: Candidate) -> int:
        """Return how many processes die if this one is chosen.

        The kernel kills the highest cgroup with memory.oom.group below the level that ran out of
        memory (Linux mm/memcontrol.c, mem_cgroup_get_oom_group): the container, at any level.
        """
        if one.container is None:
            return 1
        memory = self._reading.containers[one.container].memory
        if memory is None or not memory.is_group_kill:
            return 1
        return sum(each.oom_score_adj != NEVER for each in self._members[one.container])


def _memory(memory: CgroupMemory) -> JsonObject:
    return _known(
        limitBytes=memory.limit,
        swapLimitBytes=memory.swap_limit,
        usageBytes=memory.usage,
        groupKill=memory.is_group_kill,
    )


def _known(**members: object) -> JsonObject:
    """Return the members that are known."""
    return {key: value for key, value in members.items() if value is not None}
