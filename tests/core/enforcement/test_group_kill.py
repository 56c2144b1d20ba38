from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.group_kill import (
    GroupKillSpec,
    GroupKillState,
    failed,
    group_kill_status,
    planned,
)
from oomwarden.core.model.mode import EnforcementMode

WISHES = st.builds(
    GroupKillSpec,
    st.sampled_from([None, True, False]),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(EnforcementMode)),
)
SINGLY = GroupKillSpec(together=False, by_process=True, switch=EnforcementMode.ENFORCE)


def reasons(wish: GroupKillSpec, state: GroupKillState | None, *, writes: bool = True) -> list[str]:
    return [remark.reason for remark in group_kill_status(wish, state, writes=writes).remarks]


def test_what_was_found_first_is_kept_whoever_writes_later() -> None:
    state = GroupKillState(now=True).seen(now=True, wish=SINGLY, young=False)
    assert (state.found, state.to_write(SINGLY)) == (True, False)
    held = state.seen(now=False, wish=SINGLY, young=False)
    assert (held.found, held.to_write(SINGLY)) == (True, None)
    drifted = GroupKillState(now=False, found=False).seen(now=True, wish=SINGLY, young=False)
    assert (drifted.found, drifted.to_write(SINGLY)) == (False, False)


def test_in_a_young_container_the_runtime_may_write_after_us() -> None:
    early = GroupKillState(now=False).seen(now=False, wish=SINGLY, young=True)
    assert early.found is False
    late = early.seen(now=True, wish=SINGLY, young=True)
    assert late.found is True
    assert late.seen(now=False, wish=SINGLY, young=True).found is True


def test_without_a_policy_or_with_release_what_was_found_goes_back() -> None:
    for wish in (
        GroupKillSpec(switch=EnforcementMode.ENFORCE),
        GroupKillSpec(together=False, switch=EnforcementMode.RELEASE),
    ):
        assert GroupKillState(now=False, found=True).to_write(wish) is True
        assert GroupKillState(now=True, found=True).is_over(wish)


def test_pause_writes_nothing_and_forgets_nothing() -> None:
    for switch in (EnforcementMode.PAUSE, None):
        for wish in (GroupKillSpec(switch=switch), GroupKillSpec(together=False, switch=switch)):
            assert GroupKillState(now=True, found=False).to_write(wish) is None
            assert not GroupKillState(now=True, found=True).is_over(wish)


def test_scores_of_processes_say_that_they_change_nothing_while_all_die_together() -> None:
    rules = GroupKillSpec(by_process=True, switch=EnforcementMode.ENFORCE)
    told = group_kill_status(rules, GroupKillState(now=True), writes=False)
    assert (told.in_force, [each.reason for each in told.remarks]) == (None, ["Ineffective"])
    assert "memory.groupKill: false" in told.remarks[0].message
    assert "agent.cgroupWrites=true" in told.remarks[0].message
    assert reasons(rules, GroupKillState(now=False)) == []
    assert reasons(GroupKillSpec(switch=EnforcementMode.ENFORCE), GroupKillState(now=True)) == []


def test_an_observer_hears_of_what_would_be_and_not_of_what_is() -> None:
    def told(wish: GroupKillSpec, *, writes: bool) -> list[str]:
        return [remark.reason for remark in planned(wish, GroupKillState(now=True), writes=writes)]

    assert told(SINGLY, writes=True) == []
    assert told(SINGLY, writes=False) == ["CgroupWritesOff", "Ineffective"]
    assert told(GroupKillSpec(together=True), writes=False) == []
    assert told(GroupKillSpec(by_process=True), writes=True) == ["Ineffective"]
    assert planned(SINGLY, None, writes=False) == ()


def test_without_the_right_to_write_it_names_the_chart_value() -> None:
    told = group_kill_status(SINGLY, GroupKillState(now=True), writes=False)
    assert told.in_force is False
    assert [each.reason for each in told.remarks] == ["CgroupWritesOff", "Ineffective"]
    assert "agent.cgroupWrites=true" in told.remarks[0].message
    assert group_kill_status(SINGLY, GroupKillState(now=False), writes=False).in_force is True


def test_it_is_in_force_when_the_file_says_so() -> None:
    assert (
        group_kill_status(SINGLY, GroupKillState(now=False, found=True), writes=True).in_force
        is True
    )
    assert group_kill_status(SINGLY, None, writes=True).in_force is False
    assert (
        group_kill_status(GroupKillSpec(switch=EnforcementMode.ENFORCE), None, writes=True).in_force
        is None
    )
    released = GroupKillSpec(together=False, switch=EnforcementMode.RELEASE)
    assert group_kill_status(released, GroupKillState(now=False), writes=True).in_force is False


def test_a_write_that_failed_is_told() -> None:
    state = GroupKillState(
        now=True, found=True, trouble=failed(OSError(30, "Read-only file system"))
    )
    assert reasons(SINGLY, state) == ["Failed", "Ineffective"]
    assert (
        "Read-only file system" in group_kill_status(SINGLY, state, writes=True).remarks[0].message
    )


@given(wish=WISHES, now=st.booleans(), found=st.sampled_from([None, True, False]))
def test_only_what_is_asked_or_was_found_is_ever_written(
    wish: GroupKillSpec, *, now: bool, found: bool | None
) -> None:
    state = GroupKillState(now, found)
    assert state.to_write(wish) in {None, wish.asked, found} - {now}


def test_our_own_value_is_not_taken_for_the_runtimes_when_the_policy_turns_round() -> None:
    wrote = GroupKillState(now=False, found=True)
    turned = GroupKillSpec(together=True, switch=EnforcementMode.ENFORCE)
    assert wrote.seen(now=False, wish=turned, young=True, left=False).found is True
    assert wrote.seen(now=True, wish=SINGLY, young=True, left=False).found is True
    assert (
        GroupKillState(now=False, found=False)
        .seen(now=True, wish=SINGLY, young=True, left=False)
        .found
    )
