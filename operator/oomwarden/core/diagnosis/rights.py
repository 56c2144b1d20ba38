"""The rights that each sub-command needs, and which of them the user lacks."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from oomwarden.api.vocabulary import GROUP
from oomwarden.core.diagnosis.check import Check, Group, Result


class Place(Enum):
    """Where a right is needed."""

    NAMESPACE = "the namespace that is looked at"
    RELEASE = "the namespace of oomwarden"
    CLUSTER = "the cluster"


class Places(NamedTuple):
    """The namespaces that rights are checked for.

    Attributes:
        namespace: The one that is looked at.
        release: That of oomwarden.
    """

    namespace: str
    release: str

    def of(self, right: "Right") -> str | None:
        """Return the namespace in which a right is needed; None for the cluster's objects."""
        found = {Place.NAMESPACE: self.namespace, Place.RELEASE: self.release}
        return found.get(right.place)


class Right(NamedTuple):
    """A right in the words of RBAC.

    Attributes:
        verb: Such as list.
        group: The API group; empty for the core group.
        resource: The plural, with a subresource after a slash.
        place: Where it is needed.
    """

    verb: str
    group: str
    resource: str
    place: Place = Place.NAMESPACE

    def words(self, places: Places) -> str:
        """Return the right for people: list oomkills.oomwarden.io in namespace shop."""
        plural, slash, sub = self.resource.partition("/")
        title = f"{plural}.{self.group}" if self.group else plural
        namespace = places.of(self)
        place = f" in namespace {namespace}" if namespace else ""
        return f"{self.verb} {title}{slash}{sub}{place}"


RIGHTS: Mapping[str, Sequence[Right]] = {
    "why": (Right("list", GROUP, "oomkills"),),
    "kills": (Right("list", GROUP, "oomkills"),),
    "report": (Right("list", GROUP, "oomkills"),),
    "rank": (
        Right("get", GROUP, "oomnodes", Place.CLUSTER),
        Right("create", "", "pods/portforward", Place.RELEASE),
        Right("create", "", "serviceaccounts/token", Place.RELEASE),
    ),
    "nodes": (Right("list", GROUP, "oomnodes", Place.CLUSTER),),
    "plan": (Right("list", "", "pods"),),
    "test": (
        Right("create", "", "pods"),
        Right("delete", "", "pods"),
        Right("list", GROUP, "oomkills"),
    ),
}
"""What a sub-command cannot do without; the table in docs/kubectl-oom.md says what more helps."""


def rights_checks(lacking: Mapping[str, Sequence[Right]], places: Places) -> list[Check]:
    """Return a check for each sub-command.

    Args:
        lacking: The rights that the user lacks, by sub-command; all commands that were checked.
        places: The namespaces for which they were checked.
    """
    return [_check(command, missing, places) for command, missing in lacking.items()]


def _check(command: str, missing: Sequence[Right], places: Places) -> Check:
    name = f"kubectl oom {command}"
    if not missing:
        needed = ", ".join(each.words(places) for each in RIGHTS[command])
        return Check(Group.RIGHTS, name, Result.OK, f"you may {needed}")
    text = " and ".join(each.words(places) for each in missing)
    return Check(
        Group.RIGHTS, name, Result.WARN, f"you may not {text}", "ask an administrator for it"
    )
