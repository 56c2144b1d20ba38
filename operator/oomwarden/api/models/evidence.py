"""OOMKill's `evidence`: what a record can be verified against."""

from typing import Annotated

from pydantic import ConfigDict, Field

from oomwarden.api.models.base import Extra, Model, rule, validations

ID: Extra = {"pattern": r"^[-A-Za-z0-9_.:]+$"}
"""For UIDs and boot IDs, which JSON never escapes to a longer text."""


class ContainerShare(Model):
    """One container's share of the range in a record that merges several containers of one name."""

    id: str = Field(
        description="The runtime's ID of the container, 64 hexadecimal digits.",
        max_length=64,
        json_schema_extra={"pattern": r"^[0-9a-f]+$"},
    )
    increments: int = Field(ge=1, description="How many increments of the range belong to it.")
    kills: int = Field(ge=1, description="How many of the record's kills belong to it.")


class Evidence(Model):
    """The range `from..to` of the kernel's oom_kill counter that this record covers."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "self.to > self.from",
                "evidence.to must be greater than evidence.from: a record covers a kill",
            )
        )
    )

    boot_id: str = Field(
        alias="bootID",
        description="The node's boot ID (/proc/sys/kernel/random/boot_id).",
        max_length=64,
        json_schema_extra=ID,
    )
    cgroup: int = Field(description="Inode number of the cgroup directory whose counter it is.")
    level: str = Field(
        description=(
            "Level of that cgroup: Pod; QoS or Kubepods if the pod's cgroup was removed before "
            "it could be read."
        ),
        json_schema_extra={"enum": ["Container", "Pod", "QoS", "Kubepods"]},
    )
    epoch: int = Field(
        0, description="How many times the counter was seen to decrease, which starts a new range."
    )
    start: int = Field(
        alias="from", description="The cgroup's oom_kill counter before the kills (a number)."
    )
    end: int = Field(
        alias="to",
        description="The cgroup's oom_kill counter after the kills (a number). The next record "
        "of the same bootID, cgroup and epoch begins here.",
    )
    sources: tuple[Annotated[str, Field(max_length=32)], ...] = Field(
        ("Counters",),
        description="What the record is based on: Counters (memory.events), KernelLog.",
        max_length=4,
    )
    containers: tuple[ContainerShare, ...] = Field(
        (),
        description=(
            "In a record that merges kills of a container that restarted in between: the share "
            "of each container, the newest last, 8 at most. Absent: all kills are of "
            "container.id, or it is not known."
        ),
        max_length=8,
    )
