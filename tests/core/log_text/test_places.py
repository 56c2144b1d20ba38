import pytest
from oomwarden.core.log_text.places import place_of

POD = "0a1b2c3d-1111-2222-3333-444455556666"
SLICE = "kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice"
ID, SHORT = "ab" * 32, "ab" * 6
WORDS = {
    "/": "the root cgroup: the whole machine",
    f"/kubepods.slice/kubepods-burstable.slice/{SLICE}": f"pod {POD} (Burstable)",
    f"/kubepods.slice/kubepods-burstable.slice/{SLICE}/cri-containerd-{ID}.scope": (
        f"container {SHORT} of pod {POD} (Burstable)"
    ),
    f"/kubepods.slice/kubepods-burstable.slice/{SLICE}/crio-conmon-{ID}.scope": (
        f"the runtime's monitor (conmon) in pod {POD} (Burstable)"
    ),
    f"/kubepods/besteffort/pod{POD}/{ID}": f"container {SHORT} of pod {POD} (BestEffort)",
    f"/kubepods/pod{POD}/{ID}": f"container {SHORT} of pod {POD} (Guaranteed)",
    f"/lxc.payload.a/kubepods/pod{POD}": f"pod {POD} (Guaranteed)",
    "/kubepods.slice": "all pods of the node (kubepods)",
    "/kubepods/burstable": "all Burstable pods of the node",
    f"/docker/{ID}": f"Docker container {SHORT}",
    f"/system.slice/docker-{ID}.scope": f"Docker container {SHORT}",
    f"/machine.slice/libpod-{ID}.scope/container": f"Podman container {SHORT}",
    "/system.slice/app.service": "systemd unit app.service",
    "/system.slice/app.service/worker": "a cgroup of the systemd unit app.service",
    "/user.slice/user-1000.slice/session-1.scope": "a session of user 1000",
    "/slurm/uid_7/job_42/step_0/task_1": "Slurm job 42",
    "/lxc/web": "LXC container web",
    "/ecs/f209da7f990b45b585488946f0eec404/x": "ECS task f209da7f990b45b585488946f0eec404",
    "/A1": "the cgroup /A1",
}


@pytest.mark.parametrize("path", WORDS)
def test_a_path_is_said_in_words(path: str) -> None:
    assert place_of(path).words == WORDS[path]
