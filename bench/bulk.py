"""Large files through the server: one of 1 GiB, up and down.

An upload counts when it is hashed and durable. The client sends by sendfile and receives into one
buffer; the bytes come from the page cache, and what is stored is freed again between the rounds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import Figure, Finding, Notebook
from bench.bytes_over_http import MIB, Sample, call, connect, fetch, send
from bench.cpu import seconds_of
from bench.servers import Server, mlflow, muniment
from bench.yardsticks import copy_and_hash, nginx, receiver, send_to

SIZE_MIB, QUICK_MIB = 1024, 64
UP, DOWN = "Upload", "Download"
PROXY = "/api/2.0/mlflow-artifacts/artifacts/bench/large"
OURS, OUR_PROXY, PEER = "Muniment", "Muniment, MLflow's proxy", "MLflow's proxy"
SOCKET, COPY, NGINX = "bare socket, write, fsync", "copy and SHA-256, fsync", "nginx, sendfile"

Measure = Callable[[], float]


def upload(server: Server, sample: Sample) -> float:
    """Send new bytes through an upload session; return MiB per second."""
    sample.renew()
    begun = time.perf_counter()
    connection = connect(server.url)
    body = {"digest": sample.digest, "size": sample.mib * MIB}
    path = f"/api/v1/uploads/{call(connection, 'POST', '/api/v1/uploads', body)['id']}"
    send(connection, "PATCH", path, sample, Upload_Offset="0")
    call(connection, "POST", f"{path}/finish", {"digest": sample.digest})
    rate = sample.rate(begun)
    connection.close()
    return rate


def put(server: Server, path: str, sample: Sample) -> float:
    """Send new bytes in one request; return MiB per second."""
    sample.renew()
    connection = connect(server.url)
    begun = time.perf_counter()
    send(connection, "PUT", path, sample)
    rate = sample.rate(begun)
    connection.close()
    return rate


def download(url: str, path: str, sample: Sample) -> float:
    """Fetch all bytes; return MiB per second."""
    connection = connect(url)
    begun = time.perf_counter()
    came = fetch(connection, path)
    rate = sample.rate(begun)
    connection.close()
    if came != sample.mib * MIB:
        raise RuntimeError(f"{came} bytes came of {sample.mib} MiB")
    return rate


def freed(home: Path, measure: Measure) -> Measure:
    """Return a measure that removes what it has stored in `home`."""

    def run() -> float:
        before = {*home.rglob("*")}
        rate = measure()
        for new in {*home.rglob("*")} - before:
            if new.is_file() and new.stat().st_size >= MIB:
                new.unlink()
        os.sync()
        return rate

    return run


class Costs:
    """CPU that a server and its client used, per GiB."""

    def __init__(self, server: Server, mib: int) -> None:
        self._server = server
        self._gib = mib / 1024
        self._rounds: dict[str, list[tuple[float, float]]] = {}

    def of(self, what: str, measure: Measure) -> Measure:
        """Return a measure whose cost is kept."""

        def run() -> float:
            server, client = seconds_of(self._server.process.pid), time.process_time()
            rate = measure()
            cost = seconds_of(self._server.process.pid) - server, time.process_time() - client
            self._rounds.setdefault(what, []).append(cost)
            return rate

        return run

    def note(self, what: str) -> str:
        """Return the medians as a note."""
        server, client = (
            median(each) / self._gib for each in zip(*self._rounds[what], strict=True)
        )
        return f"CPU seconds per GiB: server {server:.2f}, client {client:.2f}"


def run(notebook: Notebook) -> None:
    mib = QUICK_MIB if notebook.quick else SIZE_MIB
    scratch, home = notebook.scratch, notebook.scratch / "home"
    sample, kept = (Sample.create(scratch / name, mib) for name in ("sample", "kept"))
    with ExitStack() as stack:
        server = stack.enter_context(muniment(home))
        port = stack.enter_context(receiver(scratch / "receiver"))
        web = stack.enter_context(nginx(scratch / "nginx", scratch))
        costs = Costs(server, mib)
        put(server, PROXY, kept)
        stored = f"/api/v1/blobs/{kept.digest}"
        ups = {
            OURS: freed(home, costs.of(UP, lambda: upload(server, sample))),
            SOCKET: lambda: send_to(port, sample),
            COPY: lambda: copy_and_hash(sample, scratch / "copy"),
        }
        downs = {OURS: costs.of(DOWN, lambda: download(server.url, stored, kept))}
        if web is not None:
            downs[NGINX] = lambda: download(web, "/kept", kept)
        if notebook.peer:
            peer = stack.enter_context(mlflow(scratch / "peer"))
            put(peer, PROXY, kept)
            ups |= {
                OUR_PROXY: freed(home, lambda: put(server, f"{PROXY}-up", sample)),
                PEER: lambda: put(peer, f"{PROXY}-up", sample),
            }
            downs |= {
                OUR_PROXY: lambda: download(server.url, PROXY, kept),
                PEER: lambda: download(peer.url, PROXY, kept),
            }
        _note(notebook, UP, ups, {SOCKET: 0.7, COPY: None, PEER: 2.0}, costs)
        _note(notebook, DOWN, downs, {NGINX: 1.0, PEER: 2.0}, costs)


def _note(
    notebook: Notebook,
    what: str,
    measures: dict[str, Measure],
    targets: dict[str, float | None],
    costs: Costs,
) -> None:
    said = {name: Figure(each, "MiB/s") for name, each in notebook.in_turn(measures).items()}
    for name, target in targets.items():
        if name in said:
            note = costs.note(what)
            notebook.note(
                Finding(what, OURS, said[OURS], said[name], name, target=target, note=note)
            )
    if OUR_PROXY in said:
        notebook.note(Finding(what, OUR_PROXY, said[OUR_PROXY], said[PEER], PEER, target=2.0))
