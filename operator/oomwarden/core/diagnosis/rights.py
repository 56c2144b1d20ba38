"""The rights that each sub-command needs, and which of them the user lacks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oomwarden.api.base import GROUP
from oomwarden.core.diagnosis.check import Check, Group, Result


class Right(NamedTuple):
    """A right in the words of RBAC.

    Attributes:
        verb: Such as list.
        group: The API group; empty for the core group.
        resource: The plural, with a subresource after a slash.
        namespaced: Whether it is needed in the namespace that is looked at.
    """

    verb: str
    group: str
    resource: str
    namespaced: bool = True

    def words(self, namespace: str) -> str:
        """Return the right for people: list oomkills.oomwarden.io in namespace shop."""
        plural, slash, sub = self.resource.partition("/")
        title = f"{plural}.{self.group}" if self.group else plural
        place = f" in namespace {namespace}" if self.namespaced else ""
        return f"{self.verb} {title}{slash}{sub}{place}"


RIGHTS: Mapping[str, Sequence[Right]] = {
    "why": (Right("list", GROUP, "oomkills"),),
    "kills": (Right("list", GROUP, "oomkills"),),
    "nodes": (Right("list", GROUP, "oomnodes", namespaced=False),),
}
"""What a sub-command cannot do without; the table in docs/kubectl-oom.md says what more helps."""


def rights_checks(lacking: Mapping[str, Sequence[Right]], namespace: str) -> list[Check]:
    """Return a check for each sub-command.

    Args:
        lacking: The rights that the user lacks, by sub-command; all commands that were checked.
        namespace: The namespace for which they were checked.
    """
    return [_check(command, missing, namespace) for command, missing in lacking.items()]


def _check(command: str, missing: Sequence[Right], namespace: str) -> Check:
    name = f"kubectl oom {command}"
    if not missing:
        needed = ", ".join(each.words(namespace) for each in RIGHTS[command])
        return Check(Group.RIGHTS, name, Result.OK, f"you may {needed}")
    text = " and ".join(each.words(namespace) for each in missing)
    return Check(
        Group.RIGHTS, name, Result.WARN, f"you may not {text}", "ask an administrator for it"
    )
