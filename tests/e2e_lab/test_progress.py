"""The user sees every running step, even if several run at the same time."""

import io

import pytest

from e2e.lab.progress import ProgressBoard, Step, duration, live_line, step


def test_without_a_terminal_a_step_prints_its_start_and_its_end() -> None:
    stream = io.StringIO()
    with step("build kubelet", "the compiler", ProgressBoard(lambda: stream)):
        pass
    begin, end = stream.getvalue().splitlines()
    assert begin.strip() == "build kubelet: started; waiting for the compiler"
    assert end.strip() == "build kubelet: done after 0 s"


def test_a_step_that_fails_says_so() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(ValueError, match="broken"),
        step("build", "it", ProgressBoard(lambda: stream)),
    ):
        raise ValueError("broken")
    assert "build: failed after 0 s" in stream.getvalue()


def test_a_single_step_shows_what_it_waits_for() -> None:
    assert (
        live_line([Step("build", "the compiler")], 80) == "  build: 0 s, waiting for the compiler"
    )


def test_concurrent_steps_share_one_line_that_fits_the_terminal() -> None:
    running = [Step("build kernel", "packages"), Step("build image", "pip")]
    assert live_line(running, 80) == "  build kernel 0 s, build image 0 s"
    assert live_line(running, 20) == "  build kernel 0 s…"


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.4, "7 s"), (60, "1 min 00 s"), (205, "3 min 25 s")]
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text
