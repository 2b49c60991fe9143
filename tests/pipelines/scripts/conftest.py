"""A container for each test; a Muniment server and AWS for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import servers
from tests.pipelines.aws import aws
from tests.pipelines.scripts.running import Container

__all__ = ["aws"]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    opt_ml = tmp_path / "opt" / "ml"
    opt_ml.mkdir(parents=True)
    return Container(opt_ml)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    started = servers.start(tmp_path_factory.mktemp("registry") / "home")
    yield started
    started.end()
