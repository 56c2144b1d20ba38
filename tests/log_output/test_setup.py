"""Everything that a program reports is on one stream, one line for each event."""

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import kopf
import pytest
from kopf._core.actions.loggers import LocalObjectLogger
from oomwarden.core.log_line.keys import about
from oomwarden.core.log_line.line import LogFormat
from oomwarden.core.log_line.repeats import MAX_PER_PERIOD
from oomwarden.log_output.handler import KILLS
from oomwarden.log_output.setup import configure_logging

from tests.support.logging_state import restored_logging

LOG = logging.getLogger("oomwarden.agent.x")


class Written:
    """What was written to the log."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def line(self) -> dict[str, Any]:
        (line,) = self.lines()
        return line


@pytest.fixture
def written() -> Iterator[Written]:
    found = Written()
    with restored_logging():
        configure_logging("INFO", LogFormat.JSON, found.stream)
        yield found


def test_a_line_has_the_keys_of_its_call(written: Written) -> None:
    LOG.warning("%s hangs", "it", extra=about(kind="Pod", namespace="shop", name="api-1"))
    line = written.line()
    assert (line["level"], line["logger"], line["message"]) == ("warning", LOG.name, "it hangs")
    assert (line["kind"], line["namespace"], line["pod"]) == ("Pod", "shop", "api-1")


def test_there_is_one_handler_however_often_it_is_configured(written: Written) -> None:
    configure_logging("INFO", LogFormat.TEXT, written.stream)
    configure_logging("WARNING", LogFormat.JSON, written.stream)
    LOG.info("not written")
    LOG.warning("once")
    assert written.line()["message"] == "once"
    assert len(logging.getLogger().handlers) == 1


def test_an_exception_is_one_line_with_its_traceback(written: Written) -> None:
    try:
        int("a\nb")
    except ValueError:
        LOG.exception("it failed")
    line = written.line()
    assert line["error"] == "ValueError: invalid literal for int() with base 10: 'a\\nb'"
    assert line["traceback"].startswith("Traceback (most recent call last):\n  File")


def test_what_ends_the_program_is_a_line(written: Written) -> None:
    async def fail() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(boom(), name="boom")

    async def boom() -> None:
        raise OSError("disk")

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(fail())
    sys.excepthook(caught.type, caught.value, caught.tb)
    line = written.line()
    assert line["level"] == "critical"
    assert "OSError: disk" in line["traceback"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_a_thread_is_a_line(written: Written) -> None:
    def boom() -> None:
        raise OSError("disk")

    thread = threading.Thread(target=boom, name="detector")
    thread.start()
    thread.join()
    assert written.line()["message"] == "thread detector ends, because of an error"
    assert written.line()["error"] == "OSError: disk"


def test_a_warning_of_a_library_is_a_line(written: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old\nway", stacklevel=1)
        logging.captureWarnings(capture=False)
    assert written.line()["logger"] == "py.warnings"


async def test_what_asyncio_reports_is_a_line(written: Written) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "odd", "future": None})
    assert written.line()["logger"] == "asyncio"


def test_kopfs_lines_name_their_object(written: Written) -> None:
    body: Any = {"kind": "OOMPolicy", "metadata": {"name": "protect-db", "namespace": "shop"}}
    logger = LocalObjectLogger(body=kopf.Body(body), settings=kopf.OperatorSettings())
    logger.warning("Handler %r failed", "x")
    logger.info("Handler %r succeeded", "x")  # one for each event: only at level debug
    line = written.line()
    assert (line["kind"], line["policy"]) == ("OOMPolicy", "OOMPolicy/protect-db")
    assert (line["namespace"], line["name"]) == ("shop", "protect-db")


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "arguments", [("%d", "x"), ("%s %s", "x"), ("%s", Hostile()), (Hostile(),)]
)
def test_arguments_that_cannot_be_printed_cost_no_line(
    written: Written, arguments: tuple[Any, ...]
) -> None:
    configure_logging("INFO", LogFormat.JSON, written.stream)  # without pytest's own handler
    LOG.warning(*arguments)
    assert "cannot be printed" in written.line()["message"]


def test_a_flood_is_cut_off_and_said(written: Written) -> None:
    for number in range(3 * MAX_PER_PERIOD):
        LOG.warning("refused %d", number)
    LOG.warning("something else")
    lines = written.lines()
    assert len(lines) == MAX_PER_PERIOD + 1
    assert [line["message"] for line in lines if "rateLimited" in line] == [
        f"refused {MAX_PER_PERIOD - 1}"
    ]


def test_neither_a_level_nor_a_flood_holds_back_the_line_of_a_kill(written: Written) -> None:
    configure_logging("ERROR", LogFormat.JSON, written.stream)
    for _ in range(3 * MAX_PER_PERIOD):
        logging.getLogger(KILLS).warning("killed", extra=about(kind="OOMKill"))
    LOG.warning("not written")
    assert len(written.lines()) == 3 * MAX_PER_PERIOD


def test_each_line_is_written_out_at_once(written: Written) -> None:
    class Counting(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    stream = Counting()
    configure_logging("INFO", LogFormat.TEXT, stream)
    LOG.info("one")
    assert stream.flushed == 1
    assert written.stream.getvalue() == ""
