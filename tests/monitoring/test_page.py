"""What Prometheus's own linter says about the page with all metrics."""

import pytest
from oomwarden.core.metrics.exposition import Sample, exposition
from oomwarden.core.metrics.families.containers import CONTAINER_FAMILIES
from oomwarden.core.metrics.families.nodes import (
    DETECTION_FAMILIES,
    ENFORCEMENT_FAMILIES,
    LEDGER_FAMILIES,
)
from oomwarden.core.metrics.families.operator import OPERATOR_FAMILIES
from oomwarden.core.metrics.families.process import PROCESS_FAMILIES
from oomwarden.core.metrics.family import Family, MetricType
from oomwarden.core.metrics.histogram import Histogram

from tests.support.promtool import promtool

AGENT = (
    *CONTAINER_FAMILIES,
    *LEDGER_FAMILIES,
    *ENFORCEMENT_FAMILIES,
    *DETECTION_FAMILIES,
    *PROCESS_FAMILIES,
)
OPERATOR = (*OPERATOR_FAMILIES, *PROCESS_FAMILIES)


def samples(family: Family) -> list[Sample]:
    values = tuple(f'a "{name}" of\nC:\\pod é' for name in family.labels)
    if family.type is not MetricType.HISTOGRAM:
        return [Sample(values, 1.5)]
    histogram = Histogram(family)
    histogram.observe(0.3, *values)
    return histogram.samples()


@pytest.mark.parametrize("families", [AGENT, OPERATOR], ids=["agent", "operator"])
def test_promtool_finds_nothing_wrong_with_a_page_of_all_families(
    families: tuple[Family, ...],
) -> None:
    page = exposition((each, samples(each)) for each in families)
    assert page.count(b"# TYPE") == len(families)
    assert promtool("check", "metrics", stdin=page) == (0, "")


def test_promtool_does_find_a_name_without_its_unit() -> None:
    family = Family("oomwarden_age_minutes", MetricType.GAUGE, "An age")
    code, said = promtool("check", "metrics", stdin=exposition([(family, samples(family))]))
    assert code
    assert "use base unit" in said
