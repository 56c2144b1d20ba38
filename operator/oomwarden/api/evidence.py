"""OOMKill's `evidence`: what anyone can check the record against."""

from typing import Annotated

from pydantic import ConfigDict, Field

from oomwarden.api.base import Extra, Model, rule, validations

ID: Extra = {"pattern": r"^[-A-Za-z0-9_.:]+$"}
"""Of a UID or a boot: no character that JSON escapes makes it longer."""


class ContainerShare(Model):
    """What one container has of the range of a record that merges several of one name."""

    id: str = Field(
        description="The runtime's id of the container, 64 hexadecimal digits.",
        max_length=64,
        json_schema_extra={"pattern": r"^[0-9a-f]+$"},
    )
    increments: int = Field(ge=1, description="How many increments of the range are its own.")
    kills: int = Field(ge=1, description="How many of the record's kills are its own.")


class Evidence(Model):
    """The range `start..end` of the kernel's own oom_kill counter that this record covers."""

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
        description="The node's boot (/proc/sys/kernel/random/boot_id).",
        max_length=64,
        json_schema_extra=ID,
    )
    cgroup: int = Field(description="Inode number of the cgroup directory that counted.")
    level: str = Field(
        description="Whose cgroup that is: Pod; QoS or Kubepods when the pod had gone unread.",
        json_schema_extra={"enum": ["Container", "Pod", "QoS", "Kubepods"]},
    )
    epoch: int = Field(
        0, description="How many times the counter was seen to fall; it starts anew after each."
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
        description="What the record was made from: Counters (memory.events), KernelLog.",
        max_length=4,
    )
    containers: tuple[ContainerShare, ...] = Field(
        (),
        description="In a record that merges kills of a container that was restarted in between: "
        "what each of them has of the range, the newest last, 8 at most. Absent: all of it is of "
        "container.id, or nobody knows.",
        max_length=8,
    )
