import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.mountinfo import container_name, decode

UID = "0a1b2c3d-1111-2222-3333-444455556661"


def mount(root: str, point: str = "/dev/termination-log", device: str = "8:1") -> bytes:
    return f"901 880 {device} {root} {point} rw,relatime - ext4 /dev/sda1 rw\n".encode()


def hosts(root: str, device: str = "8:1", point: str = "/etc/hosts") -> bytes:
    return mount(f"{root}/etc-hosts", point, device)


KUBELET = "/var/lib/kubelet"
OVERLAY = b"880 700 0:99 / / rw,relatime master:9 - overlay overlay rw,lowerdir=/x\n"


def test_the_source_of_the_termination_log_names_the_container() -> None:
    text = OVERLAY + mount(f"{KUBELET}/pods/{UID}/containers/app/3f9c2a1b")
    assert container_name(text, UID) == "app"


def test_the_mount_point_may_be_any_and_the_kubelets_root_a_mount_of_its_own() -> None:
    text = mount(f"/pods/{UID}/containers/my-app/3f9c2a1b", "/var/log/last\\040words")
    assert container_name(text, UID) == "my-app"


def test_escapes_of_the_kernel_are_undone() -> None:
    assert decode(rb"/a\040b\011c\012d\134e\043") == "/a b\tc\nd\\e#"
    text = mount(f"/var/lib/my\\040kubelet/pods/{UID}/containers/app/3f9c2a1b")
    assert container_name(text, UID) == "app"


def test_another_pods_uid_tells_nothing() -> None:
    other = UID.replace("1111", "9999")
    assert container_name(mount(f"{KUBELET}/pods/{other}/containers/app/3f9c2a1b"), UID) is None


def test_a_path_that_a_tenant_made_in_a_volume_tells_nothing() -> None:
    volume = f"{KUBELET}/pods/{UID}/volumes/kubernetes.io~empty-dir/data"
    forged = mount(f"{volume}/pods/{UID}/containers/db/3f9c2a1b")
    assert container_name(forged, UID) is None
    assert container_name(forged + mount(f"{KUBELET}/pods/{UID}/containers/app/3f9c2a1b"), UID) == (
        "app"
    )


def test_two_names_are_no_name() -> None:
    text = b"".join(mount(f"/pods/{UID}/containers/{name}/3f9c2a1b") for name in ("a", "b"))
    assert container_name(text, UID) is None


@pytest.mark.parametrize("above", ["", "/@pods", "/srv/kubelet-pods", "/with\\040space"])
def test_a_pods_directory_on_a_disk_of_its_own_is_known_by_the_pods_hosts_file(above: str) -> None:
    log = mount(f"{above}/{UID}/containers/web/7672e8ec", "/var/log/last-words")
    assert container_name(OVERLAY + hosts(f"{above}/{UID}") + log, UID) == "web"
    assert container_name(OVERLAY + log, UID) is None, "it may be a volume's"


@pytest.mark.parametrize(
    "elsewhere",
    [
        hosts(f"/{UID}", device="8:2"),
        hosts(f"/other/{UID}"),
        hosts(f"/{UID}", point="/data/hosts"),
        hosts("/9a1b2c3d-1111-2222-3333-444455556666"),
    ],
)
def test_another_hosts_file_tells_nothing_of_where_the_pods_directory_is(elsewhere: bytes) -> None:
    log = mount(f"/{UID}/containers/web/7672e8ec")
    assert container_name(elsewhere + log, UID) is None


@pytest.mark.parametrize("forged", [f"/{UID}", f"/pods/{UID}", f"/x/pods/{UID}", "/any", ""])
@pytest.mark.parametrize("genuine", [f"{KUBELET}/pods/{UID}", f"/{UID}"])
def test_a_volume_of_its_own_file_system_names_no_other_container(
    genuine: str, forged: str
) -> None:
    """A claim is mounted with a subPath that the pod's UID is in, also at /etc/hosts."""
    own = mount(f"{genuine}/containers/app/3f9c2a1b")
    other = mount(f"{forged}/containers/db/3f9c2a1b", "/data", "8:32")
    for evidence in (hosts(genuine), hosts(forged, device="8:32")):
        for text in (own + other + evidence, evidence + other + own):
            assert container_name(text, UID) in {None, "app"}


def test_a_runtimes_process_that_sees_the_hosts_mounts_names_nothing() -> None:
    """A claim with a subPath is mounted on the host before the container's own mounts are."""
    point = f"{KUBELET}/pods/{UID}/volume-subpaths/claim/app/0"
    forged = mount(f"/pods/{UID}/containers/db/3f9c2a1b", point, "8:32")
    assert container_name(OVERLAY + forged, UID) is None


@pytest.mark.parametrize("volume", ["volumes/kubernetes.io~empty-dir/x", "volume-subpaths/x/app/0"])
@pytest.mark.parametrize("above", ["", KUBELET + "/pods"])
def test_an_empty_directory_on_the_same_disk_names_nothing(above: str, volume: str) -> None:
    """It lies on the device of the pod's own hosts file."""
    forged = mount(f"{above}/{UID}/{volume}/{UID}/containers/db/3f9c2a1b")
    assert container_name(forged + hosts(f"{above}/{UID}"), UID) is None
    genuine = mount(f"{above}/{UID}/containers/app/3f9c2a1b")
    assert container_name(forged + hosts(f"{above}/{UID}") + genuine, UID) == "app"


def test_a_pause_container_has_no_name() -> None:
    assert container_name(OVERLAY, UID) is None


@given(st.binary(max_size=300))
def test_garbage_names_nothing(text: bytes) -> None:
    assert container_name(text, UID) is None
