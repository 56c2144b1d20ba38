"""Whether a container dies as a whole: what is asked, what is to be written, what is to be told."""

from dataclasses import dataclass, replace

from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.remark import AspectStatus, Remark

INEFFECTIVE = Remark(
    "Ineffective",
    "The kernel kills this container as a whole (memory.oom.group is 1, which the kubelet sets), "
    "so scores of single processes in it change nothing: set memory.groupKill: false in this rule, "
    "which needs agent.cgroupWrites=true in the chart's values, or set singleProcessOOMKill: true "
    "in the kubelet's configuration.",
)
NOT_SAVED = Remark(
    "NotSaved",
    "What memory.oom.group was could not be saved, so it was not changed: see the disk of the "
    "agent's state directory.",
)


@dataclass(frozen=True, slots=True)
class GroupKillSpec:
    """What a container's winner says; `together` None: nothing of group kills.

    `by_process`: it has scores for single processes. `switch` None: not known yet. `observed`: a
    policy that only observes says something of either.
    """

    together: bool | None = None
    by_process: bool = False
    switch: EnforcementMode | None = None
    observed: bool = False

    @property
    def concerns(self) -> bool:
        """Whether the file is to be read at all."""
        return self.together is not None or self.by_process or self.observed

    @property
    def asked(self) -> bool | None:
        """Give what is to be held now; None: what was found is to be put back."""
        return self.together if self.switch is EnforcementMode.ENFORCE else None


@dataclass(frozen=True, slots=True)
class GroupKillState:
    """What is known of one container's file: as it was read, and as it was before our first write.

    `found` None: nothing of ours was ever to be written. `trouble` keeps the wish from being held.
    """

    now: bool
    found: bool | None = None
    trouble: Remark | None = None

    def seen(
        self, wish: GroupKillSpec, *, now: bool, young: bool, left: bool | None = None
    ) -> "GroupKillState":
        """Take what was read; `left` is what stood there after the last look.

        The runtime writes the file some time after the container's cgroup has appeared, maybe
        after we have: in a young container what is not ours is what the runtime gave.
        """
        if wish.asked is None:
            return replace(self, now=now, trouble=None)
        first = self.found is None or (young and now not in {wish.asked, left})
        return replace(self, now=now, trouble=None, found=now if first else self.found)

    def to_write(self, wish: GroupKillSpec) -> bool | None:
        """Give what to write; None: nothing."""
        if wish.switch in {None, EnforcementMode.PAUSE}:
            return None
        aim = self.found if wish.asked is None else wish.asked
        return None if aim == self.now else aim

    def is_over(self, wish: GroupKillSpec) -> bool:
        """Whether what was found is back, and need not be remembered."""
        put_back = (
            wish.switch in {EnforcementMode.ENFORCE, EnforcementMode.RELEASE} and wish.asked is None
        )
        return put_back and self.found in {None, self.now}


def group_kill_status(
    wish: GroupKillSpec, state: GroupKillState | None, *, writes: bool
) -> AspectStatus:
    """Tell what became of a wish; `writes`: the agents may write to cgroups."""
    if state is None:
        return AspectStatus(None if wish.together is None else False)
    held = None if wish.together is None else wish.together == state.now
    remarks = [state.trouble] if state.trouble else []
    if held is False and not writes:
        remarks.append(_writes_off(str(wish.together).lower()))
    if wish.by_process and state.now:
        remarks.append(INEFFECTIVE)
    in_force = held and wish.switch in {EnforcementMode.ENFORCE, EnforcementMode.PAUSE}
    return AspectStatus(in_force, tuple(remarks))


def planned(
    wish: GroupKillSpec, state: GroupKillState | None, *, writes: bool
) -> tuple[Remark, ...]:
    """Tell what would stand in the way of a wish of a policy that only observes."""
    if state is None:
        return ()
    if wish.together not in {None, state.now}:
        if not writes:
            return group_kill_status(wish, state, writes=False).remarks
        state = replace(state, now=not state.now)
    return group_kill_status(wish, replace(state, trouble=None), writes=writes).remarks


def _writes_off(asked: str) -> Remark:
    return Remark(
        "CgroupWritesOff",
        f"memory.groupKill: {asked} is not in force, because the agents may not write to cgroups: "
        "set agent.cgroupWrites=true in the chart's values.",
    )


def failed(error: OSError) -> Remark:
    """Tell why the file could not be written."""
    return Remark(
        "Failed",
        f"memory.oom.group could not be written ({error.strerror}): see the condition CgroupWrites "
        "of the node's OOMNode.",
    )
