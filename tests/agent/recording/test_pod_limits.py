"""Kills at the limit of a pod: whose it is, what fills it, and who was killed there."""

from msgspec.structs import replace
from oomwarden.agent.store import pods as known_pods

from tests.support.fake_cgroups import UID
from tests.support.recorder_node import RecorderNode
from tests.support.stores import store_at

MIB = 1 << 20


def fill(books: RecorderNode, path: str, usage: int, shmem: int) -> None:
    directory = books.cgroups.root / path
    (directory / "memory.current").write_text(f"{usage}\n")
    (directory / "memory.stat").write_text(f"anon 0\nfile {shmem}\nshmem {shmem}\n")


async def test_tmpfs_that_stays_with_the_pod_is_recorded_without_an_earlier_sample(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{64 * MIB}")
    app = books.cgroups.container(pod, "a", f"{64 * MIB}")
    fill(books, pod, 60 * MIB, 56 * MIB)
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app, hit=pod)
        (row,) = await rows(1)
    assert row.kill["podMemory"]["shmem"] == "56Mi"
    assert row.event is not None
    assert "56Mi of the limit is still used by tmpfs" in row.event["note"]


async def test_shared_memory_of_a_container_that_goes_on_does_not_count_as_staying(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{64 * MIB}")
    app, side = (books.cgroups.container(pod, digit) for digit in "ab")
    fill(books, pod, 60 * MIB, 56 * MIB)
    fill(books, side, 60 * MIB, 56 * MIB)
    books.add_pod(1, app="a", side="b")
    async with books.agent() as rows:
        books.cgroups.group_kill(app, hit=pod)
        (row,) = await rows(1)
    assert "podMemory" not in row.kill


async def test_tmpfs_that_filled_a_containers_own_limit_is_found_at_the_pod(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{128 * MIB}")
    app, _ = (books.cgroups.container(pod, digit, f"{64 * MIB}") for digit in "ab")
    fill(books, pod, 60 * MIB, 56 * MIB)
    books.add_pod(1, app="a", side="b")
    async with books.agent() as rows:
        books.cgroups.group_kill(app, hit=app)
        (row,) = await rows(1)
    assert row.kill["podMemory"]["shmem"] == "56Mi"
    assert row.event is not None
    assert "56Mi is still used by tmpfs" in row.event["note"]


async def test_shared_memory_of_the_killed_container_itself_is_separated_while_it_runs_on(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{64 * MIB}")
    app = books.cgroups.container(pod, "a")
    fill(books, pod, 60 * MIB, 56 * MIB)
    fill(books, app, 60 * MIB, 56 * MIB)
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.count(1, 0, app, pod, *books.cgroups.above(pod))
        (books.cgroups.root / pod / "memory.events.local").write_text("oom 1\noom_kill 0\n")
        (row,) = await rows(1)
    assert row.kill["kills"] == 1
    assert "podMemory" not in row.kill


async def test_a_pod_whose_files_cannot_be_read_is_recorded_without_them(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{64 * MIB}")
    app = books.cgroups.container(pod, "a")
    (books.cgroups.root / pod / "memory.current").write_text("many\n")
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app, hit=pod)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"


async def test_a_limit_of_the_pod_as_a_whole_is_not_called_its_containers(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{64 * MIB}")
    app = books.cgroups.container(pod, "a")
    books.add_pod(1, app="a")
    uid = UID.format(1)
    books.pods[uid] = replace(books.pods[uid], limit=64 * MIB)
    async with books.agent() as rows:
        books.cgroups.group_kill(app, hit=pod)
        (row,) = await rows(1)
    assert (row.kill["cause"], row.kill["limit"]) == ("PodLimit", "64Mi")
    assert "enforcedAt" not in row.kill


async def test_a_kill_of_the_runtimes_monitor_is_not_attributed_to_its_container(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1, f"{16 * MIB}")
    app = books.cgroups.container(pod, "a", f"{16 * MIB}")
    name = f"crio-conmon-{'a' * 64}.scope"
    line = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,"
        f"oom_memcg=/{pod},task_memcg=/{pod}/{name},task=conmon,pid=78,uid=0"
    )
    killed = (
        "Memory cgroup out of memory: Killed process 78 (conmon) total-vm:1kB, anon-rss:1kB, "
        "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:-998"
    )
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.log = f"<6>[   52.1] {line}\n<3>[   52.2] {killed}\n".encode()
        books.cgroups.remove(app)
        books.cgroups.count(1, 0, pod, *books.cgroups.above(pod))
        (books.cgroups.root / pod / "memory.events.local").write_text("oom 1\noom_kill 0\n")
        (row,) = await rows(1)
    assert row.kill["container"] == {"otherCgroup": name}
    assert row.kill["victims"][0]["command"] == "conmon"
    assert row.kill["cause"] == "PodLimit"


async def test_a_pods_own_limit_is_known_after_a_restart(books: RecorderNode) -> None:
    books.add_pod(1, app="a")
    facts = replace(books.pods[UID.format(1)], limit=64 * MIB, overhead=MIB, tmpfs=("cache",))
    store = store_at(books.path)
    await store.open()
    try:
        await store.run(lambda db: known_pods.save(db, "boot", [facts]))
        (loaded,) = await store.run(lambda db: known_pods.load(db, "boot"))
    finally:
        await store.close()
    assert (loaded.limit, loaded.overhead, loaded.tmpfs) == (64 * MIB, MIB, ("cache",))
