import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.parse.mountinfo import container_name, decode

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


def test_any_mount_point_counts_and_the_kubelets_root_may_be_a_separate_mount() -> None:
    text = mount(f"/pods/{UID}/containers/my-app/3f9c2a1b", "/var/log/last\\040words")
    assert container_name(text, UID) == "my-app"


def test_escapes_of_the_kernel_are_decoded() -> None:
    assert decode(rb"/a\040b\011c\012d\134e\043") == "/a b\tc\nd\\e#"
    text = mount(f"/var/lib/my\\040kubelet/pods/{UID}/containers/app/3f9c2a1b")
    assert container_name(text, UID) == "app"


def test_a_mount_of_another_pod_is_ignored() -> None:
    other = UID.replace("1111", "9999")
    assert container_name(mount(f"{KUBELET}/pods/{other}/containers/app/3f9c2a1b"), UID) is None


def test_a_path_that_a_tenant_made_in_a_volume_is_ignored() -> None:
    volume = f"{KUBELET}/pods/{UID}/volumes/kubernetes.io~empty-dir/data"
    forged = mount(f"{volume}/pods/{UID}/containers/db/3f9c2a1b")
    assert container_name(forged, UID) is None
    assert container_name(forged + mount(f"{KUBELET}/pods/{UID}/containers/app/3f9c2a1b"), UID) == (
        "app"
    )


def test_with_two_names_the_name_is_unknown() -> None:
    text = b"".join(mount(f"/pods/{UID}/containers/{name}/3f9c2a1b") for name in ("a", "b"))
    assert container_name(text, UID) is None


@pytest.mark.parametrize("above", ["", "/@pods", "/srv/kubelet-pods", "/with\\040space"])
def test_a_pods_directory_on_a_separate_disk_is_recognized_by_the_pods_hosts_file(
    above: str,
) -> None:
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
def test_another_hosts_file_does_not_locate_the_pods_directory(elsewhere: bytes) -> None:
    log = mount(f"/{UID}/containers/web/7672e8ec")
    assert container_name(elsewhere + log, UID) is None


@pytest.mark.parametrize("forged", [f"/{UID}", f"/pods/{UID}", f"/x/pods/{UID}", "/any", ""])
@pytest.mark.parametrize("genuine", [f"{KUBELET}/pods/{UID}", f"/{UID}"])
def test_a_volume_with_its_own_file_system_names_no_other_container(
    genuine: str, forged: str
) -> None:
    """A claim is mounted with a subPath that contains the pod's UID, also at /etc/hosts."""
    own = mount(f"{genuine}/containers/app/3f9c2a1b")
    other = mount(f"{forged}/containers/db/3f9c2a1b", "/data", "8:32")
    for evidence in (hosts(genuine), hosts(forged, device="8:32")):
        for text in (own + other + evidence, evidence + other + own):
            assert container_name(text, UID) in {None, "app"}


def test_a_process_of_the_runtime_that_sees_the_hosts_mounts_has_no_name() -> None:
    """A claim with a subPath is mounted on the host before the container's own mounts."""
    point = f"{KUBELET}/pods/{UID}/volume-subpaths/claim/app/0"
    forged = mount(f"/pods/{UID}/containers/db/3f9c2a1b", point, "8:32")
    assert container_name(OVERLAY + forged, UID) is None


OTHER = "9a1b2c3d-1111-2222-3333-444455556666"


@pytest.mark.parametrize("other", [OTHER, "0f" * 16])
@pytest.mark.parametrize("place", ["volumes/kubernetes.io~csi/x/mount", "volume-subpaths/x/app/0"])
def test_another_pods_volume_that_the_runtime_sees_on_the_host_is_ignored(
    other: str, place: str
) -> None:
    """Its tenant knows this pod's UID and makes such a path in its own volume."""
    point = f"{KUBELET}/pods/{other}/{place}"
    forged = mount(f"/pods/{UID}/containers/db/3f9c2a1b", point, "8:32")
    assert container_name(OVERLAY + forged, UID) is None
    own = mount(f"{KUBELET}/pods/{UID}/containers/app/3f9c2a1b")
    assert container_name(forged + own, UID) in {None, "app"}


def test_a_termination_message_path_that_looks_like_a_volume_does_not_hide_a_second_name() -> None:
    """A tenant chooses terminationMessagePath before the pod has its UID."""
    own = mount(f"/pods/{UID}/containers/app/3f9c2a1b", f"/x/{OTHER}/volumes/y")
    forged = mount(f"/pods/{UID}/containers/db/3f9c2a1b", "/data", "8:32")
    assert container_name(own + forged, UID) is None


@pytest.mark.parametrize("above", [KUBELET + "/pods", ""])
def test_a_source_that_was_removed_while_it_is_mounted_still_names_the_container(
    above: str,
) -> None:
    log = mount(f"{above}/{UID}/containers/app/3f9c2a1b//deleted")
    assert container_name(hosts(f"{above}/{UID}") + log, UID) == "app"
    forged = mount(f"{above}/{UID}/containers/app/3f9c2a1b/deleted")
    assert container_name(hosts(f"{above}/{UID}") + forged, UID) is None


@pytest.mark.parametrize(
    "root",
    [
        "/data/kubelet",
        "/lib/kubelet",
        "/var/snap/microk8s/common/var/lib/kubelet",
        "/ostree/deploy/fcos/var/lib/kubelet",
        f"/var/lib/docker/volumes/{'ab' * 32}/_data/lib/kubelet",
        f"/pods/{OTHER}/volumes/kubernetes.io~empty-dir/var/kubelet",
        "/@/var/lib/kubelet",
        "/pods",
        "",
    ],
)
def test_the_kubelets_directory_may_be_anywhere(root: str) -> None:
    """Moved by --root-dir, on another disk, in a subvolume, in a node that is itself a pod."""
    text = OVERLAY + mount(f"{root}/pods/{UID}/containers/web-1/7672e8ec", "/var/last")
    assert container_name(text, UID) == "web-1"


@pytest.mark.parametrize(
    "line",
    [
        "901 880 8:1 {} /dev/termination-log rw shared:1 master:2 unbindable - x /y rw",
        "901 880 0:45 {} /dev/termination-log rw,idmapped - nfs4 host:/a\\040b rw,vers=4.2",
        "901 880 8:1 {} /dev/termination-log",
        "9 8 8:1 /a\r/b /c rw - x y rw\n901 880 8:1 {} /dev/a\rb rw - x y rw",
    ],
)
def test_fields_after_the_mount_point_are_ignored(line: str) -> None:
    text = line.format(f"/pods/{UID}/containers/app/3f9c2a1b").encode()
    assert container_name(text, UID) == "app"


@pytest.mark.parametrize("uid", ["0f" * 16, "0f0f0f0f-0000-1111-2222-333344445555"])
@pytest.mark.parametrize("name", ["a", "0", "x" * 63, "containers", "pods", "etc-hosts", "1-2"])
def test_odd_names_and_static_pods_are_read(uid: str, name: str) -> None:
    assert container_name(mount(f"/pods/{uid}/containers/{name}/00000000"), uid) == name


@pytest.mark.parametrize(
    "odd",
    ["App", "a_b", "x" * 64, "-a", "a-", "", "a/b", "a.b", "app\\012"],
)
def test_what_is_not_a_container_name_is_ignored(odd: str) -> None:
    assert container_name(mount(f"/pods/{UID}/containers/{odd}/3f9c2a1b"), UID) is None


@pytest.mark.parametrize("volume", ["volumes/kubernetes.io~empty-dir/x", "volume-subpaths/x/app/0"])
@pytest.mark.parametrize("above", ["", KUBELET + "/pods"])
def test_an_empty_directory_on_the_same_disk_is_ignored(above: str, volume: str) -> None:
    """It is on the device of the pod's own hosts file."""
    forged = mount(f"{above}/{UID}/{volume}/{UID}/containers/db/3f9c2a1b")
    assert container_name(forged + hosts(f"{above}/{UID}"), UID) is None
    genuine = mount(f"{above}/{UID}/containers/app/3f9c2a1b")
    assert container_name(forged + hosts(f"{above}/{UID}") + genuine, UID) == "app"


def test_a_pause_container_has_no_name() -> None:
    assert container_name(OVERLAY, UID) is None


@given(st.binary(max_size=300))
def test_garbage_has_no_name(text: bytes) -> None:
    assert container_name(text, UID) is None
