"""A request of ours as a WSGI application sees it, and its answer as we send it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muniment.server.tracking.wsgi import call

SCOPE = {
    "type": "http",
    "method": "POST",
    "scheme": "http",
    "path": "/api/ü b",
    "query_string": b"a=1&b=%20",
    "server": ("127.0.0.1", 8000),
    "client": ("127.0.0.1", 5),
    "headers": [
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer mun_secret"),
        (b"cookie", b"muniment=secret"),
        (b"proxy", b"http://evil"),
        (b"x_forged", b"1"),
        (b"accept", b"a"),
        (b"accept", b"b"),
    ],
}


class Answer:
    """The pieces of an answer, which say when they are closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        self.closed = True


def test_the_application_gets_everything_but_secrets() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("200 OK", [])
        return []

    call(app, SCOPE, b"{}")
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/api/ü b"
    assert (seen["QUERY_STRING"], seen["body"], seen["CONTENT_LENGTH"]) == ("a=1&b=%20", b"{}", "2")
    assert (seen["CONTENT_TYPE"], seen["HTTP_ACCEPT"]) == ("application/json", "a,b")
    unwanted = {"HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_PROXY", "HTTP_X_FORGED"}
    assert not unwanted & seen.keys()


def test_the_answer_is_read_as_it_comes_and_closed_at_its_end() -> None:
    result = Answer(b"", b"one", b"two")

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Answer:
        start_response("404 Not Found", [("Content-Type", "a/b"), ("Set-Cookie", "x=1")])
        return result

    answer = call(app, SCOPE, b"")
    assert (answer.status, answer.headers) == (404, [("Content-Type", "a/b")])
    assert not result.closed
    assert b"".join(answer.pieces) == b"onetwo"
    assert result.closed


def test_an_answer_that_fails_is_closed() -> None:
    class Failing(Answer):
        def __iter__(self) -> Iterator[bytes]:
            raise RuntimeError("no more")

    result = Failing()
    with pytest.raises(RuntimeError):
        call(lambda environ, start_response: result, SCOPE, b"")
    assert result.closed
