"""Container images packed by hand: one layer, no registry, the same bytes for the same files."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def pack(layer: Path, reference: str, command: list[str], archive: Path) -> None:
    """Packs a layer's tar file as an image.

    Args:
        layer: The uncompressed tar of the image's whole file system.
        reference: The image's name and tag.
        command: What a container of it runs by default.
        archive: Where to write the image, in the format of `docker save`.
    """
    digest = _sha256(layer)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": [f"PATH={_PATH}"], "Cmd": command},
            # buildah refuses an image whose history tells of fewer layers than it has.
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "oomwarden's lab"}],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{digest}.tar"
    manifest = [{"Config": config_name, "RepoTags": [reference], "Layers": [layer_name]}]
    with tarfile.open(archive, "w") as tar:
        _add(tar, "manifest.json", json.dumps(manifest).encode())
        _add(tar, config_name, config)
        tar.add(layer, layer_name, filter=_without_owner)


def pack_folder(folder: Path, layer: Path) -> None:
    """Writes a folder's files as a layer, owned by root and without their times."""
    with tarfile.open(layer, "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, str(path.relative_to(folder)), recursive=False, filter=_without_owner)


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
