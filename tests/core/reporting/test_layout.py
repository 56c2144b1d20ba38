from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.reporting.layout import (
    UnknownCgroup,
    containers_without_cgroup,
    layout_remedy,
    parse_unknown_cgroup,
)

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


def test_the_cgroup_name_of_a_runtime_without_the_systemd_driver_is_recognised() -> None:
    assert parse_unknown_cgroup(UNIT) == UnknownCgroup(UNIT, ONE, is_unit_name=True)
    for prefix in ("crio", "docker"):
        found = parse_unknown_cgroup(f"system.slice/{SLICE}:{prefix}:{ONE}")
        assert found is not None
        assert found.is_unit_name


def test_other_containers_are_recognised_by_their_id_and_services_are_not_containers() -> None:
    found = parse_unknown_cgroup(f"system.slice/cri-containerd-{ONE}.scope")
    assert found is not None
    assert (found.container_id, found.is_unit_name) == (ONE, False)
    for name in ("sshd.service", f"crio-conmon-{ONE}.scope", SLICE, "a:b:c"):
        assert parse_unknown_cgroup(f"system.slice/{name}") is None


def test_running_containers_of_pods_without_a_known_cgroup_are_listed() -> None:
    assert containers_without_cgroup([pod(ONE, None)], frozenset()) == {ONE: "shop/api/c0"}
    assert containers_without_cgroup([pod(ONE)], frozenset({UID})) == {}, (
        "a guest's pod has one for its sandbox"
    )
    assert containers_without_cgroup([pod(ONE, deleting=True)], frozenset()) == {}


def test_a_driver_mismatch_is_reported_with_the_path_and_the_remedy() -> None:
    found = parse_unknown_cgroup(UNIT)
    assert found is not None
    reported = layout_remedy({ONE: "shop/api/c0"}, [found])
    assert UNIT in reported
    assert "SystemdCgroup = true" in reported
    assert "shop/api/c0" not in reported, "it was found"
    assert layout_remedy({}, [found]), "the name alone identifies it"


def test_containers_elsewhere_count_only_if_they_belong_to_pods() -> None:
    found = parse_unknown_cgroup(f"system.slice/docker-{ONE}.scope")
    assert found is not None
    assert layout_remedy({}, [found]) == "", "a container of Docker's own"
    assert "cgroupsPerQOS" in layout_remedy({ONE: "shop/api/c0"}, [found])


def test_some_of_the_containers_without_a_cgroup_are_named() -> None:
    missing = {f"{number:064x}": f"shop/api/c{number}" for number in range(9)}
    reported = layout_remedy(missing, [])
    assert reported.startswith("9 containers run that the agent does not see: shop/api/c0, ")
    assert "and 6 more" in reported
    assert "shop/api/c5" not in reported


def test_if_all_containers_are_seen_there_is_no_remedy() -> None:
    assert layout_remedy({}, []) == ""
