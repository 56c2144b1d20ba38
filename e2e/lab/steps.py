"""Steps that depend on each other; each begins as soon as what it needs is done."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Any, Generic, TypeVar

from e2e.lab.shell import ending_all

T = TypeVar("T")
_MOST = 32  # threads; most of them wait for a program


class Step(Generic[T]):
    """One piece of work.

    Attributes:
        work: Does it; may look at the `result` of the steps it needs.
        needs: The steps that must be done before.
    """

    def __init__(self, work: Callable[[], T], *needs: "Step[Any]") -> None:
        self.work = work
        self.needs = needs
        self._results: list[T] = []

    @property
    def result(self) -> T:
        """What the work returned; there is none before it is done."""
        (result,) = self._results
        return result

    def run(self) -> None:
        """Does the work."""
        self._results = [self.work()]


def run_side_by_side(steps: Iterable[Step[Any]]) -> None:
    """Runs the steps and all that they need, and returns when the last one is done.

    When a step fails, or the person who waits interrupts, the programs that the others run are
    ended first, and nothing goes on in the background.

    Raises:
        Exception: What the first step that failed raised.
    """
    order = TopologicalSorter(_with_needs(steps))
    order.prepare()
    with ThreadPoolExecutor(max_workers=_MOST) as threads:
        running: dict[Future[None], Step[Any]] = {}
        try:
            while order.is_active():
                running |= {threads.submit(step.run): step for step in order.get_ready()}
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    order.done(running.pop(future))
                    future.result()
        except BaseException:
            with ending_all():
                wait(running)
            raise


def _with_needs(steps: Iterable[Step[Any]]) -> dict[Step[Any], tuple[Step[Any], ...]]:
    graph: dict[Step[Any], tuple[Step[Any], ...]] = {}
    left = list(steps)
    while left:
        step = left.pop()
        if step not in graph:
            graph[step] = step.needs
            left += step.needs
    return graph
