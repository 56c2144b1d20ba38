"""`groupKill: false`: the kernel kills only the process that the scores select.

And near misses, and two operators: all need other values than the chart's own.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.conditions import conditions, ready
from e2e.examples import example
from e2e.lab.errors import CommandError
from e2e.node_access import NodeAccess
from e2e.operators import Operators, seconds_between
from e2e.plugin import plugin_of_admin
from e2e.workloads import container, family, hog, pod, policy
from e2e.world import NAMESPACE, Release, World, eventually

pytestmark = pytest.mark.xdist_group("writing")

BINARIES = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH"
SERVER = f"""
{BINARIES}; as="setpriv --reuid=postgres --regid=postgres --clear-groups"
mkdir /tmp/db; chown postgres /tmp/db
$as initdb -D /tmp/db/data -A trust --no-sync
exec $as postgres -D /tmp/db/data -k /tmp -c listen_addresses= -c jit=off -c shared_buffers=8MB
"""
GREEDY = "SELECT length(repeat('x', 900000000))"


def oom_group_file(node_access: NodeAccess, world: World, namespace: str, name: str) -> str:
    """Return the path of memory.oom.group of a pod's only container."""
    (status,) = world.pod(namespace, name).status.container_statuses
    scope = status.container_id.rpartition("/")[2]
    found = node_access.run(f"find /sys/fs/cgroup -type d -name '*{scope}*'").split()
    return f"{min(found, key=len)}/memory.oom.group"


def test_group_kill_is_set_repaired_after_a_manual_change_and_restored(
    world: World, release_with_cgroup_writes: Release, node_access: NodeAccess, namespace: str
) -> None:
    world.apply(pod(namespace, "web", family(world.cluster.busybox_image), app="web"))
    world.wait_until_running(namespace, "web")
    file = oom_group_file(node_access, world, namespace, "web")

    def value() -> str:
        return node_access.run(f"cat {file}").strip()

    assert value() == "1", "as the kubelet sets it"
    rule = {
        "memory": {"groupKill": False},
        "processes": [{"command": "sleep *", "oomScoreAdj": 600}],
    }
    world.apply(policy(namespace, "singly", {"app": "web"}, rule))
    eventually(lambda: value() == "0")
    assert eventually(lambda: ready(world, namespace, "singly", enforced=1, refused=0))
    node_access.run(f"echo 1 >{file}")
    assert eventually(lambda: value() == "0", 30)
    world.delete_policy(namespace, "singly")
    assert eventually(lambda: value() == "1", 30)
    writes = conditions(world.node_report(node_access.node_name()))["CgroupWrites"]
    assert (writes["status"], writes["reason"]) == ("True", "On")


HOGS = """
hog 48 &
while [ ! -e /go ]; do sleep 1; done
hog 100 & wait
"""


def test_the_first_process_of_a_ranking_is_the_one_that_the_kernel_kills(
    world: World, release_with_cgroup_writes: Release, namespace: str, tmp_path: Path
) -> None:
    plugin = plugin_of_admin(world, tmp_path)
    image = world.cluster.busybox_image
    app = container("app", image, "sh", "-c", HOGS, limit="128Mi", request="128Mi")
    world.apply(pod(namespace, "hogs", app, app="hogs"))
    first_to_die = [{"command": "hog 48", "oomScoreAdj": 600}]
    rule = {"memory": {"groupKill": False}, "oomScoreAdj": 0, "processes": first_to_die}
    world.apply(policy(namespace, "singly", {"app": "hogs"}, rule))
    world.wait_until_running(namespace, "hogs")
    assert eventually(lambda: ready(world, namespace, "singly", enforced=1, refused=0))

    def first() -> dict[str, Any]:
        """The process that the policy names has used its memory."""
        ran = plugin.oom("rank", "pod/hogs", "-n", namespace, "-o", "json")
        assert ran.code == 0, ran.err
        (inside,) = [d for d in json.loads(ran.out)["domains"] if d["level"] == "Container"]
        assert inside["groupKill"] is False
        found: dict[str, Any] = inside["ranking"][0]
        return found if found["residentBytes"] >= 48 << 20 else {}

    chosen = eventually(first)
    assert chosen["oomScoreAdj"] == 600
    assert chosen["setBy"] == {"by": "Policy", "detail": "OOMPolicy/singly"}
    world.run_in_container(namespace, "hogs", "app", "touch /go")

    def first_kill() -> list[dict[str, Any]]:
        """The first kill is recorded; another may follow before its memory is free."""
        found = world.kills(namespace, "hogs")
        return [kill for kill in found if kill["evidence"]["from"] == 0]

    (kill,) = eventually(first_kill)
    victim = kill["victims"][0]
    assert (victim["pid"], victim["oomScoreAdj"]) == (chosen["pid"], 600)


class Database:
    """A PostgreSQL server in a pod."""

    def __init__(self, world: World, namespace: str) -> None:
        self.world, self.namespace = world, namespace

    def start(self) -> None:
        image = self.world.cluster.postgres_image()
        server = container("db", image, "sh", "-c", SERVER, limit="192Mi", request="64Mi")
        self.world.apply(pod(self.namespace, "db", server, restart="Always", app="db"))

    def query(self, *queries: str) -> str:
        """Run queries in one session, and return the output, or `refused:` and the error."""
        options = " ".join(f'-c "{query}"' for query in queries)
        line = f"{BINARIES} psql -h /tmp -U postgres -tA {options}"
        try:
            return self.world.run_in_container(self.namespace, "db", "db", line).strip()
        except CommandError as error:
            return f"refused: {error}"

    def scores(self) -> dict[str, set[int]]:
        """Return the scores of the postmaster and of its children."""
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


def test_a_greedy_query_is_killed_and_the_postmaster_serves_new_sessions(
    world: World, release_with_cgroup_writes: Release, namespace: str
) -> None:
    """PostgreSQL ends all sessions after a worker was killed, as shared memory may be corrupt.

    The server survives: the container is not restarted, its first process stays the same, and new
    sessions work immediately.
    """
    database = Database(world, namespace)
    world.apply(example("database-with-workers", namespace, name="protect-db"))
    database.start()
    world.wait_until_running(namespace, "db")
    eventually(lambda: database.query("SELECT 1") == "1", 120, every=2)
    wanted = {"postmaster": {-500}, "workers": {300}}
    assert eventually(lambda: database.scores() == wanted)
    assert eventually(lambda: ready(world, namespace, "protect-db", enforced=1, refused=0))
    started = database.query("SELECT pg_postmaster_start_time()")
    container_id = database.status().container_id

    answer = database.query("SELECT pg_sleep(10)", GREEDY)
    assert "refused" in answer

    assert eventually(lambda: database.query("SELECT 1") == "1", 60)
    assert database.query("SELECT pg_postmaster_start_time()") == started
    status = database.status()
    assert (status.restart_count, status.container_id) == (0, container_id)
    (kill,) = eventually(lambda: world.kills(namespace, "db"))
    (victim,) = kill["victims"]
    assert (kill["container"]["name"], kill["cause"]) == ("db", "ContainerLimit")
    assert not kill.get("groupKill")
    assert (victim["command"], victim["oomScoreAdj"]) == ("postgres", 300)
    assert eventually(lambda: database.scores() == wanted), "the new workers too"


def test_page_cache_at_a_limit_is_a_near_miss_with_an_event_and_no_kill(
    world: World, release_with_cgroup_writes: Release, node_access: NodeAccess, namespace: str
) -> None:
    # Dirty pages could not be dropped as fast as they are written.
    write = "dd if=/dev/zero of=/big bs=1M count=8 seek=$((8 * n)) conv=notrunc,fsync"
    script = f"for n in `seq 0 7`; do {write}; done; while cat /big >/dev/null; do sleep 1; done"
    reader = container("reader", world.cluster.busybox_image, "sh", "-c", script, limit="32Mi")
    world.apply(pod(namespace, "cache", reader))

    def near_misses() -> dict[str, Any]:
        """The OOMNode lists near misses of the container, more than those of its start."""
        status = world.node_report(node_access.node_name())["status"]
        listed = status["nearMisses"].get("containers", [])
        of_story = (each for each in listed if each["namespace"] == namespace)
        return next((each for each in of_story if each["count"] > 20), {})

    found = eventually(near_misses, 120)
    assert (found["pod"], found["container"], found["limit"]) == ("cache", "reader", "32Mi")
    assert found["since"] <= found["last"]

    def warnings() -> list[dict[str, Any]]:
        """There is an Event about the near misses."""
        events = world.events(namespace)
        return [each for each in events if each.get("reason") == "MemoryLimitHit"]

    (event,) = eventually(warnings)
    assert event["regarding"]["fieldPath"] == "spec.containers{reader}"
    assert "container reader hit its memory limit 32Mi" in event["note"]
    assert "page cache" in event["note"]
    assert world.kills(namespace) == []
    (status,) = world.pod(namespace, "cache").status.container_statuses
    assert (status.restart_count, bool(status.state.running)) == (0, True)


def test_another_operator_takes_over_from_one_that_crashed_and_does_nothing_twice(
    world: World, release_with_cgroup_writes: Release, node_access: NodeAccess, namespace: str
) -> None:
    """The kill happens while nobody leads; and a graceful end does not need the lease duration."""
    operators = Operators(world, node_access)
    first = operators.wait_until_one_leads()
    world.apply(example("raise-on-oom", namespace, name="grow", labels={"app": "hog"}))
    left = operators.crash(first)
    world.apply(pod(namespace, "grows", hog(world.cluster.busybox_image), app="hog"))
    taken = operators.wait_for_another(first)
    crashed = seconds_between(left, taken)
    assert 15 <= crashed < 20
    assert taken["leaseTransitions"] == left["leaseTransitions"] + 1

    def raised() -> list[dict[str, Any]]:
        """The kill has a response, and an Event says so."""
        return [e for e in world.events(namespace) if e.get("reason") == "MemoryLimitRaised"]

    (event,) = eventually(raised, 90)
    assert "from 32Mi to 48Mi" in event["note"]
    (kill,) = world.kills(namespace, "grows")
    assert kill["status"]["response"]["reason"] == "RaisedLimit"
    second = operators.wait_until_one_leads()
    world.core.delete_namespaced_pod(second, NAMESPACE)
    asked = time.monotonic()
    operators.wait_for_another(second)
    ended = time.monotonic() - asked
    print(f"takeover {crashed:.1f} s after a crash, {ended:.1f} s after a deletion")
    assert ended < 13, "released, so that nobody waits 15 s"
    assert raised() == [event]
    assert "operator-bound-switch" in operators.other_lease_refused()
