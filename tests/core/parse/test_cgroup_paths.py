import pytest
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.cgroup_paths import (
    child,
    container_id,
    is_kubepods,
    is_outsider,
    is_runtimes_own,
    pod_uid,
    same_place,
)

UID = "0a1b2c3d-1111-2222-3333-444455556666"
HEX = "ab" * 32


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        (f"kubepods-burstable-pod{UID.replace('-', '_')}.slice", UID),
        (f"kubepods-pod{UID.replace('-', '_')}.slice", UID),
        (f"kubelet-kubepods-besteffort-pod{UID.replace('-', '_')}.slice", UID),
        (f"pod{UID}", UID),
        (f"kubepods-pod{'0f' * 16}.slice", "0f" * 16),
        ("kubepods-burstable.slice", None),
        ("podman.service", None),
    ],
)
def test_a_pods_uid_is_in_its_cgroups_name(name: str, uid: str | None) -> None:
    assert pod_uid(name) == uid


@pytest.mark.parametrize(
    "name",
    [
        *(f"{prefix}-{HEX}.scope" for prefix in ("cri-containerd", "crio", "docker", "isulad")),
        f"some-other.runtime-{HEX}",
        HEX,
    ],
)
def test_a_containers_id_is_in_its_cgroups_name(name: str) -> None:
    assert container_id(name) == HEX


def test_the_monitor_of_cri_o_is_no_container() -> None:
    for prefix in ("crio-conmon-", "libpod-conmon-", "conmon-", "crio-conmonrs-", "conmonrs-"):
        for name in (f"{prefix}{HEX}.scope", f"{prefix}{HEX}"):
            assert container_id(name) is None
            assert is_outsider(name)


def test_a_runtimes_own_cgroup_is_believed_in_a_scope_of_any_runtime_and_nowhere_else() -> None:
    for prefix in ("crio", "libpod", "cri-containerd", "docker"):
        assert is_runtimes_own(f"{prefix}-{HEX}.scope", "container")
        assert not is_runtimes_own(f"{prefix}-{HEX}.scope", "container.slice")
        assert not is_runtimes_own(f"{prefix}-{HEX}", "container")


def test_a_name_of_a_static_pods_or_a_prefix_of_any_letters_is_read() -> None:
    assert pod_uid(f"MyRoot-kubepods-burstable-pod{'0f' * 16}.slice") == "0f" * 16
    assert is_kubepods("my\\x2droot-kubepods.slice")
    for name in ("xkubepods.slice", "kubepods.slice.bak", "a/b-kubepods.slice", "kubepods-x.slice"):
        assert not is_kubepods(name)


def test_the_root_of_pods_is_found_under_a_nested_kubelet_too() -> None:
    assert all(map(is_kubepods, ["kubepods", "kubepods.slice", "kubelet-kubepods.slice"]))
    assert not is_kubepods("kubepods-burstable.slice")


def test_a_guaranteed_pod_lies_directly_below_kubepods() -> None:
    top = Cgroup(1, "kubepods.slice", Level.KUBEPODS)
    pod = child(top, f"kubepods-pod{UID.replace('-', '_')}.slice", 2)
    assert pod is not None
    leaf = child(pod, f"cri-containerd-{HEX}.scope", 3)
    assert leaf is not None
    assert (pod.level, leaf.level, leaf.pod_uid, leaf.container_id) == (
        Level.POD, Level.CONTAINER, UID, HEX,
    )  # fmt: skip


def test_a_nested_cgroup_of_a_container_is_not_ours() -> None:
    leaf = Cgroup(3, "kubepods.slice/a/b", Level.CONTAINER, UID, HEX)
    assert child(leaf, "init.scope", 4) is None


def test_a_path_matches_itself_and_what_is_below_it() -> None:
    assert same_place("/kubepods/pod1/c", "kubepods/pod1/c")
    assert same_place("/outer/kubepods/pod1/c/nested", "kubepods/pod1/c")
    assert not same_place("/kubepods/pod1/cc", "kubepods/pod1/c")


def test_names_that_a_tenant_makes_below_its_own_cgroup_are_no_other_pods_place() -> None:
    tenants = "/outer/kubepods/pod1/c/kubepods/pod2/d"
    assert same_place(tenants, "kubepods/pod1/c")
    assert not same_place(tenants, "kubepods/pod2/d")
    assert not same_place(f"{tenants}/e", "kubepods/pod2/d")
    assert same_place(tenants, "kubepods")
