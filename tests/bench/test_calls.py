"""What the benchmarks send is understood, and answered with what they mean to measure."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bench import native, protocol, servers
from bench.filling import Size, fill
from bench.load import Call, ask
from bench.servers import Server

SIZE = Size(4, 3)
SEARCHES = [*protocol.SEARCHES, *(call for call in native.READS if "search" in call.what)]
OTHERS = [*protocol.READS, *protocol.WRITES, *native.READS, *native.WRITES]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.muniment(tmp_path_factory.mktemp("home")) as server:
        fill(server.url, SIZE)
        yield server


@pytest.mark.parametrize("call", SEARCHES, ids=lambda call: f"{call.what} {call.path[:7]}")
def test_searches_find_one_model_or_one_version_of_each(filled: Server, call: Call) -> None:
    answer = json.loads(ask(filled.url, call, SIZE, 1))
    rows = answer["items"] if "items" in answer else answer["model_versions"]
    models = {row.get("model") or row["name"] for row in rows}
    by_name = call.what == "search by name"
    assert len(rows) == (SIZE.versions if by_name else SIZE.models)
    assert len(models) == (1 if by_name else SIZE.models)


@pytest.mark.parametrize("call", OTHERS, ids=lambda call: f"{call.what} {call.path[:7]}")
def test_calls_are_answered(filled: Server, call: Call) -> None:
    assert ask(filled.url, call, SIZE, 2)
