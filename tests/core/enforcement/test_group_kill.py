from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.group_kill import (
    GroupKillSpec,
    GroupKillState,
    group_kill_status,
    observed_remarks,
    write_failed,
)
from oomwarden.core.model.mode import EnforcementMode

WISHES = st.builds(
    GroupKillSpec,
    st.sampled_from([None, True, False]),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(EnforcementMode)),
)
SINGLY = GroupKillSpec(group_kill=False, has_process_rules=True, mode=EnforcementMode.ENFORCE)


def reasons(spec: GroupKillSpec, state: GroupKillState | None, *, writes: bool = True) -> list[str]:
    return [remark.reason for remark in group_kill_status(spec, state, writes=writes).remarks]


def test_the_first_value_is_kept_as_the_baseline() -> None:
    state = GroupKillState(current=True).observe(now=True, spec=SINGLY, young=False)
    assert (state.baseline, state.value_to_write(SINGLY)) == (True, False)
    cached = state.observe(now=False, spec=SINGLY, young=False)
    assert (cached.baseline, cached.value_to_write(SINGLY)) == (True, None)
    drifted = GroupKillState(current=False, baseline=False).observe(
        now=True, spec=SINGLY, young=False
    )
    assert (drifted.baseline, drifted.value_to_write(SINGLY)) == (False, False)


def test_in_a_young_container_the_runtime_may_write_after_oomwarden() -> None:
    early = GroupKillState(current=False).observe(now=False, spec=SINGLY, young=True)
    assert early.baseline is False
    late = early.observe(now=True, spec=SINGLY, young=True)
    assert late.baseline is True
    assert late.observe(now=False, spec=SINGLY, young=True).baseline is True


def test_without_a_policy_or_with_release_the_baseline_is_restored() -> None:
    for spec in (
        GroupKillSpec(mode=EnforcementMode.ENFORCE),
        GroupKillSpec(group_kill=False, mode=EnforcementMode.RELEASE),
    ):
        assert GroupKillState(current=False, baseline=True).value_to_write(spec) is True
        assert GroupKillState(current=True, baseline=True).is_restored(spec)


def test_pause_writes_nothing_and_forgets_nothing() -> None:
    for mode in (EnforcementMode.PAUSE, None):
        for spec in (GroupKillSpec(mode=mode), GroupKillSpec(group_kill=False, mode=mode)):
            assert GroupKillState(current=True, baseline=False).value_to_write(spec) is None
            assert not GroupKillState(current=True, baseline=True).is_restored(spec)


def test_process_scores_are_reported_as_ineffective_under_group_kill() -> None:
    rules = GroupKillSpec(has_process_rules=True, mode=EnforcementMode.ENFORCE)
    reported = group_kill_status(rules, GroupKillState(current=True), writes=False)
    assert (reported.in_force, [each.reason for each in reported.remarks]) == (
        None,
        ["Ineffective"],
    )
    assert "memory.groupKill: false" in reported.remarks[0].message
    assert "agent.cgroupWrites=true" in reported.remarks[0].message
    assert reasons(rules, GroupKillState(current=False)) == []
    assert reasons(GroupKillSpec(mode=EnforcementMode.ENFORCE), GroupKillState(current=True)) == []


def test_an_observer_reports_what_would_be_and_not_what_is() -> None:
    def reported(spec: GroupKillSpec, *, writes: bool) -> list[str]:
        return [
            remark.reason
            for remark in observed_remarks(spec, GroupKillState(current=True), writes=writes)
        ]

    assert reported(SINGLY, writes=True) == []
    assert reported(SINGLY, writes=False) == ["CgroupWritesOff", "Ineffective"]
    assert reported(GroupKillSpec(group_kill=True), writes=False) == []
    assert reported(GroupKillSpec(has_process_rules=True), writes=True) == ["Ineffective"]
    assert observed_remarks(SINGLY, None, writes=False) == ()


def test_without_write_access_the_chart_value_is_named() -> None:
    reported = group_kill_status(SINGLY, GroupKillState(current=True), writes=False)
    assert reported.in_force is False
    assert [each.reason for each in reported.remarks] == ["CgroupWritesOff", "Ineffective"]
    assert "agent.cgroupWrites=true" in reported.remarks[0].message
    assert group_kill_status(SINGLY, GroupKillState(current=False), writes=False).in_force is True


def test_a_group_kill_is_in_force_if_the_file_has_the_value() -> None:
    assert (
        group_kill_status(
            SINGLY, GroupKillState(current=False, baseline=True), writes=True
        ).in_force
        is True
    )
    assert group_kill_status(SINGLY, None, writes=True).in_force is False
    assert (
        group_kill_status(GroupKillSpec(mode=EnforcementMode.ENFORCE), None, writes=True).in_force
        is None
    )
    released = GroupKillSpec(group_kill=False, mode=EnforcementMode.RELEASE)
    assert group_kill_status(released, GroupKillState(current=False), writes=True).in_force is False


def test_a_failed_write_is_reported() -> None:
    state = GroupKillState(
        current=True, baseline=True, problem=write_failed(OSError(30, "Read-only file system"))
    )
    assert reasons(SINGLY, state) == ["Failed", "Ineffective"]
    assert (
        "Read-only file system" in group_kill_status(SINGLY, state, writes=True).remarks[0].message
    )


@given(spec=WISHES, now=st.booleans(), found=st.sampled_from([None, True, False]))
def test_only_the_desired_value_or_the_baseline_is_ever_written(
    spec: GroupKillSpec, *, now: bool, found: bool | None
) -> None:
    state = GroupKillState(now, found)
    assert state.value_to_write(spec) in {None, spec.desired, found} - {now}


def test_a_value_of_oomwarden_is_not_mistaken_for_the_runtimes_when_the_policy_changes() -> None:
    wrote = GroupKillState(current=False, baseline=True)
    turned = GroupKillSpec(group_kill=True, mode=EnforcementMode.ENFORCE)
    assert wrote.observe(now=False, spec=turned, young=True, left=False).baseline is True
    assert wrote.observe(now=True, spec=SINGLY, young=True, left=False).baseline is True
    assert (
        GroupKillState(current=False, baseline=False)
        .observe(now=True, spec=SINGLY, young=True, left=False)
        .baseline
    )
