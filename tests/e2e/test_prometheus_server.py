"""The stories' own Prometheus: it answers, or its error names what is wrong."""

from pathlib import Path

import pytest

from e2e.lab.errors import LabError
from e2e.prometheus_server import running_prometheus


def test_it_answers_queries_and_quotes_the_reason_for_refusing_one(tmp_path: Path) -> None:
    with running_prometheus(tmp_path, {"global": {"scrape_interval": "1s"}}) as server:
        (found,) = server.values("1 + vector(1)")
        assert found["value"][1] == "2"
        with pytest.raises(AssertionError, match=r"query=sum\(: .*parse error"):
            server.values("sum(")


def test_a_configuration_that_it_refuses_is_an_error_with_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    with (
        pytest.raises(LabError, match=r"Prometheus did not start: .*field typo not found"),
        running_prometheus(tmp_path, {"typo": {}}),
    ):
        pass
