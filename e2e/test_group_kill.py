"""`groupKill: false`: the kernel kills the process that the scores name, and the others live."""

from typing import Any

import pytest

from e2e.conditions import conditions, ready
from e2e.examples import example
from e2e.lab.errors import CommandError
from e2e.surgeon import Surgeon
from e2e.workloads import container, family, pod, policy
from e2e.world import Release, World, eventually

pytestmark = pytest.mark.xdist_group("writing")

BINARIES = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH"
SERVER = f"""
{BINARIES}; as="setpriv --reuid=postgres --regid=postgres --clear-groups"
mkdir /tmp/db; chown postgres /tmp/db
$as initdb -D /tmp/db/data -A trust --no-sync
exec $as postgres -D /tmp/db/data -k /tmp -c listen_addresses= -c jit=off -c shared_buffers=8MB
"""
GREEDY = "SELECT length(repeat('x', 900000000))"


def group(surgeon: Surgeon, world: World, namespace: str, name: str) -> str:
    """Where memory.oom.group of a pod's only container is."""
    (status,) = world.pod(namespace, name).status.container_statuses
    scope = status.container_id.rpartition("/")[2]
    found = surgeon.on_node(f"find /sys/fs/cgroup -type d -name '*{scope}*'").split()
    return f"{min(found, key=len)}/memory.oom.group"


def test_it_is_set_repaired_after_somebody_has_changed_it_and_put_back(
    world: World, writing: Release, surgeon: Surgeon, namespace: str
) -> None:
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image), app="web"))
    world.running(namespace, "web")
    file = group(surgeon, world, namespace, "web")

    def value() -> str:
        return surgeon.on_node(f"cat {file}").strip()

    assert value() == "1", "as the kubelet sets it"
    rule = {
        "memory": {"groupKill": False},
        "processes": [{"command": "sleep *", "oomScoreAdj": 600}],
    }
    world.apply(policy(namespace, "singly", {"app": "web"}, rule))
    eventually(lambda: value() == "0")
    assert eventually(lambda: ready(world, namespace, "singly", enforced=1, refused=0))
    surgeon.on_node(f"echo 1 >{file}")
    assert eventually(lambda: value() == "0", 30)
    world.delete_policy(namespace, "singly")
    assert eventually(lambda: value() == "1", 30)
    writes = conditions(world.node_report(surgeon.node()))["CgroupWrites"]
    assert (writes["status"], writes["reason"]) == ("True", "On")


class Database:
    """A real PostgreSQL in a pod."""

    def __init__(self, world: World, namespace: str) -> None:
        self.world, self.namespace = world, namespace

    def start(self) -> None:
        image = self.world.cluster.postgres_image()
        server = container("db", image, "sh", "-c", SERVER, limit="192Mi", request="64Mi")
        self.world.apply(pod(self.namespace, "db", server, restart="Always", app="db"))

    def asked(self, *queries: str) -> str:
        """Ask in one session; what the server says when it cannot answer."""
        options = " ".join(f'-c "{query}"' for query in queries)
        line = f"{BINARIES} psql -h /tmp -U postgres -tA {options}"
        try:
            return self.world.inside(self.namespace, "db", "db", line).strip()
        except CommandError as error:
            return f"refused: {error}"

    def scores(self) -> dict[str, set[int]]:
        """Of the postmaster, and of what it has forked."""
        found: dict[str, set[int]] = {"postmaster": set(), "workers": set()}
        for command, score in self.world.scores_by_command(self.namespace, "db", "db"):
            if "postgres: " in command:
                found["workers"].add(score)
            elif "bin/postgres -D" in command or command.startswith("postgres -D"):
                found["postmaster"].add(score)
        return found

    def status(self) -> Any:
        (status,) = self.world.pod(self.namespace, "db").status.container_statuses
        return status


def test_a_greedy_query_dies_and_the_postmaster_lives_on_and_serves_sessions_again(
    world: World, writing: Release, namespace: str
) -> None:
    """PostgreSQL ends all sessions when a worker was killed: its memory may be corrupt.

    What survives is the server: the container is not restarted, its first process is the same,
    and new sessions are served at once.
    """
    database = Database(world, namespace)
    world.apply(example("database-with-workers", namespace, name="protect-db"))
    database.start()
    world.running(namespace, "db")
    eventually(lambda: database.asked("SELECT 1") == "1", 120, every=2)
    wanted = {"postmaster": {-500}, "workers": {300}}
    assert eventually(lambda: database.scores() == wanted)
    assert eventually(lambda: ready(world, namespace, "protect-db", enforced=1, refused=0))
    began = database.asked("SELECT pg_postmaster_start_time()")
    container_id = database.status().container_id

    answer = database.asked("SELECT pg_sleep(10)", GREEDY)
    assert "refused" in answer

    assert eventually(lambda: database.asked("SELECT 1") == "1", 60)
    assert database.asked("SELECT pg_postmaster_start_time()") == began
    status = database.status()
    assert (status.restart_count, status.container_id) == (0, container_id)
    (kill,) = eventually(lambda: world.kills(namespace, "db"))
    (victim,) = kill["victims"]
    assert (kill["container"]["name"], kill["cause"]) == ("db", "ContainerLimit")
    assert not kill.get("groupKill")
    assert (victim["command"], victim["oomScoreAdj"]) == ("postgres", 300)
    assert eventually(lambda: database.scores() == wanted), "the new workers too"
