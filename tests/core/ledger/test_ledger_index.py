"""What the ledger finds without a walk over all accounts."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level


def cgroup(inode: int, name: str = "") -> Cgroup:
    return Cgroup(inode, f"/{inode}{name}", Level.POD)


OPENED = st.tuples(st.integers(1, 9), st.none() | st.integers(1, 9), st.sampled_from(["", "new"]))


@given(st.lists(OPENED | st.integers(1, 9)))
def test_the_children_are_those_accounts_whose_parent_it_is(
    steps: list[tuple[int, int | None, str] | int],
) -> None:
    ledger = Ledger()
    for step in steps:
        if isinstance(step, int):
            ledger.mark_gone(step)
            ledger.prune()
        elif step[1] is None or step[1] < step[0]:
            ledger.open(cgroup(step[0], step[2]), step[1])
    for parent in range(1, 10):
        expected = {i for i, each in ledger.accounts.items() if each.parent == parent}
        assert {each.cgroup.inode for each in ledger.children(parent)} == expected
        assert all(each is ledger.accounts[each.cgroup.inode] for each in ledger.children(parent))
    for inode in list(ledger.accounts):
        ledger.mark_gone(inode)
    ledger.prune()
    assert not any((ledger.accounts, ledger.above, ledger._below, ledger._gone, ledger._moved))


def test_the_version_rises_with_news_only() -> None:
    ledger, versions = Ledger(), [0]

    def has_risen() -> bool:
        versions.append(ledger.version)
        return versions[-1] > versions[-2]

    ledger.open(cgroup(1), None)
    assert has_risen()
    ledger.observe(Reading(1, KillCounters(oom=3)))
    assert has_risen()
    ledger.observe(Reading(1, KillCounters(oom=3)))
    assert not has_risen()
    ledger.discard_idle_oom()
    ledger.discard_idle_oom()
    assert has_risen()
    ledger.discard_idle_oom()
    assert not has_risen()
    ledger.observe(Reading(1, KillCounters(oom=4, oom_kill=1)))
    assert has_risen()
    ledger.settle_pod(1)
    assert has_risen()
    ledger.mark_gone(1)
    assert ledger.prune() == [1]
    assert has_risen()
