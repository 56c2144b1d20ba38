from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.limit_marks import Mark, Step, Writers, manager, writers

AT = "2026-11-26T20:00:00Z"
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


def entry(
    who: str, container: str = "app", subresource: str | None = "resize", of: str = "containers"
) -> dict[str, Any]:
    limits = {"f:resources": {"f:limits": {"f:memory": {}}}}
    fields = {"f:spec": {f"f:{of}": {f'k:{{"name":"{container}"}}': limits}}}
    found = {"manager": who, "operation": "Update", "time": AT, "fieldsV1": fields}
    return found | ({"subresource": subresource} if subresource else {})


@given(st.sampled_from(Step), NAMES, st.none() | st.integers(1, 2**60))
def test_a_mark_is_read_as_it_was_written(step: Step, container: str, before: int | None) -> None:
    name = manager(step, container, before)
    assert len(name) <= 128
    found = writers([entry(name, container)], "containers", container)
    assert found == Writers(Mark(step, before, AT))


def test_who_made_the_pod_is_nobody_who_changed_it() -> None:
    assert writers([entry("kubectl", subresource=None)], "containers", "app") == Writers()


def test_somebody_else_who_changed_the_limit_is_named() -> None:
    found = writers([entry("vpa-updater")], "containers", "app")
    assert found == Writers(foreign="vpa-updater")


def test_a_value_that_somebody_else_shares_is_no_longer_ours() -> None:
    ours = entry(manager(Step.LIMIT, "app", 5))
    for told in ([ours, entry("vpa")], [entry("vpa"), ours]):
        assert writers(told, "containers", "app").mark is None


def test_other_containers_lists_and_fields_are_other_things() -> None:
    ours = entry(manager(Step.LIMIT, "app", 5))
    assert writers([ours], "containers", "web") == Writers()
    assert writers([ours], "initContainers", "app") == Writers()
    cpu = entry("vpa")
    cpu["fieldsV1"] = {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:resources": {}}}}}
    assert writers([cpu, {"subresource": "resize"}], "containers", "app") == Writers()


def test_a_name_that_only_looks_like_ours_is_foreign() -> None:
    for name in ("oomwarden-limit/web/5", "oomwarden-steal/app/5", "oomwarden-limit/app/x"):
        assert writers([entry(name)], "containers", "app") == Writers(foreign=name)
