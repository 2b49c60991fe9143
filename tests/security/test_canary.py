"""No route of the server runs what it is sent: a pickle through all of them leaves no trace."""

from __future__ import annotations

import io
import pickle
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from muniment.services import Services
from tests.security.conftest import World
from tests.security.routes import EVERY, TABLE
from tests.security.test_every_route import send


class Canary:
    """Makes a file when it is unpickled; of another name each time it is pickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.trace / f"{time.monotonic_ns()}"), "w")


def canaries(trace: Path) -> Iterator[bytes]:
    """Yield it as it is, in a zip of PyTorch's and in an array of NumPy's."""
    while True:
        yield pickle.dumps(Canary(trace))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as members:
            members.writestr("m/data.pkl", pickle.dumps(Canary(trace)))
        yield archive.getvalue()
        array = io.BytesIO()
        np.save(array, np.array([Canary(trace)], dtype=object), allow_pickle=True)
        yield array.getvalue()


def test_the_canary_sings_where_it_is_unpickled(tmp_path: Path) -> None:
    pickle.loads(next(canaries(tmp_path))).close()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_pickle_that_is_sent_through_every_route_never_runs(
    client: httpx.Client, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs = canaries(tmp_path)
    monkeypatch.setattr(world, "content", lambda: next(songs))
    for route in sorted(set(EVERY) & TABLE.keys()):
        ask = TABLE[route].prepare(world, world.name())
        send(client, world, route, ask, "root")
        if ask.content is not None and not ask.headers:
            ask.content = next(songs)  # where any bytes are taken, these
            send(client, world, route, ask, "root")
    # Checks look at what came, in processes of their own.
    number = world.version("canary")
    results = world.owner.checks.run("canary", number)
    assert results
    assert isinstance(world.owner, Services)
    assert not list(tmp_path.iterdir())
