"""The pods of this node's agents, and how often they were OOM-killed."""

import json
import sqlite3
from pathlib import Path

from msgspec.structs import asdict

from oomwarden.agent.runtime.identity import Pod, load_identities
from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.agent_kills import AgentKills, merged
from oomwarden.core.model.pod import ContainerFacts, PodFacts

CONTAINER = "agent"
"""What the chart calls the agent's container."""


def agent_pods(state_dir: Path, boot_id: str) -> tuple[PodFacts, ...]:
    """Return the pods that the agents of this boot ran in, the oldest first."""
    return tuple(map(_facts, load_identities(state_dir, boot_id)))


def save(connection: sqlite3.Connection, more: AgentKills) -> None:
    """Add kills of the agents themselves to the store."""
    if more.kills:
        value = json.dumps(asdict(merged(load(connection), more)))
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('agent-kills', ?)", (value,))


def load(connection: sqlite3.Connection) -> AgentKills:
    """Load the kills of the agents themselves."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'agent-kills'").fetchone()
    return AgentKills(**json.loads(row[0])) if row else AgentKills()


def _facts(pod: Pod) -> PodFacts:
    """Describe an agent's pod that may be deleted.

    A DaemonSet names its pods <name>-<5 characters> (kubernetes pkg/controller/daemon, v1.37). The
    QoS class is a guess, which no record shows.
    """
    owner = Owner(kind="DaemonSet", name=pod["name"].rpartition("-")[0] or pod["name"])
    container = ContainerFacts(CONTAINER, ContainerType.APP, limit=pod["limit"])
    return PodFacts(
        pod["uid"], pod["uid"], pod["namespace"], pod["name"], {}, QOSClass.BURSTABLE,
        owner=owner, containers=(container,),
    )  # fmt: skip
