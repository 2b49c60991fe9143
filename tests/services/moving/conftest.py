from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.storage.factory import Stores, open_folder

from .registries import fill


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a registry with one of everything, to be copied."""
    folder = tmp_path_factory.mktemp("original")
    stores = open_folder(folder)
    fill(stores)
    close(stores)
    return folder


@pytest.fixture
def full(original: Path, tmp_path: Path) -> Iterator[Stores]:
    """A registry with one of everything."""
    shutil.copytree(original, tmp_path / "full")
    stores = open_folder(tmp_path / "full")
    yield stores
    close(stores)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Stores]:
    """A place in which there is nothing yet."""
    stores = open_folder(tmp_path / "empty")
    yield stores
    close(stores)


def close(stores: Stores) -> None:
    stores.metadata.close()
    stores.blobs.close()
