"""Hand-packed images, and the build context of the product's image."""

import json
import os
import tarfile
from pathlib import Path

from e2e.lab import image_archive
from e2e.lab.product_image import included_paths, pip_volumes
from tests.support.tars import content


def pack(folder: Path, output: Path) -> bytes:
    layer = output.with_suffix(".layer")
    image_archive.pack_folder(folder, layer)
    image_archive.pack(layer, "lab.local/tool:1", ["/tool"], output)
    return output.read_bytes()


def test_equal_files_make_equal_images_whatever_their_times(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "tool").write_text("#!")
    first = pack(tree, tmp_path / "first.tar")
    os.utime(tree / "tool", (0, 0))
    assert pack(tree, tmp_path / "second.tar") == first


def test_an_image_names_its_layer_and_its_command(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    pack(tmp_path / "tree", tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        (manifest,) = json.loads(content(tar, "manifest.json"))
        config = json.loads(content(tar, manifest["Config"]))
        assert manifest["Layers"][0] in tar.getnames()
    assert manifest["RepoTags"] == ["lab.local/tool:1"]
    assert config["config"]["Cmd"] == ["/tool"]
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"]) == 1


def test_pip_in_the_build_uses_this_machines_pip_settings(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.touch()
    environment = {
        "PIP_CERT": str(bundle),
        "PIP_INDEX_URL": "https://packages.example/simple",
        "PIP_FIND_LINKS": "/absent/wheels https://wheels.example",
        "HOME": str(tmp_path),
    }
    volumes = pip_volumes(environment, tmp_path)
    config = tmp_path / "pip.conf"
    assert volumes == [
        *("--volume", f"{config}:/etc/pip.conf:ro"),
        *("--volume", f"{bundle}:{bundle}:ro"),
    ]
    assert config.read_text() == (
        f"[global]\ncert = {bundle}\nfind-links = \n  /absent/wheels\n  https://wheels.example\n"
        "index-url = https://packages.example/simple\n"
    )


def test_only_files_that_the_ignore_file_includes_are_in_the_build_context() -> None:
    assert included_paths("*\n!operator\n!pyproject.toml\n**/*.pyc\n") == [
        "operator",
        "pyproject.toml",
    ]
