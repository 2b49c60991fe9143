"""Metadata over PostgreSQL and MongoDB

Through MLflow's protocol, as above, and with 1, 2 and 4 processes of Muniment over one database.
`MUNIMENT_BENCH_POSTGRES_URL` and `MUNIMENT_BENCH_MONGODB_URL` may name databases to use, which have
to be empty; else they are started here, on the same CPUs as Muniment and the load; PostgreSQL waits
for the disk at each commit, as it does by default. Where no `mongod` is installed, FerretDB 1.24
over SQLite files stands in for it, on 400 versions: it reads a whole collection for most searches,
so its figures say little about MongoDB, and it serves one process at a time. Where the shares of
the CPUs come to nearly all that there are, a second process of Muniment finds none left.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.parts import mongodb, postgres

from bench import Figure, Finding, Notebook, servers
from bench.comparing import Comparison, Side, cpu_of
from bench.filling import Size, copy_of_filled, fill, size_of
from bench.protocol import (
    BY_TAG,
    CREATE_VERSION,
    GET_VERSION,
    READS,
    SEARCHES,
    SET_TAG,
    WRITES,
)
from bench.servers import Server

SMALL, TINY = Size(20, 20), Size(4, 10)  # what FerretDB can search
PROCESSES: Final = (1, 2, 4)
SPREAD: Final = (GET_VERSION, BY_TAG, SET_TAG, CREATE_VERSION)
CONNECTIONS: Final = 16
TWICE: Final = 1.6
"""What two processes are to do of one's rate."""

DURABLE: Final = {
    "max_connections": "300",
    "log_min_messages": "fatal",
    "shared_buffers": "256MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


@dataclass(frozen=True)
class Database:
    """A database that answers; `processes`: its own by name, if they are here."""

    name: str
    url: str
    processes: Mapping[str, int]
    size: Size
    shared: bool = True  # whether several processes of Muniment may use it


def run(notebook: Notebook) -> None:
    for opened in (postgresql, mongo):
        with ExitStack() as ending:
            try:
                database = ending.enter_context(opened(notebook))
            except LookupError as missing:
                print(f"  not measured: {missing}")
                continue
            measure(notebook, database)


def measure(notebook: Notebook, database: Database) -> None:
    print(f"  {database.name}: {database.size}")
    counts = PROCESSES[:2] if notebook.quick else PROCESSES
    with ExitStack() as ending:
        sites = {}
        # All at once, over one database: those that rest need nothing.
        for count in counts if database.shared else counts[:1]:
            home = notebook.scratch / f"{database.name}-{count}"
            over = {"MUNIMENT_DATABASE": database.url, "MUNIMENT_BLOBS": str(home / "blobs")}
            server = servers.muniment(home, workers=count, settings=over)
            sites[count] = ending.enter_context(server)
            if count == 1:
                fill(server.url, database.size)
        embedded = ending.enter_context(
            servers.muniment(copy_of_filled(notebook, servers.muniment, database.size))
        )
        comparison = Comparison(notebook, database.size, f"{database.name}: ")
        for calls in (SPREAD[:2], SPREAD[2:]) if notebook.quick else ((*READS, *SEARCHES), WRITES):
            pairs = [
                (
                    Side(database.name, sites[1], call, dict(database.processes)),
                    Side("SQLite", embedded, call),
                )
                for call in calls
            ]
            comparison.rates(pairs, [None] * len(pairs))
            comparison.medians(pairs)
        if database.shared:
            spread(notebook, database, sites, comparison)


def spread(
    notebook: Notebook, database: Database, sites: Mapping[int, Server], comparison: Comparison
) -> None:
    """Note what more processes do, beside one."""
    group = f"{database.name}: requests per second, {CONNECTIONS} connections, by processes"
    for call in SPREAD:
        sides = [
            Side(f"{count} of Muniment", site, call, dict(database.processes))
            for count, site in sites.items()
        ]
        loads = comparison.in_turn(sides, CONNECTIONS)
        one, *more = [Figure([load.rate for load in each], "1/s") for each in loads]
        for side, each, figure in zip(sides[1:], loads[1:], more, strict=True):
            count = int(side.name.partition(" ")[0])
            target = TWICE if count == 2 and database.name == "PostgreSQL" else None
            note = f"{cpu_of([side], [each])}; of {os.cpu_count()}"
            what = f"{call.what}, {count} processes"
            notebook.note(Finding(group, what, figure, one, "1 process", target=target, note=note))


@contextmanager
def postgresql(notebook: Notebook) -> Iterator[Database]:
    """Yield a PostgreSQL.

    Raises:
        LookupError: none is installed.
    """
    name, size = "PostgreSQL", size_of(notebook)
    if given := os.environ.get("MUNIMENT_BENCH_POSTGRES_URL"):
        yield Database(name, given, {}, size)
        return
    process, url = postgres.start(notebook.scratch / "postgresql", DURABLE)
    with ended(process, signal.SIGINT):
        yield Database(name, url, {name: process.pid}, size)


@contextmanager
def mongo(notebook: Notebook) -> Iterator[Database]:
    """Yield a MongoDB, or what stands in for it.

    Raises:
        LookupError: neither is installed.
    """
    if given := os.environ.get("MUNIMENT_BENCH_MONGODB_URL"):
        yield Database("MongoDB", given, {}, size_of(notebook))
        return
    process, url = mongodb.start(notebook.scratch / "mongodb")
    url = urlsplit(url)._replace(path="/bench").geturl()
    if mongodb.is_ferretdb():
        name, size, by = "FerretDB", TINY if notebook.quick else SMALL, signal.SIGKILL
    else:
        name, size, by = "MongoDB", size_of(notebook), signal.SIGTERM
    with ended(process, by):
        yield Database(name, url, {name: process.pid}, size, shared=name == "MongoDB")


@contextmanager
def ended(process: subprocess.Popen[bytes], by: signal.Signals) -> Iterator[None]:
    """End a process by a signal at the end."""
    with process:
        try:
            yield
        finally:
            process.send_signal(by)
            process.wait()
