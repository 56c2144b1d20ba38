"""The ranking of a node, asked of its agent.

The way is the API server's port-forwarding, to the loopback of the agent's pod. Inside is TLS with
the certificate that the agent has published in its OOMNode, and a token that is good for this
node's ranking and for nothing else: the user's own credentials never reach an agent.
"""

import hashlib
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from oomwarden.api.vocabulary import RANK_ACCOUNT, rank_audience
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.resources import OOM_NODES, PODS, SERVICE_ACCOUNTS
from oomwarden.cli.errors import CliError
from oomwarden.core.history.kill_record import number_at, text_at
from oomwarden.core.objects.json_parts import Manifest, object_at

TOKEN_SECONDS = 600
"""The shortest life of a token that the API server accepts."""
ANSWER_SECONDS = 15.0
MAX_ANSWER_BYTES = 4 << 20
_READ_SIZE = 65536


@dataclass(frozen=True, slots=True)
class RankAccount:
    """The ServiceAccount whose token is asked for.

    Attributes:
        namespace: None for that of the agents.
    """

    name: str = RANK_ACCOUNT
    namespace: str | None = None


class _MovedError(CliError):
    """The agent is not where its OOMNode said: it may have been restarted in between."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an agent answers, as its OOMNode says."""

    node: str
    namespace: str
    pod: str
    port: int
    certificate: str


def ask_agent(cluster: Cluster, node: str, account: RankAccount, **query: str) -> Manifest:
    """Return the ranking of a node or, with a namespace and a pod, of one of its pods.

    Raises:
        NotFoundError: There is no such node, or it has no such pod.
        ForbiddenError: A right is missing.
        CliError: The agent does not answer, or is not to be trusted.
    """
    place = _find(cluster, node)
    try:
        return _ask(cluster, place, account, query)
    except _MovedError:
        again = _find(cluster, node)
        if again == place:
            raise
        return _ask(cluster, again, account, query)


def _find(cluster: Cluster, node: str) -> _Place:
    manifest = cluster.get(OOM_NODES, None, node)
    status = object_at(manifest, "status")
    rank = object_at(status, "rank")
    namespace, pod, port = text_at(rank, "namespace"), text_at(rank, "pod"), number_at(rank, "port")
    certificate = text_at(rank, "certificate")
    if not (namespace and pod and port and certificate):
        version = text_at(object_at(status, "agent"), "version") or "unknown"
        raise CliError(
            f"the agent of node {node} (version {version}) does not rank processes: it is an older "
            "version, or agent.rank.enabled of the chart is false, or its log says why"
        )
    return _Place(node, namespace, pod, port, certificate)


def _ask(
    cluster: Cluster, place: _Place, account: RankAccount, query: Mapping[str, str]
) -> Manifest:
    _check_node(cluster, place)
    token = _token(cluster, place, account)
    raw, reason = cluster.connection.forward(
        PODS.path(place.namespace, place.pod, "portforward"),
        place.port,
        f"get and create pods/portforward in namespace {place.namespace}",
    )
    raw.settimeout(ANSWER_SECONDS)
    try:
        with raw, _secured(raw, place) as connection:
            connection.sendall(_request(place, token, query))
            answer = _read(connection)
    except (OSError, ssl.SSLError) as error:
        why = reason() or ("no answer in time" if isinstance(error, TimeoutError) else error)
        raise _MovedError(
            f"the agent of node {place.node} does not answer on port {place.port} of pod "
            f"{place.namespace}/{place.pod}: {why}"
        ) from error
    return _content(answer, place, account, query)


def _check_node(cluster: Cluster, place: _Place) -> None:
    """Refuse to follow an OOMNode to a pod of another node."""
    try:
        pod = cluster.get(PODS, place.namespace, place.pod)
    except NotFoundError as error:
        raise _MovedError(
            f"the agent of node {place.node} is being replaced (pod {place.namespace}/{place.pod} "
            "is gone); run the command again in a moment"
        ) from error
    if object_at(pod, "spec").get("nodeName") != place.node:
        raise CliError(
            f"OOMNode {place.node} names pod {place.namespace}/{place.pod}, which is not on that "
            "node: do not trust this node's agent before you know why"
        )


def _token(cluster: Cluster, place: _Place, account: RankAccount) -> str:
    namespace = account.namespace or place.namespace
    path = SERVICE_ACCOUNTS.path(namespace, account.name, "token")
    right = f"create serviceaccounts/token of {account.name} in namespace {namespace}"
    spec = {"audiences": [rank_audience(place.node)], "expirationSeconds": TOKEN_SECONDS}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = cluster.request("POST", path, right, body, "application/json")
    token = text_at(object_at(answer, "status"), "token")
    if not token:
        raise CliError("the API server has issued no token for the ranking; run the command again")
    return token


def _secured(raw: socket.socket, place: _Place) -> ssl.SSLSocket:
    """Return a connection to the holder of the key of the published certificate.

    No authority has signed it, and no name is in it: the fingerprint is what is verified.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = context.wrap_socket(raw)
    shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    if f"sha256:{shown}" != place.certificate:
        connection.close()
        raise _MovedError(
            f"what answers as the agent of node {place.node} shows another certificate than the "
            "one in its OOMNode: the agent has just been restarted (run the command again in a "
            "moment), or something else answers in its place"
        )
    return connection


def _request(place: _Place, token: str, query: Mapping[str, str]) -> bytes:
    target = "/rank" + (f"?{urlencode(query)}" if query else "")
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {place.pod}",
        f"Authorization: Bearer {token}",
        "Connection: close",
    ]
    return "\r\n".join((*lines, "", "")).encode()


def _read(connection: ssl.SSLSocket) -> bytes:
    pieces, size = [], 0
    while piece := connection.recv(_READ_SIZE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise OSError("its answer is too large")
    return b"".join(pieces)


def _content(
    answer: bytes, place: _Place, account: RankAccount, query: Mapping[str, str]
) -> Manifest:
    """Return the ranking in an answer.

    Raises:
        CliError: The agent refuses, or answers with something else.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if status != HTTPStatus.OK:
        raise _refusal(status, body, place, account, query)
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CliError(f"the agent of node {place.node} answers with something else than a ranking")
    return found


def _refusal(
    status: int, body: bytes, place: _Place, account: RankAccount, query: Mapping[str, str]
) -> CliError:
    said = body[:300].decode(errors="replace").strip() or "no reason"
    if status == HTTPStatus.NOT_FOUND and "pod" in query:
        return NotFoundError(
            f"pod {query['namespace']}/{query['pod']} has no running container on node {place.node}"
        )
    if status == HTTPStatus.FORBIDDEN:
        namespace = account.namespace or place.namespace
        return ForbiddenError(
            f"ServiceAccount {namespace}/{account.name} may not get oomnodes/rank of node "
            f"{place.node}; ask an administrator for that right"
        )
    return CliError(f"the agent of node {place.node} answers {status}: {said}")
