import pytest
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.cgroup_paths import (
    cannot_be_container,
    child,
    container_id,
    is_kubepods,
    is_runtime_subgroup,
    is_same_or_below,
    pod_uid,
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


def test_the_monitor_of_cri_o_is_not_a_container() -> None:
    for prefix in ("crio-conmon-", "libpod-conmon-", "conmon-", "crio-conmonrs-", "conmonrs-"):
        for name in (f"{prefix}{HEX}.scope", f"{prefix}{HEX}"):
            assert container_id(name) is None
            assert cannot_be_container(name)


def test_a_runtimes_own_cgroup_is_recognized_in_any_runtimes_scope_and_nowhere_else() -> None:
    for prefix in ("crio", "libpod", "cri-containerd", "docker"):
        assert is_runtime_subgroup(f"{prefix}-{HEX}.scope", "container")
        assert not is_runtime_subgroup(f"{prefix}-{HEX}.scope", "container.slice")
        assert not is_runtime_subgroup(f"{prefix}-{HEX}", "container")


def test_static_pods_and_any_prefix_are_recognized() -> None:
    assert pod_uid(f"MyRoot-kubepods-burstable-pod{'0f' * 16}.slice") == "0f" * 16
    assert is_kubepods("my\\x2droot-kubepods.slice")
    for name in ("xkubepods.slice", "kubepods.slice.bak", "a/b-kubepods.slice", "kubepods-x.slice"):
        assert not is_kubepods(name)


def test_the_root_of_pods_is_found_under_a_nested_kubelet_too() -> None:
    assert all(map(is_kubepods, ["kubepods", "kubepods.slice", "kubelet-kubepods.slice"]))
    assert not is_kubepods("kubepods-burstable.slice")


def test_a_guaranteed_pod_is_directly_below_kubepods() -> None:
    top = Cgroup(1, "kubepods.slice", Level.KUBEPODS)
    pod = child(top, f"kubepods-pod{UID.replace('-', '_')}.slice", 2)
    assert pod is not None
    leaf = child(pod, f"cri-containerd-{HEX}.scope", 3)
    assert leaf is not None
    assert (pod.level, leaf.level, leaf.pod_uid, leaf.container_id) == (
        Level.POD, Level.CONTAINER, UID, HEX,
    )  # fmt: skip


def test_a_cgroup_that_a_container_made_is_not_the_kubelets() -> None:
    leaf = Cgroup(3, "kubepods.slice/a/b", Level.CONTAINER, UID, HEX)
    assert child(leaf, "init.scope", 4) is None


def test_a_path_matches_itself_and_what_is_below_it() -> None:
    assert is_same_or_below("/kubepods/pod1/c", "kubepods/pod1/c")
    assert is_same_or_below("/outer/kubepods/pod1/c/nested", "kubepods/pod1/c")
    assert not is_same_or_below("/kubepods/pod1/cc", "kubepods/pod1/c")


def test_names_that_a_tenant_chose_below_its_own_cgroup_are_not_another_pods_path() -> None:
    tenants = "/outer/kubepods/pod1/c/kubepods/pod2/d"
    assert is_same_or_below(tenants, "kubepods/pod1/c")
    assert not is_same_or_below(tenants, "kubepods/pod2/d")
    assert not is_same_or_below(f"{tenants}/e", "kubepods/pod2/d")
    assert is_same_or_below(tenants, "kubepods")
