"""Names that may stand in a command which people paste.

An owner's kind and name are any text (kubernetes apimachinery pkg/api/validation/objectmeta.go,
validateOwnerReference, v1.37), so a shell could be given anything under the name of a Deployment.
"""

import re

from oomwarden.api.oomkill import Owner

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
"""DNS-1123, of which Kubernetes makes the names of workloads and containers."""
_TEMPLATES = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}
"""Kinds whose template `kubectl set resources` can change."""
_SHOWN = 63
_ACTIVE = re.compile(r"[^A-Za-z0-9 ._:/-]")
"""What may mean something to a shell, or is no ASCII."""


def is_object_name(text: str | None) -> bool:
    """Whether an object of Kubernetes can have this name: then it means nothing to a shell."""
    return text is not None and _SUBDOMAIN.match(text) is not None


def has_template(owner: Owner | None) -> bool:
    """Whether an owner can be named in a command that changes its template."""
    return owner is not None and owner.kind in _TEMPLATES and is_object_name(owner.name)


def in_words(owner: Owner) -> str:
    """Name an owner for people: as it is where it is a name, else quoted, cut and without signs."""
    known = owner.kind.isascii() and owner.kind.isalnum() and is_object_name(owner.name)
    if known:
        return f"{owner.kind} {owner.name}"
    kind, name = (_ACTIVE.sub("?", part[:_SHOWN]) for part in (owner.kind, owner.name))
    return f'the owner that calls itself "{kind} {name}"'
