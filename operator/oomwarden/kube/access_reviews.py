"""Who a token belongs to, and what that user may do: TokenReview and SubjectAccessReview."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from oomwarden.core.objects.json_parts import object_at
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.resources import Resource

_TokenReview = Resource(
    "authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False
)
_SubjectAccessReview = Resource(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False
)
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
"""The key of a token's ID, which the API server's audit log has, too."""


class Authenticated(NamedTuple):
    """The user that a token belongs to, as the API server says."""

    name: str
    uid: str = ""
    groups: Sequence[str] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


class AccessTo(NamedTuple):
    """What a user wants to do, in the terms of RBAC."""

    verb: str
    group: str
    resource: str
    subresource: str
    name: str


async def authenticate(client: Client, token: str, audience: str) -> Authenticated | None:
    """Ask the API server whose token it is.

    Returns:
        None if the token is invalid, has expired, or is not for this audience.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    spec = {"token": token, "audiences": [audience]}
    review = await client.create(_TokenReview, {"spec": spec})
    status = object_at(review, "status")
    audiences = status.get("audiences")
    # An authenticator that does not know audiences returns none: such a token proves nothing.
    if status.get("authenticated") is not True or audience not in (audiences or []):
        return None
    user = object_at(status, "user")
    return Authenticated(
        str(user.get("username") or ""),
        str(user.get("uid") or ""),
        tuple(map(str, user.get("groups") or ())),
        {str(key): tuple(map(str, values)) for key, values in object_at(user, "extra").items()},
    )


async def is_allowed(client: Client, user: Authenticated, access: AccessTo) -> bool:
    """Ask the API server whether a user may do something.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    spec = {
        "user": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
        "resourceAttributes": {
            "verb": access.verb,
            "group": access.group,
            "resource": access.resource,
            "subresource": access.subresource,
            "name": access.name,
        },
    }
    review = await client.create(_SubjectAccessReview, {"spec": spec})
    status = object_at(review, "status")
    return status.get("allowed") is True and status.get("denied") is not True
