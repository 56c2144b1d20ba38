"""memory.oom.group on fake cgroups: held, repaired, put back."""

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.agent.enforcement.group_kill import YOUNG_SECONDS
from oomwarden.agent.informers.inventory import Container
from oomwarden.kernel.cgroup import oom_group
from oomwarden.kernel.cgroup.oom_group import OomGroupFiles

from tests.support.enforcing import TARGET, Node, policy

SINGLY = {"memory": {"groupKill": False}}
BY_PROCESS = {"processes": [{"command": "cat", "oomScoreAdj": TARGET}]}


def file(node: Node, container: Container) -> Path:
    return node.cgroups.root / container.cgroup.path / "memory.oom.group"


def started(node: Node, *, writes: bool = True, old: bool = True) -> Container:
    """A container that dies as a whole; in an old one the runtime writes nothing more."""
    node.groups.writes = writes
    app = node.container("a", "app")
    app.seen = node.now() - (YOUNG_SECONDS if old else 0)
    file(node, app).write_text("1\n")
    node.pod("app")
    node.learn(app)
    return app


async def settle(node: Node) -> None:
    node.changed.set()
    await node.scores.step()
    await node.groups.step()
    await node.groups.step()


def value(node: Node, container: Container) -> str:
    return file(node, container).read_text()[0]


def reasons(node: Node) -> list[str]:
    return [refusal.reason for refusal in node.report("protect").refusals]


async def saved(node: Node) -> list[tuple[int]]:
    def read(db: sqlite3.Connection) -> list[tuple[int]]:
        return db.execute("SELECT found FROM group_kills").fetchall()

    return await node.store.run(read)


async def test_it_is_written_repaired_and_put_back_when_the_policy_goes(node: Node) -> None:
    app = started(node)
    node.put(policy(rule=SINGLY))
    await settle(node)
    assert value(node, app) == "0"
    assert await saved(node) == [(1,)]
    report = node.report("protect")
    assert (report.matched, report.enforced, report.refused) == (1, 1, 0)
    assert node.reported()[0].containers == 1
    file(node, app).write_text("1\n")
    await settle(node)
    assert (value(node, app), node.groups.repairs) == ("0", 1)
    node.put()
    await settle(node)
    assert value(node, app) == "1"
    assert await saved(node) == []
    assert node.reported()[0].containers == 0


async def test_the_next_agent_puts_back_what_this_one_found(node: Node) -> None:
    app = started(node)
    node.put(policy(rule=SINGLY))
    await settle(node)
    following = await node.again()
    following.groups.writes = True
    await following.groups.baselines.load()
    following.put()
    await settle(following)
    assert value(following, app) == "1"


async def test_pause_leaves_it_and_release_puts_it_back(node: Node) -> None:
    app = started(node)
    node.put(policy(rule=SINGLY))
    await settle(node)
    node.switch("Pause")
    node.put()
    await settle(node)
    assert value(node, app) == "0"
    file(node, app).write_text("1\n")
    await settle(node)
    assert value(node, app) == "1", "nothing is repaired either"
    node.switch("Enforce")
    node.put(policy(rule=SINGLY))
    await settle(node)
    assert value(node, app) == "0"
    node.switch("Release")
    await settle(node)
    assert value(node, app) == "1"
    assert node.report("protect").enforced == 0


async def test_what_the_runtime_writes_into_a_young_container_is_what_goes_back(
    node: Node,
) -> None:
    app = started(node, old=False)
    file(node, app).write_text("0\n")
    node.put(policy(rule=SINGLY))
    await settle(node)
    file(node, app).write_text("1\n")
    await settle(node)
    assert (value(node, app), node.groups.repairs) == ("0", 0)
    node.put()
    await settle(node)
    assert value(node, app) == "1"


async def test_with_writes_off_nothing_is_written_and_the_chart_value_is_named(
    node: Node,
) -> None:
    app = started(node, writes=False)
    node.put(policy(rule=SINGLY | BY_PROCESS))
    await settle(node)
    assert value(node, app) == "1"
    assert await saved(node) == []
    assert reasons(node) == ["CgroupWritesOff", "Ineffective"]
    assert node.report("protect").enforced == 0


async def test_what_stays_because_writes_were_switched_off_is_counted_and_keeps_no_release_waiting(
    node: Node,
) -> None:
    app = started(node)
    node.put(policy(rule=SINGLY))
    await settle(node)
    groups = node.groups
    assert (groups.unrestorable, node.reported()[0].containers) == (0, 1)
    groups.writes = False
    node.put()
    await settle(node)
    assert value(node, app) == "0"
    assert (groups.unrestorable, node.reported()[0].containers) == (1, 0)
    groups.writes = True
    await settle(node)
    assert value(node, app) == "1"
    assert (groups.unrestorable, node.reported()[0].containers) == (0, 0)


async def test_scores_of_processes_are_ineffective_until_the_container_dies_one_by_one(
    node: Node,
) -> None:
    started(node)
    node.put(policy(rule=BY_PROCESS))
    await settle(node)
    assert reasons(node) == ["Ineffective"]
    node.put(policy(rule=SINGLY | BY_PROCESS))
    await settle(node)
    assert reasons(node) == []
    assert node.report("protect").enforced == 1


async def test_nothing_is_written_before_what_was_found_is_on_the_disk(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = started(node)

    async def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(node.groups.baselines), "save", lambda _: full())
        node.put(policy(rule=SINGLY))
        await settle(node)
    assert (value(node, app), reasons(node)) == ("1", ["NotSaved"])
    await settle(node)
    assert (value(node, app), reasons(node)) == ("0", [])


async def test_a_mount_that_is_read_only_is_reported_and_tried_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = started(node)

    def refuse(*_: object, enabled: bool) -> bool:
        raise OSError(30, f"Read-only file system, not {enabled}")

    with monkeypatch.context() as broken:
        broken.setattr(oom_group, "write", refuse)
        node.put(policy(rule=SINGLY))
        await settle(node)
    assert reasons(node) == ["Failed"]
    await settle(node)
    assert (value(node, app), reasons(node)) == ("0", [])


async def test_an_inode_that_is_used_again_is_another_container(node: Node) -> None:
    app = started(node)
    node.put(policy(rule=SINGLY))
    await settle(node)
    found = node.groups.baselines
    assert found.get(app) is not None
    other = Container(replace(app.cgroup, container_id="f" * 64), 0.0)
    assert found.get(other) is None
    found.keep_only([])
    assert found.applied() == frozenset()
    assert found.is_saved(other), "its row would otherwise be waited for"


async def test_observe_writes_nothing_and_reports_what_is_missing(node: Node) -> None:
    app = started(node, writes=False)
    node.put(policy(rule=SINGLY | BY_PROCESS, mode="Observe"))
    await settle(node)
    assert reasons(node) == ["CgroupWritesOff", "Ineffective"]
    node.groups.writes = True
    await settle(node)
    assert (value(node, app), reasons(node)) == ("1", [])


async def test_containers_without_such_a_policy_are_not_even_read(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(node)
    asked: list[int] = []

    def note(_: object, cgroups: list[object], __: object) -> dict[int, bool]:
        asked.append(len(cgroups))
        return {}

    monkeypatch.setattr(OomGroupFiles, "read", note)
    node.put(policy())
    await settle(node)
    assert asked == []
