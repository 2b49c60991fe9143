from __future__ import annotations

import json
from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI
from starlette.responses import Response

from muniment import errors
from muniment.errors import (
    InvalidInput,
    MunimentError,
    RangeNotSatisfiable,
    RateLimited,
    Unauthenticated,
    Unavailable,
    error_from_problem,
)
from muniment.server.problems import problem_response

ERRORS = [
    cls
    for name in errors.__all__
    if isinstance(cls := getattr(errors, name), type) and issubclass(cls, MunimentError)
]


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_has_one_form_and_its_own_status_and_code(cls: type[MunimentError]) -> None:
    error = cls("It is wrong.", hint="Mend it.", details={"field": "name", "missing": ["a"]})
    answer = problem_response(error, request_id="r1")
    assert answer.status_code == cls.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = json.loads(bytes(answer.body))
    assert problem == {
        "type": f"/docs#error-{cls.code}",
        "title": cls.code.replace("_", " ").capitalize(),
        "status": cls.status,
        "code": cls.code,
        "detail": "It is wrong.",
        "hint": "Mend it.",
        "details": {"field": "name", "missing": ["a"]},
        "request_id": "r1",
    }
    received = error_from_problem(
        problem["code"], problem["detail"], hint=problem["hint"], details=problem["details"]
    )
    assert type(received) is cls


def test_headers_tell_what_http_has_a_header_for() -> None:
    def headers(error: MunimentError) -> dict[str, str]:
        return dict(problem_response(error, request_id=None).headers)

    assert headers(RateLimited("Slow.", details={"retry_after": 2.5}))["retry-after"] == "3"
    assert headers(Unavailable("Down."))["retry-after"] == "1"
    assert headers(RangeNotSatisfiable("No.", details={"size": 9}))["content-range"] == "bytes */9"
    assert headers(Unauthenticated("Who?"))["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb", "\0", "é", "<script>"])
def test_whatever_came_can_be_quoted(text: str) -> None:
    answer = problem_response(
        InvalidInput(f"No: {text}", details={"field": text, "limit": 2**80}), request_id=None
    )
    problem = json.loads(bytes(answer.body))
    assert problem["detail"].startswith("No: ")
    assert "field" in problem["details"]


def test_an_unknown_path_is_not_found(client: httpx.Client) -> None:
    for method in ("GET", "POST", "DELETE"):
        problem = client.request(method, "/api/v1/nothing").json()
        assert (problem["status"], problem["code"]) == (404, "not_found")
        assert "/api/v1/nothing" in problem["detail"]


def test_a_method_that_a_path_has_not_is_refused_with_those_that_it_has(
    client: httpx.Client,
) -> None:
    answer = client.put("/api/v1/models/fraud")
    assert answer.status_code == answer.json()["status"] == 405
    assert answer.headers["allow"] == "DELETE, GET, PATCH"
    assert "DELETE, GET, PATCH" in answer.json()["hint"]


async def take(number: Annotated[int, Body(embed=True)], flag: bool = False) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("url", "content", "field", "said"),
    [
        ("/take", b'{"number": "x"}', "number", "not 'x'"),
        ("/take", b"{}", "number", "missing"),
        ("/take?flag=perhaps", b'{"number": 1}', "flag", "not 'perhaps'"),
        ("/take", b"[]", "number", "missing"),
        ("/take", b'{"number": ', None, "JSON"),
    ],
)
def test_what_the_framework_finds_wrong_is_invalid_input_with_field_value_and_rule(
    app: FastAPI, client: httpx.Client, url: str, content: bytes, field: str | None, said: str
) -> None:
    app.add_api_route("/take", take, methods=["POST"], response_model=None)
    answer = client.post(url, content=content, headers={"Content-Type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_input")
    assert said in problem["detail"]
    if field is not None:
        assert problem["details"]["field"] == field
        assert field in problem["detail"]
