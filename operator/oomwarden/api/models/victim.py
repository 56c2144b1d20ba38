"""OOMKill's `victims` and `numa`: what the kernel log reports of a kill."""

from pydantic import Field

from oomwarden.api.models.base import Extra, Model, Quantity
from oomwarden.api.vocabulary import MAX_COMM_LENGTH

_NODE_LIST: Extra = {"pattern": r"^[-0-9,]+$"}


class NumaReference(Model):
    """The NUMA nodes that a task may use ran out of memory."""

    constraint: str = Field(
        description="CONSTRAINT_CPUSET: its cpuset allows memsAllowed only. "
        "CONSTRAINT_MEMORY_POLICY: its own policy (mbind, numactl) allows nodemask only.",
        max_length=63,
        json_schema_extra={"pattern": r"^[A-Z_]+$"},
    )
    mems_allowed: str | None = Field(
        None,
        description="NUMA nodes that the allocating task's cpuset allows (0-1,3). Absent: unknown.",
        max_length=256,
        json_schema_extra=_NODE_LIST,
    )
    nodemask: str | None = Field(
        None,
        description=(
            "NUMA nodes to which a memory policy binds that task (0-1,3). Absent: none, or unknown."
        ),
        max_length=256,
        json_schema_extra=_NODE_LIST,
    )


class Victim(Model):
    """A killed process, from the kernel log."""

    pid: int = Field(description="Process id on the node.")
    command: str = Field(
        description=(
            "The process's comm: at most 15 bytes of the program's name, not the command line. "
            "Unprintable characters are escaped."
        ),
        max_length=MAX_COMM_LENGTH,
    )
    anon_rss: Quantity | None = Field(
        None, alias="anonRSS", description="Anonymous memory in RAM, in bytes (480Mi)."
    )
    file_rss: Quantity | None = Field(
        None, alias="fileRSS", description="Mapped files in RAM, in bytes (2Mi)."
    )
    shmem_rss: Quantity | None = Field(
        None, alias="shmemRSS", description="Shared memory and tmpfs in RAM, in bytes (16Mi)."
    )
    total_vm: Quantity | None = Field(
        None,
        alias="totalVM",
        description="Address space, in bytes (1Gi); it says little about RAM.",
    )
    page_tables: Quantity | None = Field(
        None, description="Page tables of the process, in bytes (1Mi)."
    )
    oom_score_adj: int | None = Field(
        None, description="oom_score_adj at the time of the kill, -1000..1000, without a unit."
    )
    uid: int | None = Field(None, description="User id of the process on the node.")
