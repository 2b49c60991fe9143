"""Requests that are too much, too slow, or lie about themselves."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from typing import Final

import httpx
import pytest

from tests.client.servers import Server, left_staged
from tests.security.conftest import World, started

API: Final = "/api/v1"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 2_000_000,
        b'{"a":' * 500_000,
        b'{"name": "x", "tags": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        json.dumps({f"k{n}": n for n in range(100_000)}).encode(),
        json.dumps({"name": "x", "tags": {f"k{n}": n for n in range(100_000)}}).encode(),
        b'{"name": "x", "description": "' + b"a" * 10_000_000 + b'"}',
        b'{"name": "x", "tags": {"n": ' + b"9" * 1_000_000 + b"}}",
        b'{"name": "x", "tags": {"n": 1e' + b"9" * 100_000 + b"}}",
        b'{"name": "' + b"\\ud83d\\ude00" * 500_000 + b'"}',
        b"\xff" * 1_000_000,
        b'{"name":"x"' + b" " * 5_000_000 + b"}x",
    ],
    ids=["brackets", "objects", "deep tags", "keys", "tags", "text", "digits", "exponent",
         "escapes", "bytes", "spaces"],
)  # fmt: skip
def test_a_body_that_is_too_much_is_refused_quickly(
    client: httpx.Client, world: World, body: bytes
) -> None:
    headers = {"Content-Type": "application/json", **world.headers("root")}
    for method, path in (("POST", f"{API}/models"), ("PATCH", f"{API}/models/x")):
        answer = client.request(method, path, content=body, headers=headers)
        assert answer.status_code in (400, 413)
        assert len(answer.content) < 2_000


@pytest.mark.parametrize(
    "query",
    [
        "filter=" + "(" * 9_000,
        "filter=" + "NOT " * 2_400 + "name = 'x'",
        "filter=" + " AND ".join(["name = 'x'"] * 600),
        "filter=name LIKE '" + "%25a" * 6_000 + "'",
        "filter=name IN (" + ",".join(["'x'"] * 2_000) + ")",
        "filter=" + "x" * 20_000,
        "page_size=1000000000",
        "page_size=-1",
        "page_token=" + "A" * 20_000,
        "&".join(["order_by=name"] * 2_000),
        "order_by=" + "x" * 10_000,
    ],
)
def test_a_search_that_is_too_much_is_refused(
    client: httpx.Client, world: World, query: str
) -> None:
    answer = client.get(f"{API}/models?{query}", headers=world.headers("root"))
    assert answer.status_code in (400, 413)
    assert len(answer.content) < 3_000


def part(disposition: bytes, content: bytes = b"x") -> bytes:
    """Return a form of one part."""
    return b"--B\r\nContent-Disposition: %s\r\n\r\n%s\r\n--B--\r\n" % (disposition, content)


@pytest.mark.parametrize(
    "form",
    [
        b"--B\r\n" + b"X: y\r\n" * 200_000 + b"\r\n",
        b"--B\r\nX: " + b"y" * 5_000_000 + b"\r\n\r\n",
        b"--B\r\n" + b"x" * 5_000_000 + b": y\r\n\r\n",
        part(b'form-data; name="' + b"n" * 1_000_000 + b'"'),
        part(b'form-data; name="version"', b"[" * 1_000_000),
        part(b'form-data; name="f"; filename="f"')[:-9],
        part(b"form-data"),
        b"--A\r\n\r\n",
        b"\r\n" * 500_000,
        b"",
    ],
    ids=["many headers", "long header", "long header name", "long name", "deep version", "no end",
         "no name", "another boundary", "preamble", "nothing"],
)  # fmt: skip
def test_a_form_that_is_a_bomb_is_refused(client: httpx.Client, world: World, form: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=B", **world.headers("root")}
    for path in (f"{API}/models/bombs/push", "/api/classic/upload"):
        answer = client.post(path, content=form, headers=headers)
        assert answer.status_code in (400, 413), path
        assert len(answer.content) < 3_000
    assert client.get(f"{API}/models/bombs", headers=headers).status_code == 404


def test_a_form_has_no_more_parts_than_a_version_has_files(
    client: httpx.Client, world: World
) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="version"\r\n\r\n{}\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=B", **world.headers("root")}
    answer = client.post(
        "/api/classic/upload", content=part * 1_000 + b"--B--\r\n", headers=headers
    )
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    "boundary", ["", "B" * 100_000, '"', "B;boundary=C", "\x00", "B\tB", "--", "=?utf-8?q?B?="]
)
def test_no_boundary_upsets_the_parser(client: httpx.Client, world: World, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = client.post(
        f"{API}/models/bombs/push", content=b"--B--\r\n", headers=headers | world.headers("root")
    )
    assert 400 <= answer.status_code < 500


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server in a process of its own, and root's token."""
    home = tmp_path_factory.mktemp("served") / "home"
    world = World.made_in(home)
    world.ports.close()
    with started(home) as server:
        yield server, world.tokens["root"]


def exchange(server: Server, *pieces: bytes, more: bool = False) -> tuple[int, bytes]:
    """Send bytes as they stand; return the first answer's status (0: none) and content."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as wire:
        with suppress(OSError):  # it may have been refused already
            for piece in pieces:
                wire.sendall(piece)
            if not more:
                wire.shutdown(socket.SHUT_WR)
        try:
            answer = HTTPResponse(wire)
            answer.begin()
            return answer.status, answer.read()
        except (OSError, ValueError, EOFError):
            return 0, b""
        except Exception as error:
            assert "BadStatusLine" in repr(error) or "RemoteDisconnected" in repr(error)
            return 0, b""


def head(server: Server, token: str, line: str, *lines: str) -> bytes:
    host = (f"Host: 127.0.0.1:{server.port}", f"Authorization: Bearer {token}")
    return "\r\n".join([f"{line} HTTP/1.1", *host, *lines, "", ""]).encode("latin-1")


PUSH: Final = f"PUT {API}/models/lies/push/x"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Length: 5", "Transfer-Encoding: chunked"], b"3\r\nabc\r\n0\r\n\r\n"),
        (["Content-Length: 5", "Content-Length: 6"], b"abcdef"),
        (["Content-Length: 5, 6"], b"abcdef"),
        (["Content-Length: -1"], b"abc"),
        (["Content-Length: +3"], b"abc"),
        (["Content-Length: 0x3"], b"abc"),
        (["Content-Length: 3 "], b"abc"),
        (["Content-Length: 99999999999999999999999"], b"abc"),
        (["Content-Length: 9223372036854775807"], b"abc"),
        (["Content-Length: 10"], b"abc"),  # and then the end
        (["Transfer-Encoding: chunked"], b"ffffffffffffffff\r\nabc"),
        (["Transfer-Encoding: chunked"], b"7fffffffffffffff\r\nabc"),
        (["Transfer-Encoding: chunked"], b"-1\r\nabc\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"3\r\nabcdef\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"3\r\nabc\r\n"),
        (["Transfer-Encoding: xchunked"], b"3\r\nabc\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked, identity"], b"3\r\nabc\r\n0\r\n\r\n"),
        (["Transfer-Encoding : chunked"], b"3\r\nabc\r\n0\r\n\r\n"),
        (["Transfer-Encoding:\x0bchunked"], b"3\r\nabc\r\n0\r\n\r\n"),
    ],
)
def test_a_header_that_lies_about_the_body_stores_nothing_wrong(
    served: tuple[Server, str], lines: list[str], body: bytes
) -> None:
    server, token = served
    status, _ = exchange(server, head(server, token, PUSH, *lines), body)
    assert status == 0 or status == 201 or 400 <= status < 500
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        if status == 201:  # read one way, and all of it: three or six bytes, never some of them
            version = client.get(f"{API}/models/lies/versions").json()["items"][0]
            assert version["size"] in (3, 5, 6)
        assert client.get("/ready").status_code == 200
    assert left_staged(server.home) == []


def test_a_second_request_hidden_in_a_body_is_never_answered(served: tuple[Server, str]) -> None:
    server, token = served
    inner = head(server, token, f"DELETE {API}/models/lies", "Content-Length: 0")
    for lines in (
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: chunked", f"Content-Length: {len(inner) + 5}"),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as wire:
            with suppress(OSError):
                wire.sendall(
                    head(server, token, f"POST {API}/models", *lines) + b"0\r\n\r\n" + inner
                )
                wire.shutdown(socket.SHUT_WR)
            answers = b""
            with suppress(OSError):
                while piece := wire.recv(65_536):
                    answers += piece
        # Either refused whole, or read as chunked, where what follows is a request by rights.
        assert answers.count(b"HTTP/1.1 ") <= 1 or b"HTTP/1.1 400" in answers[:16]


def test_heads_without_end_are_given_up(served: tuple[Server, str]) -> None:
    server, token = served
    many = [f"X-{n}: y" for n in range(5_000)]
    assert exchange(server, head(server, token, "GET /", *many))[0] in (0, 400, 431)
    assert exchange(server, head(server, token, "GET /", "X: " + "y" * 500_000))[0] in (0, 400, 431)
    assert exchange(server, head(server, token, "GET /" + "y" * 500_000))[0] in (0, 400, 414)
    endless = [b"GET / HTTP/1.1\r\n", *[b"X: " + b"y" * 65_536 + b"\r\n"] * 40]
    assert exchange(server, *endless, more=True)[0] in (0, 400, 431)
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_slow_senders_keep_nobody_else_waiting(served: tuple[Server, str]) -> None:
    server, token = served
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(200)]
    try:
        for n, wire in enumerate(slow):
            wire.sendall(b"GET / HT" if n % 2 else head(server, token, PUSH, "Content-Length: 99"))
        for _ in range(10):
            assert httpx.get(f"{server.url}/ready", timeout=10).status_code == 200
            time.sleep(0.01)
    finally:
        for wire in slow:
            wire.close()
