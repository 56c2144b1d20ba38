import json
from pathlib import Path

import pytest
from oomwarden.cli.cluster.errors import (
    ForbiddenError,
    NotFoundError,
    connection_error,
    from_response,
)

from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill

KILLS = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"


REFUSED = "HTTPSConnection(host='a', port=1): Failed to connect: [Errno 111] Connection refused"
UNKNOWN = "HTTPSConnection(host='a', port=1): Failed to resolve 'a' ([Errno -2] Name not known)"
TLS = "SSLError\n[SSL: CERTIFICATE_VERIFY_FAILED] verify failed: self-signed (_ssl.c:1006)"
TIMEOUT = "Connection to a timed out. (connect timeout=10.0)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (REFUSED, "Connection refused"),
        (UNKNOWN, "Name not known"),
        (TLS, "verify failed: self-signed"),
        (TIMEOUT, TIMEOUT),
    ],
)
def test_a_connection_error_is_shortened_to_the_systems_words(text: str, shown: str) -> None:
    assert connection_error(text) == shown


def status(message: str) -> bytes:
    return json.dumps({"kind": "Status", "message": message}).encode()


def test_each_refusal_says_what_to_do() -> None:
    right = "list pods in namespace shop"
    assert str(from_response(401, status("Unauthorized"), right)).endswith("log in again")
    forbidden = from_response(403, status("no"), right)
    assert isinstance(forbidden, ForbiddenError)
    assert "you may not list pods in namespace shop" in str(forbidden)
    missing = from_response(404, status('pods "api" not found'), right)
    assert isinstance(missing, NotFoundError)
    assert str(missing) == 'pods "api" not found'
    assert "it is overloaded" in str(from_response(429, b"", right))
    assert "the API server answers 500: broken" in str(from_response(500, status("broken"), right))


def test_a_page_of_something_else_is_not_taken_for_a_missing_object() -> None:
    error = from_response(404, b"<html>Not Found</html>", "list pods")
    assert not isinstance(error, NotFoundError)
    assert "this is no API server of Kubernetes" in str(error)


def test_a_cluster_without_the_crds_is_not_taken_for_another_server(oom: CommandLine) -> None:
    oom.cluster.answers["GET", KILLS] = 404, "404 page not found\n"
    ran = oom("kills")
    assert ran.code == 1
    assert "oomwarden is not installed" in ran.err


def test_an_answer_that_is_not_json_is_named(oom: CommandLine) -> None:
    oom.cluster.answers["GET", KILLS] = 200, "<html>"
    ran = oom("kills")
    assert ran.code == 1
    assert ran.err.endswith("does not answer like an API server\n")


def test_an_unreachable_api_server_is_named(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "unreachable"
    text = Path(oom.kubeconfig).read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1#")
    path.write_text(text)
    ran = oom.offline("kills", "--kubeconfig", str(path))
    assert ran.code == 1
    assert "does not answer (Connection refused); is it running" in ran.err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"[: {", "line 1"), (b"\x80\x81", "codec"), (b"users: 5", "kubeconfig")],
)
def test_a_bad_kubeconfig_is_a_sentence(
    oom: CommandLine, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    ran = oom.offline("kills", "--kubeconfig", str(path))
    assert ran.code == 1
    assert ran.err.startswith("error: no usable kubeconfig: ")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_context_that_does_not_exist_is_named(oom: CommandLine) -> None:
    ran = oom("kills", "--context", "nope")
    assert ran.code == 1
    assert "Expected object with name nope" in ran.err


def test_a_namespace_that_cannot_exist_is_a_wrong_command_line(oom: CommandLine) -> None:
    ran = oom("kills", "-n", "../etc")
    assert (ran.code, ran.err) == (2, "error: no namespace can be named '../etc'\n")


def test_a_long_list_is_read_page_by_page(oom: CommandLine) -> None:
    oom.cluster.page = 2
    oom.cluster.add(*(oomkill(f"kill-{number}") for number in range(5)))
    assert len(oom("kills", "-o", "name").lines) == 5
    assert len(oom.cluster.requests) == 3


def test_an_object_that_is_nested_deeper_than_python_reads_stops_nothing(oom: CommandLine) -> None:
    fields = '{"f:a":' * 5_000 + "{}" + "}" * 5_000
    item = f'{{"metadata": {{"name": "a", "namespace": "shop", "managedFields": [{fields}]}}}}'
    oom.cluster.answers["GET", KILLS] = 200, f'{{"metadata": {{}}, "items": [{item}]}}'
    assert oom("kills", "-o", "name").out == "oomkill.oomwarden.io/a\n"
