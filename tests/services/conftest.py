from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from muniment.domain.caller import Caller
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import sha256_hex, utcnow
from muniment.services import Ports, Services
from muniment.services.webhooks.sending import Sender
from muniment.storage.factory import open_folder, open_stores
from muniment.storage.places import Place
from tests.parts.places import EMBEDDED, PLACES, lasting, spread


class Clock:
    """A clock that tests can turn."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utcnow() + self.ahead

    def forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)


class House(Services):
    """Services over a fresh folder, with a clock to turn and short ways to say things."""

    def __init__(self, ports: Ports, clock: Clock, actor: str = "ada") -> None:
        super().__init__(ports, Caller(actor=actor))
        self.ports = ports
        self.clock = clock

    def store(self, content: bytes) -> FileEntry:
        with self.artifacts.receive() as intake:
            intake.write(content)
            stat = intake.finish()
        assert stat.digest == sha256_hex(content)
        return FileEntry("model.bin", stat.digest, stat.size)

    def files(self, **contents: bytes) -> Manifest:
        entries = []
        for name, content in contents.items():
            entry = self.store(content)
            entries.append(FileEntry(f"{name}.bin", entry.digest, entry.size))
        return Manifest.of(entries)

    def acting_as(self, actor: str) -> House:
        return House(self.ports, self.clock, actor)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a house on several places; see `--places`."""
    if "place" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("places")
    if chosen == "embedded" or metafunc.definition.get_closest_marker("embedded"):
        places: tuple[tuple[str, str], ...] = (EMBEDDED,)
    else:
        places = PLACES if chosen == "all" else spread(metafunc.definition.nodeid)
    metafunc.parametrize("place", places, indirect=True, ids="-".join)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with lasting(request, tmp_path / "registry", request.param) as place:
        yield place


@pytest.fixture
def house(place: Place) -> Iterator[House]:
    clock = Clock()
    stores = open_stores(place)
    ports = Ports(stores.metadata, stores.blobs, accounts=stores.accounts, clock=clock)
    ports.metadata.ensure_workspace("default", clock())
    yield House(ports, clock)
    ports.close()


def house_over(folder: Path) -> House:
    clock, stores = Clock(), open_folder(folder)
    ports = Ports(
        stores.metadata,
        stores.blobs,
        accounts=stores.accounts,
        webhooks=stores.webhooks,
        leases=stores.leases,
        sender=Sender(("http", "https"), allow_private=True, seconds=5),
        clock=clock,
    )
    ports.metadata.ensure_workspace("default", clock())
    return House(ports, clock)


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[House]:
    """Services that may send to loopback."""
    house = house_over(tmp_path / "registry")
    yield house
    house.ports.close()
