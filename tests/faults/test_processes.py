"""Four servers over one registry, some of which die all the time: nothing acknowledged is lost.

MUNIMENT_TEST_CHAOS_SECONDS says for how long (`make chaos`: five minutes).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import muniment
from muniment.errors import Unavailable

from .chaos import Chaos, content_of
from .places import on_mongodb_and_s3, on_one_machine, on_postgresql_and_s3
from .serving import ServerProcess

SECONDS = float(os.environ.get("MUNIMENT_TEST_CHAOS_SECONDS", "8"))
KILL_EVERY = 1.5  # seconds, and as long as a server needs to start


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize(
    "place", [on_one_machine, on_postgresql_and_s3, on_mongodb_and_s3], ids=lambda of: of.__name__
)
def test_processes_that_die_under_load_lose_nothing(
    tmp_path: Path, place: Callable[[Path], Mapping[str, str]]
) -> None:
    variables = {**place(tmp_path), "MUNIMENT_MLFLOW_TRACKING": "off"}
    with Chaos(tmp_path, variables) as chaos:
        chaos.run(SECONDS, kill_every=KILL_EVERY)
        print(chaos.ledger)
        assert chaos.ledger.kills
        assert chaos.ledger.pushed
        chaos.check()


@pytest.mark.usefixtures("postgres")
def test_workers_share_one_registry_and_the_dead_are_replaced(tmp_path: Path) -> None:
    """`muniment serve --workers 3`, over PostgreSQL and S3."""
    variables = {**on_postgresql_and_s3(tmp_path), "MUNIMENT_MLFLOW_TRACKING": "off"}
    with (
        ServerProcess(tmp_path, variables=variables, workers=3) as server,
        muniment.connect(server.url, cache=tmp_path / "cache", progress=False) as registry,
        ThreadPoolExecutor(6) as pool,
    ):

        def push(number: int) -> int:
            while True:
                try:
                    return registry.push("m", content_of(number), tags={"push": number}).version
                except Unavailable:
                    continue  # the worker that was asked died

        first = list(pool.map(push, range(1, 13)))
        (children,) = Path(f"/proc/{server.process.pid}/task").glob("*/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        numbers = [*first, *pool.map(push, range(13, 25))]
        made = {v.version: v for v in registry.versions()}
        assert made.keys() >= set(numbers)
        for number, push_of in zip(numbers, range(1, 25), strict=True):
            (file,) = made[number].manifest().files
            assert made[number].read(file.path) == content_of(push_of)
        assert registry.backend.catalog.verify_history("m") == 1 + len(made)
