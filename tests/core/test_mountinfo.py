from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.mountinfo import container_name, decode

UID = "0a1b2c3d-1111-2222-3333-444455556661"


def mount(root: str, point: str = "/dev/termination-log") -> bytes:
    return f"901 880 8:1 {root} {point} rw,relatime - ext4 /dev/sda1 rw\n".encode()


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


def test_a_pause_container_has_no_name() -> None:
    assert container_name(OVERLAY, UID) is None


@given(st.binary(max_size=300))
def test_garbage_names_nothing(text: bytes) -> None:
    assert container_name(text, UID) is None
