"""A score that a process gave itself comes back when no rule names the process any more."""

import sqlite3

import pytest
from oomwarden.agent.informers.inventory import Container

from tests.support.enforcing import (
    GIVEN,
    OTHER,
    OWN,
    TARGET,
    Node,
    after_settling,
    policy,
    read_score,
    server,
    write_score,
)

IDLE = "postgres: shop db [local] idle"
WORKERS = [{"command": "postgres: *", "oomScoreAdj": OTHER}]
RULE = {"oomScoreAdj": TARGET, "processes": WORKERS}


async def overridden(node: Node) -> tuple[Container, int]:
    """A container with a worker whose own score a rule has overridden."""
    app, _ = server(node)
    worker = node.spawn(app.cgroup.path, OWN, IDLE)
    node.put(policy(rule=RULE))
    await node.scores.step()
    assert read_score(worker) == OTHER
    return app, worker


async def test_it_comes_back_with_the_policy_gone_and_nothing_is_applied_any_more(
    node: Node,
) -> None:
    _, worker = await overridden(node)
    assert node.reported()[0].containers == 1
    node.put()
    await node.scores.step()
    assert read_score(worker) == OWN
    await after_settling(node)
    await node.scores.step()
    assert node.reported()[0].containers == 0


async def test_it_comes_back_when_the_rules_go_and_the_containers_score_stays(node: Node) -> None:
    app, worker = await overridden(node)
    node.put(policy(rule={"oomScoreAdj": TARGET}))
    await node.scores.step()
    assert read_score(worker) == OWN
    assert node.scores_of(app)[0] == TARGET


async def test_it_comes_back_where_the_rule_gave_the_very_baseline(node: Node) -> None:
    app, _ = server(node)
    worker = node.spawn(app.cgroup.path, OWN, IDLE)
    same = [{"command": "postgres: *", "oomScoreAdj": GIVEN}]
    node.put(policy(rule={"processes": same}))
    await node.scores.step()
    assert read_score(worker) == GIVEN
    node.put()
    await node.scores.step()
    assert read_score(worker) == OWN


async def test_pause_leaves_it_and_release_puts_it_back(node: Node) -> None:
    _, worker = await overridden(node)
    node.switch("Pause")
    node.put()
    await node.scores.step()
    assert read_score(worker) == OTHER
    node.switch("Release")
    await node.scores.step()
    assert read_score(worker) == OWN


async def test_the_next_agent_knows_it(node: Node) -> None:
    _, worker = await overridden(node)
    following = await node.again()
    following.put()
    await following.scores.step()
    assert read_score(worker) == OWN


async def test_where_it_cannot_be_saved_it_is_not_written_over(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = server(node)
    node.put(policy(rule=RULE))
    await node.scores.step()
    worker = node.spawn(app.cgroup.path, OWN, IDLE)

    async def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(type(node.baselines.own), "save", lambda _: full())
        await after_settling(node)
        assert read_score(worker) == OWN
    await after_settling(node)
    assert read_score(worker) == OTHER


async def test_after_a_lost_store_no_score_is_taken_for_a_processes_own(node: Node) -> None:
    """oomwarden may have set it: absolute scores are enforced, and nothing is put back."""
    node.baselines.store_lost = True
    app = node.container("a", "app", existed=True)
    worker = node.spawn(app.cgroup.path, OWN, IDLE)
    node.pod("app")
    node.learn(app)
    node.put(policy(rule=RULE))
    await node.scores.step()
    assert read_score(worker) == OTHER
    assert not node.baselines.own.has(app)
    node.put()
    await node.scores.step()
    assert read_score(worker) == OTHER


async def test_rows_of_a_container_go_when_it_ends(node: Node) -> None:
    app, _ = await overridden(node)
    other = node.container("b", "other")
    node.learn(other)
    del node.inventory.containers[app.cgroup.inode]
    node.changed.set()
    await node.scores.step()
    assert not node.baselines.own.has(app)


def ruled(score: int) -> dict[str, object]:
    return {"oomScoreAdj": TARGET, "processes": [{"command": "postgres: *", "oomScoreAdj": score}]}


@pytest.mark.parametrize("own", [TARGET, OTHER])
async def test_it_comes_back_even_where_the_policy_sets_that_score_for_other_processes(
    node: Node, own: int
) -> None:
    app, _ = server(node)
    worker = node.spawn(app.cgroup.path, own, IDLE)
    node.put(policy(rule=RULE))
    await node.scores.step()
    assert read_score(worker) == OTHER
    await after_settling(node)
    node.put(policy(rule=ruled(OTHER - 50)))
    await node.scores.step()
    assert read_score(worker) == OTHER - 50
    following = await node.again()
    following.put()
    await following.scores.step()
    for _ in range(3):
        await after_settling(following)
        assert (read_score(worker), following.scores_of(app)[0]) == (own, GIVEN)
    assert following.reported()[0].containers == 0


async def test_a_process_that_has_the_policys_score_already_keeps_it_and_counts(
    node: Node,
) -> None:
    app = node.container("a", "app", processes=1)
    before = node.spawn(app.cgroup.path, TARGET)
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    assert node.tracker.enforced_processes() == 2
    forked = node.spawn(app.cgroup.path, TARGET)  # with a score that oomwarden has set by now
    await after_settling(node)
    assert node.tracker.enforced_processes() == 3
    node.put()
    await node.scores.step()
    await after_settling(node)
    await after_settling(node)
    assert [read_score(before), read_score(forked)] == [TARGET, GIVEN]
    assert node.reported()[0].containers == 0


async def test_a_score_that_it_gives_itself_under_the_policy_is_the_one_that_comes_back(
    node: Node,
) -> None:
    _, worker = await overridden(node)
    write_score(worker, OTHER + 77)
    await after_settling(node)
    assert read_score(worker) == OTHER
    for score in (OTHER - 50, OTHER - 40):
        node.put(policy(rule=ruled(score)))
        await node.scores.step()
        assert read_score(worker) == score
    node.put()
    await node.scores.step()
    assert read_score(worker) == OTHER + 77
