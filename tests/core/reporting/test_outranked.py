from oomwarden.core.enforcement.evaluation import evaluate
from oomwarden.core.enforcement.node_services import NodeService
from oomwarden.core.enforcement.plan import ScanOutcome
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.reporting.outranked import MAX_OUTRANKED, outranked_list
from oomwarden.core.reporting.policy_report import ContainerStatus

from tests.support.pods import pod, policy

CRON, JOURNAL = NodeService("cron.service", 0, 1), NodeService("journal.service", -250, 1)


def status(container: str, outcome: ScanOutcome | None = None) -> ContainerStatus:
    evaluation = evaluate([policy()], "app", 899, Floor(-500))
    in_force = ScanOutcome(evaluation.target.score, in_effect=frozenset({1}))
    return ContainerStatus(pod(), container, evaluation, outcome or in_force)


def test_a_service_names_how_many_containers_outlive_it_and_the_first_of_them() -> None:
    items = [status("web"), status("app")]
    listed, left_out = outranked_list(items, lambda *_: (JOURNAL, CRON))
    assert [(each.service, each.oom_score_adj, each.containers) for each in listed] == [
        ("cron.service", 0, 2),
        ("journal.service", -250, 2),
    ]
    assert (listed[0].pod, listed[0].container) == ("shop/db-0", "app")
    assert left_out == 0


def test_a_score_that_is_not_in_force_outranks_nothing() -> None:
    failed = ScanOutcome(5, failures=1)
    assert outranked_list([status("app", failed)], lambda *_: (CRON,)) == ((), 0)


def test_more_services_than_fit_are_counted() -> None:
    many = tuple(NodeService(f"s{number:02}.service", 0, 1) for number in range(25))
    listed, left_out = outranked_list([status("app")], lambda *_: many)
    assert (len(listed), left_out) == (MAX_OUTRANKED, 5)
