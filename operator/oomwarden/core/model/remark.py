"""What keeps a policy from being in force, in the words that a status shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a policy is not, or not wholly, in force: a word for programs, a sentence for people."""

    reason: str
    message: str


Remarks = tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class AspectStatus:
    """What a rule asks beside scores, and whether that is in force; None: nothing is asked."""

    in_force: bool | None = None
    remarks: tuple[Remark, ...] = ()
