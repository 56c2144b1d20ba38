"""Tasks with dependencies; each starts as soon as its dependencies are done."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Any, Generic, TypeVar

from e2e.lab.shell import terminating_all

T = TypeVar("T")
_MAX_THREADS = 32  # threads; most of them wait for a program


class Task(Generic[T]):
    """A unit of work.

    Attributes:
        work: The function to run; it may use the `result` of tasks in `needs`.
        needs: The tasks that must be done first.
    """

    def __init__(self, work: Callable[[], T], *needs: "Task[Any]") -> None:
        self.work = work
        self.needs = needs
        self._results: list[T] = []

    @property
    def result(self) -> T:
        """What the work returned; not available before it is done."""
        (result,) = self._results
        return result

    def run(self) -> None:
        """Run the work and save its result."""
        self._results = [self.work()]


def run_concurrently(tasks: Iterable[Task[Any]]) -> None:
    """Run the tasks and their dependencies, and wait until all are done.

    If a task fails or the user interrupts, the programs of the other tasks are terminated first, so
    nothing continues in the background.

    Raises:
        Exception: The exception of the first task that failed.
    """
    order = TopologicalSorter(_with_needs(tasks))
    order.prepare()
    with ThreadPoolExecutor(max_workers=_MAX_THREADS) as threads:
        running: dict[Future[None], Task[Any]] = {}
        try:
            while order.is_active():
                running |= {threads.submit(task.run): task for task in order.get_ready()}
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    order.done(running.pop(future))
                    future.result()
        except BaseException:
            with terminating_all():
                wait(running)
            raise


def _with_needs(tasks: Iterable[Task[Any]]) -> dict[Task[Any], tuple[Task[Any], ...]]:
    graph: dict[Task[Any], tuple[Task[Any], ...]] = {}
    remaining = list(tasks)
    while remaining:
        task = remaining.pop()
        if task not in graph:
            graph[task] = task.needs
            remaining += task.needs
    return graph
