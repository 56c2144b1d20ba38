from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.reporting.layout import UnknownCgroup, remedy, stray, unseen

UID = "0a1b2c3d-1111-2222-3333-444455556666"
SLICE = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"
ONE, OTHER = "ab" * 32, "cd" * 32
UNIT = f"system.slice/containerd.service/{SLICE}:cri-containerd:{ONE}"


def pod(*ids: str | None, deleting: bool = False) -> PodFacts:
    containers = tuple(
        ContainerFacts(f"c{number}", ContainerType.APP, each) for number, each in enumerate(ids)
    )
    return PodFacts(
        UID, UID, "shop", "api", {}, QOSClass.BURSTABLE, containers=containers, deleting=deleting
    )


def test_a_name_that_a_runtime_without_the_systemd_driver_makes_is_known() -> None:
    assert stray(UNIT) == UnknownCgroup(UNIT, ONE, is_unit_name=True)
    for prefix in ("crio", "docker"):
        found = stray(f"system.slice/{SLICE}:{prefix}:{ONE}")
        assert found is not None
        assert found.is_unit_name


def test_other_containers_are_known_by_their_id_and_services_are_none() -> None:
    found = stray(f"system.slice/cri-containerd-{ONE}.scope")
    assert found is not None
    assert (found.container_id, found.is_unit_name) == (ONE, False)
    for name in ("sshd.service", f"crio-conmon-{ONE}.scope", SLICE, "a:b:c"):
        assert stray(f"system.slice/{name}") is None


def test_running_containers_of_pods_without_a_known_cgroup_are_unseen() -> None:
    assert unseen([pod(ONE, None)], frozenset()) == {ONE: "shop/api/c0"}
    assert unseen([pod(ONE)], frozenset({UID})) == {}, "a guest's pod has one for its sandbox"
    assert unseen([pod(ONE, deleting=True)], frozenset()) == {}


def test_the_mismatch_of_drivers_is_named_with_the_place_and_the_remedy() -> None:
    found = stray(UNIT)
    assert found is not None
    told = remedy({ONE: "shop/api/c0"}, [found])
    assert UNIT in told
    assert "SystemdCgroup = true" in told
    assert "shop/api/c0" not in told, "it was found"
    assert remedy({}, [found]), "the name alone tells it"


def test_containers_elsewhere_count_only_when_they_are_pods() -> None:
    found = stray(f"system.slice/docker-{ONE}.scope")
    assert found is not None
    assert remedy({}, [found]) == "", "a container of Docker's own"
    assert "cgroupsPerQOS" in remedy({ONE: "shop/api/c0"}, [found])


def test_containers_that_are_found_nowhere_are_named_and_of_many_some() -> None:
    missing = {f"{number:064x}": f"shop/api/c{number}" for number in range(9)}
    told = remedy(missing, [])
    assert told.startswith("9 containers run that the agent does not see: shop/api/c0, ")
    assert "and 6 more" in told
    assert "shop/api/c5" not in told


def test_where_all_is_seen_there_is_nothing_to_say() -> None:
    assert remedy({}, []) == ""
