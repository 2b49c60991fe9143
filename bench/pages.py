"""Web pages at 100 and at 100,000 versions: to the last byte, as the server renders them.

Each registry (`bench.growing`) has a server of its own; they are asked in turn. The pages are those
that list, count or draw something, and those of one model and one version. A part of a word is
looked for in all names, since no index knows it; the totals of the storage page add up all files.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from bench import Figure, Finding, Notebook
from bench.content import ACTOR, Size, model_name
from bench.growing import grow
from bench.servers import muniment
from muniment.domain.caller import Caller
from muniment.domain.stages import Policy, Stage
from muniment.services import Ports, Services
from muniment.storage.factory import open_folder

TARGET: Final = 1.5
_MANY_MODELS: Final = (Size(50, 2), Size(50_000, 2))
_ONE_MODEL: Final = (Size(1, 100), Size(1, 100_000))
_QUICK: Final = ((Size(50, 2), Size(250, 2)), (Size(1, 100), Size(1, 500)))
_ASKED: Final = 10  # of each page, in one round
_REVIEW_DAYS: Final = 30

_MODEL: Final = f"/models/{model_name(0)}"
_OF_MODEL: Final[Mapping[str, str]] = {
    "a model": _MODEL,
    "a model, its best version first": f"{_MODEL}?sort=metric:auc",
    "a model, its versions in Production": f"{_MODEL}?stage=Production",
    "a version": f"{_MODEL}/2",
    "two versions side by side": f"{_MODEL}/compare?v=1&v=2",
    "lineage": f"{_MODEL}/1/lineage",
    "activity of a model": f"/activity?model={model_name(0)}",
}
_OF_ALL: Final[Mapping[str, str]] = {
    "home": "/",
    "reviews": "/reviews",
    "models": "/models",
    "models by name": "/models?sort=name",
    "models, a word that many names have": "/models?q=model",
    "models, a word that few names have": "/models?q=del-00000",
    "models with a version in Production": "/models?stage=Production",
    "models of a framework": "/models?framework=sklearn",
    "models of somebody": f"/models?owner={ACTOR}",
    "models with a tag": "/models?tag=tier%3Dgold",
    **_OF_MODEL,
    "activity": "/activity",
    "activity of a kind": "/activity?kind=stage",
    "activity of somebody": f"/activity?actor={ACTOR}",
    "deployments": "/deployments",
    "storage": "/storage",
}


def run(notebook: Notebook) -> None:
    """Measure the pages over many models, then those of one with many versions."""
    many, one = _QUICK if notebook.quick else (_MANY_MODELS, _ONE_MODEL)
    _compare(notebook, *many, _OF_ALL, "models of two versions")
    _compare(notebook, *one, _OF_MODEL, "one model")


def _compare(
    notebook: Notebook, small: Size, large: Size, pages: Mapping[str, str], group: str
) -> None:
    with _served(notebook, small) as few, _served(notebook, large) as many:
        for what, path in pages.items():
            measures = {"few": partial(_taken, few, path), "many": partial(_taken, many, path)}
            said = notebook.in_turn(measures)
            notebook.note(
                Finding(
                    f"{large.all_versions:,} versions, {group}",
                    what,
                    Figure(said["many"], "ms"),
                    Figure(said["few"], "ms"),
                    f"{small.all_versions} versions",
                    more_is_better=False,
                    target=TARGET,
                )
            )


@contextmanager
def _served(notebook: Notebook, size: Size) -> Iterator[http.client.HTTPConnection]:
    """Yield a connection to a server over a registry of that size."""
    home = notebook.scratch / f"{size.models}-{size.versions}"
    home.mkdir()
    grow(home / "muniment.db", size)
    _demand_reviews(home)
    with muniment(home, settings={"MUNIMENT_CHECKS_EVERY": "0"}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        yield connection
        connection.close()


def _demand_reviews(home: Path) -> None:
    """Have a policy by which all versions in Production are due for review."""
    stores = open_folder(home)
    lifecycle = Services(Ports(stores.metadata, stores.blobs), Caller(actor=ACTOR)).lifecycle
    lifecycle.define_stage(Stage("Production", policies=(Policy(review_days=_REVIEW_DAYS),)))
    stores.metadata.close()


def _taken(connection: http.client.HTTPConnection, path: str) -> float:
    """Return the median of the milliseconds to the last byte of a page."""
    taken = []
    connection.close()  # else the server would, after a while, and the next request fails
    for _ in range(_ASKED):
        begun = perf_counter()
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        page = answer.read()
        taken.append((perf_counter() - begun) * 1e3)
        if answer.status != 200 or b"</html>" not in page:
            raise RuntimeError(f"{path}: {answer.status} {page[:300]!r}")
    return median(taken)
