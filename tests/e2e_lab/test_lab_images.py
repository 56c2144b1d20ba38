"""A running lab has the images it began with; for others the remedy is named."""

from pathlib import Path

import pytest

from e2e.lab import cluster, instance, product_image
from e2e.lab.errors import LabError
from e2e.lab.instance import Instance


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Give an instance that KUBECONFIG names."""
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    one = instance.find("demo")
    one.run.mkdir(parents=True)
    monkeypatch.setenv("KUBECONFIG", str(one.kubeconfig))
    return one


def test_a_lab_gives_the_images_that_it_began_with(running: Instance) -> None:
    product = product_image.reference()
    running.remember({"product": str(product), "postgres": True})
    given = cluster.open_cluster()
    assert given.build_and_load_image() == product
    assert given.postgres_image() == "lab.local/postgres:1"


def test_a_lab_with_another_image_says_how_it_gets_this_one(running: Instance) -> None:
    running.remember({"product": "lab.local/oomwarden:older"})
    with pytest.raises(LabError, match="up --name demo`"):
        cluster.open_cluster().build_and_load_image()


def test_a_lab_without_postgres_says_how_it_gets_it(running: Instance) -> None:
    running.remember({"postgres": False})
    with pytest.raises(LabError, match="up --name demo --postgres`"):
        cluster.open_cluster().postgres_image()
