"""The switch, agents that follow one another, and stores that fail."""

import sqlite3

import pytest

from tests.support.enforcing import (
    GIVEN,
    OTHER,
    TARGET,
    Node,
    after_settling,
    policy,
    saved_ours,
    scan_again,
    server,
)


async def test_pause_changes_nothing_more(node: Node) -> None:
    app, _ = server(node)
    node.put(policy())
    await node.scores.step()
    node.switch("Pause")
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    node.put(policy(score=OTHER))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    assert [refusal.reason for refusal in node.report("protect").refusals] == ["Paused"]
    node.switch("Enforce")
    await node.scores.step()
    assert node.scores_of(app) == [OTHER]


async def test_release_puts_everything_back_and_enforces_nothing(node: Node) -> None:
    app, _ = server(node)
    node.put(policy())
    await node.scores.step()
    node.switch("Release")
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    await after_settling(node)
    applied, _ = node.reported()
    assert (applied.containers, applied.processes) == (0, 0)
    assert node.report("protect").enforced == 0
    assert node.tracker.governing.of(app.cgroup.inode) is None


async def test_a_following_agent_puts_nothing_back_before_it_knows_the_policies(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy())
    await node.scores.step()
    following = await node.again()
    await following.scores.step()
    assert following.scores_of(app) == [TARGET]
    assert following.reported()[0].containers == 1
    following.put()
    await following.scores.step()
    assert following.scores_of(app) == [GIVEN]


async def test_the_next_agent_knows_the_baseline_though_the_scores_are_oomwardens(
    node: Node,
) -> None:
    app, _ = server(node)
    node.put(policy())
    await node.scores.step()
    following = await node.again()
    following.learn(app, TARGET)
    following.put(policy(rule={"oomScoreOffset": 20}))
    await following.scores.step()
    assert following.scores_of(app) == [GIVEN + 20]


async def test_after_a_lost_store_absolute_scores_are_enforced_and_offsets_are_refused(
    node: Node,
) -> None:
    app = node.container("a", "app", processes=1, existed=True)
    node.baselines.store_lost = True
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    node.put(policy(rule={"oomScoreOffset": 20}))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    assert [refusal.reason for refusal in node.report("protect").refusals] == ["BaselineUnknown"]
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]


async def test_nothing_is_written_before_the_way_back_is_saved(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_work: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    app, _ = server(node)
    with monkeypatch.context() as broken:
        broken.setattr(node.store, "run", fail)
        node.put(policy())
        await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    assert [refusal.reason for refusal in node.report("protect").refusals] == ["NotSaved"]
    await scan_again(node)
    assert node.scores_of(app) == [TARGET]
    assert await saved_ours(node) == [f"[{TARGET}]"]
