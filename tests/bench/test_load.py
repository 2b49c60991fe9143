"""Load by wrk: what is sent, and that no refusal passes for an answer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import cpu, servers
from bench.filling import Size
from bench.load import MISSING, WRK, Call, ask, measure, script_of
from bench.servers import Server

CALL = Call("get", "GET", "/it's?name=<model>&n=<n>")
SIZE = Size(3, 7)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if shutil.which("wrk") is None:
        pytest.skip(MISSING)
    with servers.bare_route(tmp_path_factory.mktemp("bare")) as started:
        yield started


def test_a_script_names_other_things_in_each_request() -> None:
    script = script_of(CALL, SIZE, 40)
    assert "local n, models, versions = 40, 3, 7" in script
    assert "wrk.format('GET', '/it\\'s?name=' .. model .. '&n=' .. n, nil, nil)" in script


def test_answers_are_counted(server: Server, tmp_path: Path) -> None:
    load = measure(
        server.url,
        CALL,
        SIZE,
        connections=2,
        seconds=0.2,
        start=0,
        watched={"bare": server.process.pid},
        scratch=tmp_path,
    )
    assert load.rate > 0
    assert 0 < load.p50 <= load.p99
    assert {*load.cpus} == {"bare", WRK}


def test_a_refused_request_is_an_error(server: Server, tmp_path: Path) -> None:
    refused = Call("connect", "OPTIONS", "/")  # the route doesn't know it: 405
    with pytest.raises(RuntimeError, match="connect: 405"):
        ask(server.url, refused, SIZE)
    with pytest.raises(RuntimeError, match="'refused': "):
        measure(
            server.url,
            refused,
            SIZE,
            connections=1,
            seconds=0.2,
            start=0,
            watched={},
            scratch=tmp_path,
        )


def test_cpu_is_that_of_a_process_that_works() -> None:
    before = cpu.seconds_of(os.getpid())
    sum(range(3_000_000))
    assert cpu.seconds_of(os.getpid()) > before
