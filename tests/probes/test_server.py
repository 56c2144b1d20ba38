"""The server in a separate process, observed from outside through loopback sockets."""

import socket
import time
from collections.abc import Iterator

import pytest
from oomwarden.probes.server import MAX_CONNECTIONS

from tests.support.clients import BIG, HEALTHZ, ProbedProcess, crowd, probed_process, read_all

HALF_OPEN = 2000
SOON = 3.0
"""Seconds. One second on an idle machine; other processes may use this one."""


@pytest.fixture
def served() -> Iterator[ProbedProcess]:
    with probed_process() as process:
        yield process


@pytest.mark.parametrize("host", ["127.0.0.1", *(["::1"] if socket.has_dualstack_ipv6() else [])])
def test_a_probe_is_answered_over_ipv4_and_ipv6_and_the_connection_closes(
    served: ProbedProcess, host: str
) -> None:
    answer = served.ask(host=host)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nwell\n")


@pytest.mark.parametrize(
    "sent", [b"", b"GET /healthz HTTP/1.1\r\n"], ids=["say nothing", "never finish"]
)
def test_thousands_of_idle_clients_neither_delay_a_probe_nor_cost_anything(
    served: ProbedProcess, sent: bytes
) -> None:
    served.ask()
    threads, memory, files = served.status("Threads"), served.status("VmRSS"), served.descriptors()
    with crowd(served, HALF_OPEN, sent):
        slowest = max(served.seconds_of_a_probe() for _ in range(20))
        assert slowest < SOON
        assert served.status("Threads") == threads
        assert served.descriptors() <= files + MAX_CONNECTIONS
        assert served.status("VmRSS") < memory + 2048


def test_a_flood_of_new_connections_does_not_delay_a_probe_by_a_second(
    served: ProbedProcess,
) -> None:
    end, probes = time.monotonic() + 2, 0
    while time.monotonic() < end:
        with crowd(served, 200):
            assert served.seconds_of_a_probe() < SOON
            probes += 1
    assert probes > 1


def test_a_client_that_never_reads_is_reset_and_leaves_nothing_behind() -> None:
    with probed_process(max_seconds=0.5) as served:
        files = served.descriptors()
        with crowd(served, 100, b"GET /big HTTP/1.1\r\n\r\n") as clients:
            assert served.seconds_of_a_probe() < SOON
            assert served.comes_to(files)
            with pytest.raises(ConnectionResetError):
                read_all(clients[-1])


def trickle(client: socket.socket, seconds: float) -> None:
    """Send a byte now and then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.sendall(b"G")
        time.sleep(0.05)


def test_a_client_that_trickles_bytes_gets_no_extra_time() -> None:
    with probed_process(max_seconds=0.5) as served, served.connect() as client:
        began = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            trickle(client, 10)
        assert time.monotonic() - began < 5


def test_a_slow_reader_receives_a_large_response_completely(served: ProbedProcess) -> None:
    with served.connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
        assert len(read_all(client)) > len(BIG)


def test_a_client_that_closes_its_side_first_still_gets_the_response(served: ProbedProcess) -> None:
    with served.connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert len(read_all(client)) > len(BIG)


def test_a_client_refused_while_it_still_sends_reads_the_response(served: ProbedProcess) -> None:
    with served.connect() as client:
        client.sendall(b"POST /healthz HTTP/1.1\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50000)
        assert read_all(client).startswith(b"HTTP/1.1 405 ")


def test_only_known_pages_are_served_and_a_failing_page_affects_no_other(
    served: ProbedProcess,
) -> None:
    assert served.ask(b"GET /secret HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    assert served.ask(b"GET /broken HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 500 ")
    assert served.ask().startswith(b"HTTP/1.1 200 ")


def test_probes_are_answered_without_free_descriptors(
    served: ProbedProcess,
) -> None:
    served.command("eat")
    files = served.descriptors()
    with crowd(served, 50):
        assert served.seconds_of_a_probe() < SOON
        assert served.descriptors() <= files
    assert served.seconds_of_a_probe() < SOON


def test_a_probe_waits_if_even_the_spare_descriptor_is_used(
    served: ProbedProcess,
) -> None:
    served.command("rob")
    with served.connect() as client:
        client.sendall(HEALTHZ)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        busy = served.processor_seconds()
        time.sleep(0.5)
        assert served.processor_seconds() - busy < 0.2
        served.command("spill")
        client.settimeout(1)
        assert read_all(client).startswith(b"HTTP/1.1 200 ")
    assert served.seconds_of_a_probe() < SOON


def test_a_probe_is_answered_while_the_main_thread_hangs(served: ProbedProcess) -> None:
    assert served.process.stdin is not None
    print("hang", file=served.process.stdin, flush=True)
    time.sleep(0.1)
    assert served.seconds_of_a_probe() < SOON
