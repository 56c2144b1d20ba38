"""Why a policy is not in force, in the words of its status."""

from msgspec import Struct


class Remark(Struct, frozen=True):
    """Why a policy is not in force, or not completely.

    Attributes:
        reason: A CamelCase word for programs.
        message: A sentence for people.
    """

    reason: str
    message: str


Remarks = tuple[Remark, ...]


class AspectStatus(Struct, frozen=True):
    """The status of something that a rule asks for besides scores.

    Attributes:
        in_force: Whether it is in force; None if the rule does not ask for it.
        remarks: Why it is not.
    """

    in_force: bool | None = None
    remarks: tuple[Remark, ...] = ()
