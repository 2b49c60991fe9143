"""Metadata through MLflow's protocol

Muniment is one process over SQLite and a folder. Beside it, with `--peer`, MLflow's server at its
best: 4 processes on uvloop, its job queue off, over SQLite too; and for some calls as it is after
`pip install mlflow`, on plain asyncio, with its job queue. Else the least that a server in Python
can do: one route that answers some JSON and looks at nothing. All get the same requests, spread
over all models and versions. A search that was made before and finds a registry in which nothing
has changed is answered from memory, so searches are measured while every tenth request sets a tag,
too.

A write at one connection takes more than the tenth of MLflow's time that is wanted. The least that
a durable write takes is told by a bare route that commits one row. The rest is Python's: it finds
out who asks and what they may do, reads the model, the version and the stages, chains an entry into
the history and changes tables and their indexes, in two threads that wait for each other. With
eight connections both work at the same time, and eight writes share a commit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bench import Notebook, servers
from bench.comparing import Comparison, Side
from bench.filling import copy_of_filled, size_of
from bench.load import Call
from bench.servers import Server

BASE: Final = "/api/2.0/mlflow"
MODELS: Final = f"{BASE}/registered-models"
VERSIONS: Final = f"{BASE}/model-versions"
MODEL: Final = '"name":"model-<model>"'
VERSION: Final = f'{MODEL},"version":"<version>"'
PAGE: Final = "max_results=100"

GET_VERSION: Final = Call(
    "get version", "GET", f"{VERSIONS}/get?name=model-<model>&version=<version>"
)
BY_ALIAS: Final = Call("get by alias", "GET", f"{MODELS}/alias?name=model-<model>&alias=champion")
GET_MODEL: Final = Call("get model", "GET", f"{MODELS}/get?name=model-<model>")
BY_NAME: Final = Call(
    "search by name", "GET", f"{VERSIONS}/search?{PAGE}&filter=name%3D%27model-<model>%27"
)
BY_TAG: Final = Call(
    "search by tag", "GET", f"{VERSIONS}/search?{PAGE}&filter=tags.run%3D%27<run>%27"
)
SET_TAG: Final = Call(
    "set tag", "POST", f"{VERSIONS}/set-tag", f'{{{VERSION},"key":"reviewed","value":"<n>"}}'
)
TRANSITION: Final = Call(
    "transition",
    "POST",
    f"{VERSIONS}/transition-stage",
    f'{{{VERSION},"stage":"<stage>","archive_existing_versions":false}}',
)
CREATE_VERSION: Final = Call(
    "create version",
    "POST",
    f"{VERSIONS}/create",
    f'{{{MODEL},"source":"s3://models/<n>","tags":[{{"key":"run","value":"n<n>"}}]}}',
)
CREATE_MODEL: Final = Call(
    "create model",
    "POST",
    f"{MODELS}/create",
    '{"name":"new-<n>","tags":[{"key":"team","value":"risk"}]}',
)

CHANGING_NAME, CHANGING_TAG = (
    replace(call, what=f"{call.what}, while tags are set", another=SET_TAG)
    for call in (BY_NAME, BY_TAG)
)

AS_INSTALLED: Final = (GET_VERSION, BY_NAME, SET_TAG)
READS: Final = (GET_VERSION, BY_ALIAS, GET_MODEL)
SEARCHES: Final = (BY_NAME, BY_TAG)
WHILE_CHANGING: Final = (CHANGING_NAME, CHANGING_TAG)
WRITES: Final = (SET_TAG, TRANSITION, CREATE_VERSION, CREATE_MODEL)

RATIO: Final = (
    dict.fromkeys(READS, 15.0) | dict.fromkeys(SEARCHES, 20.0) | dict.fromkeys(WRITES, 10.0)
)
"""At least so much of the peer's rate is wanted …"""
MEDIAN_RATIO: Final = 0.1
"""… and at most so much of its median latency."""


def run(notebook: Notebook) -> None:
    size = size_of(notebook)
    print(f"  {size.models} models, {size}; searches answer {size.versions} rows")
    with servers.muniment(copy_of_filled(notebook, servers.muniment)) as ours:
        if notebook.peer:
            with servers.mlflow(copy_of_filled(notebook, servers.mlflow)) as other:
                compare(notebook, ours, Comparison(notebook, size), "MLflow", other)
            with servers.bare_route(notebook.scratch / "bare", committing=True) as least:
                comparison = Comparison(notebook, size, "The least of a durable write. ")
                comparison.medians([pair(call, ours, "bare commit", least) for call in WRITES])
            home = copy_of_filled(notebook, servers.mlflow)
            with servers.mlflow(home, as_installed=True) as other:
                comparison = Comparison(notebook, size, "MLflow as installed. ")
                sides = [pair(call, ours, "MLflow", other) for call in AS_INSTALLED]
                comparison.rates(sides, [None] * len(sides))
                comparison.medians(sides)
        else:
            with servers.bare_route(notebook.scratch / "bare") as other:
                compare(notebook, ours, Comparison(notebook, size), "bare route", other)


def compare(
    notebook: Notebook, ours: Server, comparison: Comparison, name: str, other: Server
) -> None:
    peer = notebook.peer
    reads = (*READS, *SEARCHES)
    for calls in (reads, WHILE_CHANGING, WRITES):  # reads first, while there is what was filled
        sides = [pair(call, ours, name, other) for call in calls]
        comparison.rates(sides, [RATIO.get(call) if peer else None for call in calls])
        comparison.medians(sides, MEDIAN_RATIO if peer else None)


def pair(call: Call, ours: Server, name: str, other: Server) -> tuple[Side, Side]:
    return Side("Muniment", ours, call), Side(name, other, call)
