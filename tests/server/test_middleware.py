from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from muniment.errors import Corrupt
from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.server.conftest import serving

SMALL = Settings(max_json_bytes=1_000, max_upload_bytes=2_000, max_headers=20, max_url_bytes=500)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server with small limits."""
    with serving(create_app(SMALL.model_copy(update={"home": tmp_path}))) as client:
        yield client


# -- ids and headers -----------------------------------------------------------------------------


def test_every_answer_has_an_id_of_its_own(client: httpx.Client) -> None:
    ids = {client.get(path).headers["x-request-id"] for path in ("/health", "/", "/nothing")}
    assert len(ids) == 3


def test_a_request_s_own_id_is_kept_and_stands_in_the_problem(client: httpx.Client) -> None:
    answer = client.get("/nothing", headers={"X-Request-Id": "trace-1/a"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "trace-1/a"


@pytest.mark.parametrize("bad", ["", "a b", "<script>", "x" * 129, "é".encode()])
def test_an_id_that_is_none_is_replaced(client: httpx.Client, bad: str | bytes) -> None:
    given = client.get("/health", headers={"X-Request-Id": bad}).headers["x-request-id"]
    assert len(given) == 32
    assert given.isalnum()


@pytest.mark.parametrize("path", ["/health", "/", "/docs", "/nothing", "/api/v1/models"])
def test_every_answer_is_guarded_against_what_browsers_do(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    # Without any referrer, browsers call the origin of a page's forms `null`.
    assert headers["referrer-policy"] == ("same-origin" if path == "/" else "no-referrer")
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("content-security-policy")) == 1


# -- limits --------------------------------------------------------------------------------------


def test_a_json_body_that_says_it_is_too_large_is_refused(small: httpx.Client) -> None:
    answer = small.post("/api/v1/models", json={"name": "fraud", "description": "x" * 1_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "limit_exceeded")
    assert answer.json()["details"]["limit"] == 1_000
    assert small.get("/api/v1/models").json()["items"] == []


def test_a_json_body_that_turns_out_to_be_too_large_is_refused(small: httpx.Client) -> None:
    content = json.dumps({"name": "fraud", "description": "x" * 1_000}).encode()
    answer = small.post(
        "/api/v1/models",
        content=(content[at : at + 100] for at in range(0, len(content), 100)),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "limit_exceeded")


def test_a_json_body_within_the_limit_is_taken(small: httpx.Client) -> None:
    body = {"name": "fraud", "description": "x" * 900}
    assert small.post("/api/v1/models", json=body).status_code == 201


def test_bytes_have_a_limit_of_their_own(small: httpx.Client) -> None:
    url = "/api/v1/models/fraud/push/model.bin"
    assert small.put(url, content=b"x" * 2_000).status_code == 201
    answer = small.put(url, content=b"x" * 2_001)
    assert (answer.status_code, answer.json()["details"]["limit"]) == (413, 2_000)
    answer = small.put(url, content=iter([b"x" * 1_500] * 2))
    assert (answer.status_code, answer.json()["details"]["limit"]) == (413, 2_000)
    assert small.get("/api/v1/models/fraud").json()["latest"] == 1


def test_a_url_that_is_too_long_is_refused(small: httpx.Client) -> None:
    answer = small.get("/api/v1/models", params={"filter": "x" * 500})
    assert (answer.status_code, answer.json()["code"]) == (414, "limit_exceeded")
    assert answer.json()["details"] == {"limit": 500}


def test_too_many_headers_and_too_long_ones_are_refused(small: httpx.Client) -> None:
    for headers in ({f"X-{n}": "1" for n in range(30)}, {"X-Long": "x" * 70_000}):
        answer = small.get("/health", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (431, "limit_exceeded")


# -- faults --------------------------------------------------------------------------------------


async def boom(request: Request) -> Response:
    raise RuntimeError("the password is hunter2")


async def half(request: Request) -> Response:
    def pieces() -> Iterator[bytes]:
        yield b"half of it"
        raise RuntimeError("the disk is gone")

    return StreamingResponse(pieces())


def test_a_fault_of_ours_is_told_without_its_cause_which_is_logged_under_the_id(
    app: FastAPI, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_api_route("/boom", boom, response_model=None)
    answer = client.get("/boom")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert f"GET /boom failed (request {problem['request_id']})" in caplog.text
    assert "the password is hunter2" in caplog.text


def test_a_fault_half_way_is_logged_and_leaves_the_answer_without_an_end(
    app: FastAPI, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    # The transport notices what a client of the real server sees as a cut connection.
    app.add_api_route("/half", half, response_model=None)
    with pytest.raises(AssertionError):
        client.get("/half")
    assert "GET /half failed" in caplog.text
    assert "the disk is gone" in caplog.text


def test_stores_that_can_t_be_opened_answer_every_request_but_health(tmp_path: Path) -> None:
    (tmp_path / "muniment.db").write_bytes(b"this is no database" * 1_000)
    with serving(create_app(Settings(home=tmp_path))) as client:
        assert client.get("/health").status_code == 200
        for path in ("/ready", "/api/v1/models"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (500, Corrupt.code)


# -- the access log ------------------------------------------------------------------------------


def test_the_access_log_has_a_line_a_request_without_its_query(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.INFO, "muniment.access"),
        serving(create_app(Settings(home=tmp_path, access_log=True))) as client,
    ):
        client.get("/api/v1/models/fraud?token=hunter2", headers={"Cookie": "muniment=hunter2"})
        client.get("/version", headers={"Authorization": "Bearer hunter2"})
    served, refused = (record for record in caplog.records if record.name == "muniment.access")
    assert served.getMessage() == "GET /api/v1/models/fraud 400"
    fields = served.__dict__["fields"]
    assert fields["route"] == "/api/v1/models/{name}"
    assert fields["sent"] > 0
    assert refused.getMessage() == "GET /version 401"
    assert "hunter2" not in f"{served.__dict__} {refused.__dict__}"


def test_no_access_is_logged_unless_asked_for(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "muniment.access"):
        client.get("/health")
    assert not [record for record in caplog.records if record.name == "muniment.access"]


def test_headers_that_an_answer_sets_itself_stay(app: FastAPI, client: httpx.Client) -> None:
    async def text(request: Request) -> Response:
        return PlainTextResponse("hello", headers={"X-Frame-Options": "SAMEORIGIN"})

    app.add_route("/text", text)
    assert client.get("/text").headers.get_list("x-frame-options") == ["SAMEORIGIN"]
