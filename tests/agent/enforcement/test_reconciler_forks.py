"""A fork that outlasts a scan: it has its parent's score, and is listed later."""

import pytest

from tests.support.enforcing import (
    GIVEN,
    OTHER,
    TARGET,
    Node,
    after_settling,
    policy,
    read_score,
    server,
)


@pytest.mark.parametrize("change", [None, OTHER])
async def test_a_fork_that_ends_after_its_parent_was_changed_is_changed_too(
    node: Node, change: int | None
) -> None:
    """It took its parent's score at its beginning, and copies gigabytes until it is listed."""
    app, _ = server(node)
    node.put(policy())
    await node.scores.step()
    node.put(*[policy(score=change)] if change else [])
    await node.scores.step()
    while node.changed.is_set():
        await node.scores.step()
    late = node.spawn(app.cgroup.path, TARGET)
    await after_settling(node)
    assert read_score(late) == (change or GIVEN)
