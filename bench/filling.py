"""Registries of the same content for every server that speaks MLflow's protocol.

Models are `model-00000` and so on. Each version has tags: `run` says the same in one version of
each model, `team` in all of a model. The first version of each has the alias `champion`; one of ten
is in Staging, one in Production.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

from bench import Notebook
from bench.servers import Server

STAGES = {3: "Staging", 7: "Production"}  # by the last digit of a version
THREADS = 4


@dataclass(frozen=True)
class Size:
    """So many models, of so many versions each."""

    models: int = 100
    versions: int = 100

    def __str__(self) -> str:
        return f"{self.models * self.versions:,} versions"


def size_of(notebook: Notebook) -> Size:
    """Return what metadata is measured on."""
    return Size(20, 20) if notebook.quick else Size()


def copy_of_filled(
    notebook: Notebook, start: Callable[[Path], Server], size: Size | None = None
) -> Path:
    """Return a home of its own for a server: a copy of one that was filled once in this run.

    `size`: else that of `size_of`.
    """
    size = size or size_of(notebook)
    name = f"{start.__name__}-{size.models}x{size.versions}"
    original = notebook.scratch.parent / f"filled-{name}"
    if not original.exists():
        with start(original) as server:
            fill(server.url, size)
    copy = mkdtemp(prefix=f"{name}-", dir=notebook.scratch)
    return Path(copytree(original, copy, dirs_exist_ok=True))


def fill(url: str, size: Size, base: str = "/api/2.0/mlflow") -> None:
    """Fill an empty registry over MLflow's protocol.

    Raises:
        RuntimeError: an answer is no 200; says which.
    """

    def some(first: int) -> None:
        address = urlsplit(url).netloc
        connection = http.client.HTTPConnection(address, timeout=300)
        for number in range(first, size.models, THREADS):
            for path, body in _requests(number, size):
                headers = {"Content-Type": "application/json"}
                connection.request("POST", base + path, json.dumps(body), headers)
                answer = connection.getresponse()
                said = answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{path}: {answer.status} {said[:500]!r}")
        connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(some, range(THREADS)))


def _requests(number: int, size: Size) -> Iterator[tuple[str, dict[str, Any]]]:
    name, team = f"model-{number:05}", f"team-{number % 10}"
    tags = {"team": team, "tier": str(number % 3)}
    yield "/registered-models/create", {"name": name, "tags": _pairs(tags)}
    for version in range(1, size.versions + 1):
        run = (number + version) % size.versions
        yield (
            "/model-versions/create",
            {
                "name": name,
                "source": f"s3://models/{name}/{version}",
                "description": f"Trained in run {run}.",
                "tags": _pairs({"team": team, "run": str(run)}),
            },
        )
        if stage := STAGES.get(version % 10):
            moved = {"name": name, "version": str(version), "stage": stage}
            yield (
                "/model-versions/transition-stage",
                {**moved, "archive_existing_versions": False},
            )
    yield "/registered-models/alias", {"name": name, "alias": "champion", "version": "1"}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
