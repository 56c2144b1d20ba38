import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.pods.sharing import sharing

TEXT = st.text(max_size=3)
CONTAINERS = st.builds(
    ContainerFacts,
    TEXT,
    st.sampled_from(ContainerType),
    st.none() | TEXT,
    st.none() | st.integers(),
)
PODS = st.builds(
    PodFacts,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=2),
    st.sampled_from(QOSClass),
    containers=st.lists(CONTAINERS, max_size=3).map(tuple),
    deleting=st.booleans(),
)


def pod(container_id: str | None) -> PodFacts:
    """Return facts of which no part is another pod's, as they are parsed from JSON."""
    uid, web, side, side_id = json.loads('["u1", "web", "side", "feed"]')
    main = ContainerFacts("main", ContainerType.APP, container_id)
    containers = (main, ContainerFacts(side, ContainerType.APP, side_id))
    return PodFacts(
        uid, uid, "shop", "web-1", {"app": web}, QOSClass.BURSTABLE, containers=containers
    )


def test_a_pod_whose_container_restarted_keeps_its_names_labels_and_other_containers() -> None:
    before, after = pod("cafe"), pod("beef")
    shared = sharing(after, before)
    assert shared == after
    assert shared.uid is before.uid
    assert shared.labels is before.labels
    assert shared.containers[1] is before.containers[1]


def test_a_pod_that_did_not_change_is_the_same_object() -> None:
    before = pod("cafe")
    assert sharing(pod("cafe"), before) is before


@given(PODS, st.none() | PODS)
def test_whatever_was_before_the_facts_are_equal(facts: PodFacts, before: PodFacts | None) -> None:
    assert sharing(facts, before) == facts


@given(PODS)
def test_a_container_that_is_new_is_taken_as_it_is(facts: PodFacts) -> None:
    assert sharing(facts, replace(facts, containers=())) == facts
