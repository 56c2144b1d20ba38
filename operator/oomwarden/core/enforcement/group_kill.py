"""Whether a container is killed as a whole: what to write, and what to report."""

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.remark import AspectStatus, Remark

INEFFECTIVE = Remark(
    "Ineffective",
    "The kernel kills this container as a whole (memory.oom.group is 1, which the kubelet "
    "sets), so scores of single processes in it have no effect: set memory.groupKill: false in "
    "this rule, which needs agent.cgroupWrites=true in the chart's values, or set "
    "singleProcessOOMKill: true in the kubelet's configuration.",
)
NOT_SAVED = Remark(
    "NotSaved",
    "The original value of memory.oom.group could not be saved, so it was not changed: check "
    "the disk of the agent's state directory.",
)


class GroupKillSpec(Struct, frozen=True):
    """What the policies of a container say about group kills.

    Attributes:
        group_kill: memory.groupKill of the governing policy; None if it does not set it.
        has_process_rules: It sets scores for single processes.
        mode: The cluster's mode; None if it is not known yet.
        has_observers: An observing policy sets either of them.
    """

    group_kill: bool | None = None
    has_process_rules: bool = False
    mode: EnforcementMode | None = None
    has_observers: bool = False

    @property
    def is_relevant(self) -> bool:
        """Return whether the file must be read at all."""
        return self.group_kill is not None or self.has_process_rules or self.has_observers

    @property
    def desired(self) -> bool | None:
        """Return the value that should be in effect; None to restore the baseline."""
        return self.group_kill if self.mode is EnforcementMode.ENFORCE else None


class GroupKillState(Struct, frozen=True):
    """What is known of the file of one container.

    Attributes:
        current: The value that was read last.
        baseline: The value before oomwarden first wrote it; None if it never had to.
        problem: Why the desired value is not in effect.
    """

    current: bool
    baseline: bool | None = None
    problem: Remark | None = None

    def observe(
        self, spec: GroupKillSpec, *, now: bool, young: bool, left: bool | None = None
    ) -> "GroupKillState":
        """Return the state after a reading.

        The runtime writes the file some time after it has created the container's cgroup, perhaps
        after oomwarden has. So in a young container any other value is the runtime's, and the new
        baseline.

        Args:
            spec: What the policies say.
            now: The value that was read.
            young: The container started recently.
            left: The value after the last reading or write.
        """
        if spec.desired is None:
            return replace(self, current=now, problem=None)
        first = self.baseline is None or (young and now not in {spec.desired, left})
        return replace(self, current=now, problem=None, baseline=now if first else self.baseline)

    def value_to_write(self, spec: GroupKillSpec) -> bool | None:
        """Return the value to write; None for no write."""
        if spec.mode in {None, EnforcementMode.PAUSE}:
            return None
        value = self.baseline if spec.desired is None else spec.desired
        return None if value == self.current else value

    def is_restored(self, spec: GroupKillSpec) -> bool:
        """Return whether the baseline is restored, so that the store can forget it."""
        restores = (
            spec.mode in {EnforcementMode.ENFORCE, EnforcementMode.RELEASE} and spec.desired is None
        )
        return restores and self.baseline in {None, self.current}


def group_kill_status(
    spec: GroupKillSpec, state: GroupKillState | None, *, writes: bool
) -> AspectStatus:
    """Return the status of memory.groupKill.

    Args:
        spec: What the policies say.
        state: What is known of the file; None if it was not read.
        writes: Whether agents may write to cgroups.
    """
    if state is None:
        return AspectStatus(None if spec.group_kill is None else False)
    in_effect = None if spec.group_kill is None else spec.group_kill == state.current
    remarks = [state.problem] if state.problem else []
    if in_effect is False and not writes:
        remarks.append(_writes_off(str(spec.group_kill).lower()))
    if spec.has_process_rules and state.current:
        remarks.append(INEFFECTIVE)
    in_force = in_effect and spec.mode in {EnforcementMode.ENFORCE, EnforcementMode.PAUSE}
    return AspectStatus(in_force, tuple(remarks))


def observed_remarks(
    spec: GroupKillSpec, state: GroupKillState | None, *, writes: bool
) -> tuple[Remark, ...]:
    """Return what would keep an observing policy's group kill from being in force."""
    if state is None:
        return ()
    if spec.group_kill not in {None, state.current}:
        if not writes:
            return group_kill_status(spec, state, writes=False).remarks
        state = replace(state, current=not state.current)
    return group_kill_status(spec, replace(state, problem=None), writes=writes).remarks


def _writes_off(asked: str) -> Remark:
    return Remark(
        "CgroupWritesOff",
        f"memory.groupKill: {asked} is not in force, because the agents may not write to cgroups: "
        "set agent.cgroupWrites=true in the chart's values.",
    )


def write_failed(error: OSError) -> Remark:
    """Explain why the file could not be written."""
    return Remark(
        "Failed",
        f"memory.oom.group could not be written ({error.strerror}): see the condition CgroupWrites "
        "of the node's OOMNode.",
    )
