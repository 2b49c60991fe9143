"""What several processes do at the same moment to a registry that they share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.errors import AlreadyExists
from muniment.services import Services
from muniment.services.base import Ports
from muniment.storage.factory import open_stores
from muniment.storage.places import Place

T = TypeVar("T")
PROCESSES = 3
ROUNDS = 10


@pytest.fixture
def processes(postgres_url: str, tmp_path: Path) -> Iterator[list[Services]]:
    """Services as several processes have them: each with stores of its own over one place."""
    place = Place.of(postgres_url, str(tmp_path / "blobs"))
    ports = []
    for _ in range(PROCESSES):
        stores = open_stores(place)
        ports.append(Ports(stores.metadata, stores.blobs, accounts=stores.accounts))
    ports[0].metadata.ensure_workspace("default", ports[0].clock())
    yield [Services(one, Caller()) for one in ports]
    for one in ports:
        one.close()


def at_once(processes: list[Services], call: Callable[[Services], T]) -> list[T | Exception]:
    """Let all call at the same moment; return what came of it."""
    start = threading.Barrier(len(processes))

    def one(services: Services) -> T | Exception:
        start.wait()
        try:
            return call(services)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(processes)) as pool:
        return list(pool.map(one, processes))


def test_the_first_versions_of_a_model_make_it_once(processes: list[Services]) -> None:
    for number in range(ROUNDS):
        new = NewVersion(source_uri="s3://elsewhere")
        made = at_once(
            processes,
            lambda services, name=f"m{number}", new=new: (
                services.catalog.create_version(name, new, create_model=True).version
            ),
        )
        assert sorted(map(str, made)) == ["1", "2", "3"]
        kinds = [entry.kind for entry in processes[0].catalog.history(f"m{number}").items]
        assert kinds.count("model.created") == 1


def test_a_model_is_created_once_and_its_retries_find_it(processes: list[Services]) -> None:
    for number in range(ROUNDS):
        made = at_once(
            processes,
            lambda services, name=f"m{number}": services.catalog.create_model(name).name,
        )
        assert sum(one == f"m{number}" for one in made) == 1
        assert sum(isinstance(one, AlreadyExists) for one in made) == PROCESSES - 1
        again = at_once(
            processes,
            lambda services, name=f"n{number}": (
                services.catalog.create_model(name, idempotency_key="k").name
            ),
        )
        assert again == [f"n{number}"] * PROCESSES


def test_models_whose_names_look_alike_are_told_apart(processes: list[Services]) -> None:
    for number in range(ROUNDS):
        at = iter(range(PROCESSES))
        made = at_once(
            processes,
            lambda services, at=at, number=number: (
                services.catalog.create_model(f"m {number}" + "!" * next(at)).slug
            ),
        )
        assert sorted(map(str, made)) == [f"m-{number}", f"m-{number}-2", f"m-{number}-3"]
