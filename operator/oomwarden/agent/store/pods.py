"""The pods in the ledger, as SQL on the agent's store: a restarted agent knows deleted ones."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts


def without_volatile(facts: PodFacts) -> PodFacts:
    """Return the pod without what changes often and is not part of a record."""
    return replace(facts, labels={}, priority_class=None, deleting=False, unreadable="")


def save(connection: sqlite3.Connection, boot_id: str, pods: Iterable[PodFacts]) -> None:
    """Store pods; delete those of other boots."""
    connection.execute("DELETE FROM pods WHERE boot_id <> ?", (boot_id,))
    rows = [(facts.cgroup_uid, boot_id, _body(facts)) for facts in pods]
    connection.executemany("INSERT OR REPLACE INTO pods VALUES (?, ?, ?)", rows)


def forget(connection: sqlite3.Connection, uids: Iterable[str]) -> None:
    """Delete pods, by the UID in the names of their cgroups."""
    connection.executemany("DELETE FROM pods WHERE cgroup_uid = ?", [(uid,) for uid in uids])


def load(connection: sqlite3.Connection, boot_id: str) -> list[PodFacts]:
    """Return this boot's pods."""
    rows = connection.execute("SELECT body FROM pods WHERE boot_id = ?", (boot_id,))
    return [_facts(json.loads(body)) for (body,) in rows]


def _body(facts: PodFacts) -> str:
    owner = facts.owner and {"kind": facts.owner.kind, "name": facts.owner.name}
    containers = [
        [c.name, str(c.type), c.container_id, c.limit, c.previous_id] for c in facts.containers
    ]
    known = [facts.uid, facts.cgroup_uid, facts.namespace, facts.name, facts.qos, facts.created]
    body = {"pod": known, "owner": owner, "containers": containers, "limit": facts.limit}
    return json.dumps(body | {"overhead": facts.overhead, "tmpfs": facts.tmpfs})


def _facts(body: dict[str, Any]) -> PodFacts:
    uid, cgroup_uid, namespace, name, qos, created = body["pod"]
    return PodFacts(
        uid,
        cgroup_uid,
        namespace,
        name,
        labels={},
        qos=QOSClass(qos),
        owner=Owner(**body["owner"]) if body["owner"] else None,
        containers=tuple(_container(*each) for each in body["containers"]),
        created=created,
        limit=body.get("limit"),
        overhead=body.get("overhead", 0),
        tmpfs=tuple(body.get("tmpfs", ())),
    )


def _container(
    name: str, kind: str, container_id: str | None, limit: int | None, previous: str | None
) -> ContainerFacts:
    return ContainerFacts(name, ContainerType(kind), container_id, limit, previous)
