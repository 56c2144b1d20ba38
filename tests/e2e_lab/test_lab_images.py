"""A running lab has the images it was started with; for others, the error names the remedy."""

from pathlib import Path

import pytest

from e2e.lab import cluster, instance, product_image
from e2e.lab.errors import LabError
from e2e.lab.instance import Instance


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Return an instance that KUBECONFIG names."""
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    one = instance.find("demo")
    one.run.mkdir(parents=True)
    monkeypatch.setenv("KUBECONFIG", str(one.kubeconfig))
    return one


def test_a_lab_provides_the_images_that_it_was_started_with(running: Instance) -> None:
    product = product_image.reference()
    running.save_running_state({"product": str(product), "postgres": True})
    opened = cluster.open_cluster()
    assert opened.build_and_load_image() == product
    assert opened.postgres_image() == "lab.local/postgres:1"


def test_a_lab_with_another_image_names_the_command_that_adds_this_one(running: Instance) -> None:
    running.save_running_state({"product": "lab.local/oomwarden:older"})
    with pytest.raises(LabError, match="up --name demo`"):
        cluster.open_cluster().build_and_load_image()


def test_a_lab_without_postgres_names_the_command_that_adds_it(running: Instance) -> None:
    running.save_running_state({"postgres": False})
    with pytest.raises(LabError, match="up --name demo --postgres`"):
        cluster.open_cluster().postgres_image()
