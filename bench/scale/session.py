"""One run of the benchmark: a control plane with a fleet's objects, and the operator."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.scale import objects
from bench.scale.api import Api, Call
from bench.scale.control_plane import ControlPlane
from bench.scale.objects import Object
from bench.scale.operator import OperatorProcess, cpu_seconds

POLICIES = 100
ROUND_SECONDS = 10.0
"""In this time every node reports once, if the API server can take that."""
Figures = dict[str, float]
"""Figures by name; the name has the unit."""


@dataclass(slots=True)
class Session:
    """What all scenarios share.

    Attributes:
        plane: The control plane.
        api: The connections to it.
        nodes: The number of nodes.
        source: The folder with the operator's package.
        enforced: The numbers of enforced containers that have changed, by node and policy.
    """

    plane: ControlPlane
    api: Api
    nodes: int
    source: Path
    enforced: dict[int, dict[int, int]] = field(default_factory=dict)
    _operator: OperatorProcess | None = field(default=None)

    @property
    def operator(self) -> OperatorProcess:
        """The running operator, which starts at its first use."""
        if self._operator is None:
            self._operator = OperatorProcess(self.plane, self.source)
        return self._operator

    def end_operator(self) -> None:
        """End the operator, if it runs."""
        if self._operator is not None:
            self._operator.end()
            self._operator = None

    def prepare(self) -> None:
        """Create everything that is stored before the operator starts."""
        progress(f"creating {self.nodes} OOMNodes with {POLICIES} policies each")
        self.api.send_all(objects.crds())
        self.api.send_all(objects.namespaces())
        self.api.send_all(objects.settings())
        wait_until(self._serves_policies, 60)
        self.api.send_all(objects.policies(POLICIES))
        self.create_nodes(range(self.nodes))

    def create_nodes(self, numbers: range) -> None:
        """Create OOMNodes with reports."""
        self.api.send_all(objects.create_node(number) for number in numbers)
        self.api.send_all(objects.report(number, self.status_of(number)) for number in numbers)

    def status_of(self, number: int) -> Object:
        """Return the status that a node reports now."""
        status = objects.status_of(number, POLICIES, now())
        for policy, enforced in self.enforced.get(number, {}).items():
            status["policies"][policy] |= {"enforced": enforced, "refused": 3 - enforced}
        return status

    def report_all(self, status_of: Callable[[int], Object]) -> float:
        """Let every node report once, evenly distributed; return the seconds that it took."""
        calls = [objects.report(number, status_of(number)) for number in range(self.nodes)]
        return self.api.send_evenly(calls, ROUND_SECONDS)

    def policy_status(self, number: int) -> Object:
        """Return the status of a policy."""
        found: Object = self.api.send(Call("GET", objects.policy_path(number))).get("status", {})
        return found

    def status_writes(self) -> float:
        """Return how many statuses of OOMPolicies were written so far."""
        return self.requests(resource="oompolicies", subresource="status", verb="PATCH")

    def requests(self, **labels: str) -> float:
        """Return how many requests the API server has answered, by its own metric."""
        lines = (each for each in self._metrics().splitlines()
                 if each.startswith("apiserver_request_total{"))  # fmt: skip
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if all(f'{name}="{value}"' in line for name, value in labels.items())
        )

    def api_cpu_seconds(self) -> float:
        """Return the CPU time of the API server so far."""
        return cpu_seconds(self.plane.pids["kube-apiserver"])

    def _serves_policies(self) -> bool:
        path = f"{objects.OURS}/oompolicies?limit=1"
        return all(self._answers(each) for each in (path, f"{objects.OURS}/oomnodes?limit=1"))

    def _answers(self, path: str) -> bool:
        return self._get(path)[0] == 200  # noqa: PLR2004 - OK

    def _metrics(self) -> str:
        return self._get("/metrics")[1]

    def _get(self, path: str) -> tuple[int, str]:
        connection = self.plane.connect()
        try:
            headers = {"Authorization": f"Bearer {self.plane.token}"}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def now() -> str:
    """Return the time as agents write it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def progress(what: str) -> None:
    """Print what happens."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")


def wait_until(reached: Callable[[], bool], seconds: float) -> float:
    """Wait for something; return the seconds that it took.

    Raises:
        TimeoutError: It takes too long.
    """
    began = time.monotonic()
    while not reached():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not reached after {seconds:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - began


def one_line(error: BaseException) -> str:
    """Format an error as one line."""
    return re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
