"""Policies with faults, and the API server's sentences on them as recorded from one."""

import json
import re
from pathlib import Path
from typing import Any

from kubernetes import client

from e2e.world import GROUP, VERSION

CORPUS = Path(__file__).parent.parent / "tests/core/policy_check/bad"
SENTENCES = CORPUS / "sentences.json"
_SEPARATOR = re.compile(r"^---\n", re.MULTILINE)
_STRICT = "strict decoding error: "
_FIELD = re.compile(r'(?:unknown|duplicate) field "[^"]*"')


def names() -> list[str]:
    """Return the names of the files, each about one subject."""
    return sorted(path.name for path in CORPUS.iterdir() if path != SENTENCES)


def texts(name: str) -> list[str]:
    """Return the documents of a file."""
    return _SEPARATOR.split((CORPUS / name).read_text())


def recorded(name: str) -> list[list[str]]:
    """Return the sorted sentences on each document of a file; none on a valid one."""
    found: list[list[str]] = json.loads(SENTENCES.read_text())[name]
    return found


def answers(api: client.ApiClient, namespace: str, name: str) -> list[list[str]]:
    """Return the API server's sorted sentences on each document of a file."""
    kind = "json" if name.endswith(".json") else "yaml"
    return [_answer(api, namespace, each, kind) for each in texts(name)]


def _answer(api: client.ApiClient, namespace: str, text: str, kind: str) -> list[str]:
    """Post a document as it is: as a dry run, and strictly as kubectl does."""
    is_cluster = "ClusterOOMPolicy" in text
    where = "clusteroompolicies" if is_cluster else f"namespaces/{namespace}/oompolicies"
    path = f"/apis/{GROUP}/{VERSION}/{where}?dryRun=All&fieldValidation=Strict"
    headers = {"Content-Type": f"application/{kind}", "Accept": "application/json"}
    request = api.param_serialize(
        "POST", path, header_params=headers, auth_settings=["BearerToken"]
    )
    body = re.sub(r'(namespace"?: ?"?)bad\b', rf"\g<1>{namespace}", text)
    pool = api.rest_client.pool_manager
    answer = pool.request("POST", request[1], headers=request[2], body=body.encode())
    return sentences(json.loads(answer.data))


def sentences(answer: dict[str, Any]) -> list[str]:
    """Split what the API server answers into its sentences, and sort them."""
    if answer["kind"] != "Status":
        return []
    message = str(answer["message"])
    if "denied request: " in message:
        return [message.split("denied request: ")[1]]
    if causes := (answer.get("details") or {}).get("causes"):
        return sorted(f"{each['field']}: {each['message']}" for each in causes)
    decoding = message.partition("cannot be handled as a ")[2].partition(": ")[2]
    if decoding.startswith(_STRICT):
        return sorted(f"{_STRICT}{each}" for each in _FIELD.findall(decoding))
    return [decoding or message]
