"""What is tried again and what is not; and what a failure looks like."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

import muniment
from muniment import InvalidInput, MunimentError, NotFound, Registry, Unavailable, Unreachable
from muniment.client import http
from muniment.domain.entities import RegisteredModel
from muniment.domain.values import utcnow
from muniment.errors import LimitExceeded, RateLimited
from tests.client.servers import Answer, Request, scripted

MODEL = RegisteredModel(
    id=1,
    uuid="0" * 32,
    workspace="default",
    name="fraud",
    slug="fraud",
    created_at=utcnow(),
    updated_at=utcnow(),
    created_by="ana",
)
CLOSED = Answer(close=True)
FINE = Answer.of(MODEL.to_json())


class Script:
    """Gives the answers one after another, the last one for ever."""

    def __init__(self, url: str, requests: list[Request], answers: list[Answer]) -> None:
        self.url = url
        self.requests = requests
        self.answers = answers

    def says(self, *answers: Answer) -> Script:
        self.answers[:] = answers
        self.requests.clear()
        return self


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr(http.connection, "PAUSES", (0.0, 0.0, 0.0, 0.0))
    answers: list[Answer] = []
    with scripted(lambda request: answers.pop(0) if len(answers) > 1 else answers[0]) as (
        url,
        requests,
    ):
        yield Script(url, requests, answers)


@pytest.fixture
def registry(script: Script) -> Iterator[Registry]:
    with muniment.connect(script.url) as registry:
        yield registry


@pytest.mark.parametrize(
    "failure",
    [CLOSED, Answer.problem(503, "unavailable"), Answer(502), Answer(504, b"<html>")],
    ids=["closed", "503", "502", "504"],
)
def test_a_read_is_tried_again(script: Script, registry: Registry, failure: Answer) -> None:
    script.says(failure, failure, FINE)

    assert registry.model("fraud").name == "fraud"
    assert len(script.requests) == 3


def test_a_create_is_tried_again_under_one_idempotency_key(
    script: Script, registry: Registry
) -> None:
    script.says(CLOSED, FINE)
    registry.create_model("fraud")

    keys = {request.headers["idempotency-key"] for request in script.requests}
    assert len(script.requests) == 2
    assert len(keys) == 1

    registry.create_model("fraud")
    assert script.requests[2].headers["idempotency-key"] not in keys


@pytest.mark.parametrize("failure", [CLOSED, Answer.problem(503, "unavailable")])
def test_a_change_that_may_have_happened_is_not_sent_again(
    script: Script, registry: Registry, failure: Answer
) -> None:
    for change in (
        lambda: registry.update_model("fraud", description="x"),
        lambda: registry.update_model("fraud", description="x", if_match=3),
        lambda: registry.delete_model("fraud"),
        lambda: registry.set_alias("fraud/1", "champion"),
        lambda: registry.move_to_stage("fraud/1", "Production"),
        lambda: registry.collect_garbage(),
    ):
        script.says(failure, FINE)
        with pytest.raises(Unavailable):
            change()
        assert len(script.requests) == 1


def test_a_refusal_for_too_many_requests_is_waited_out(
    script: Script, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    script.says(Answer.problem(429, "rate_limited", **{"Retry-After": "7"}), FINE)

    assert registry.update_model("fraud", description="x").name == "fraud"
    assert slept == [7.0]

    script.says(Answer.problem(429, "rate_limited", **{"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        registry.model("fraud")
    assert caught.value.details["retry_after"] == 3_600
    assert slept == [7.0]


def test_it_gives_up_in_the_end(script: Script, registry: Registry) -> None:
    script.says(CLOSED)

    with pytest.raises(Unreachable, match=rf"The connection to {script.url} was lost"):
        registry.model("fraud")
    assert len(script.requests) == 5


def test_other_errors_are_not_tried_again(script: Script, registry: Registry) -> None:
    for status in (400, 404, 409, 412, 413, 422, 500, 501, 507):
        script.says(Answer.problem(status, "no_such_code"), FINE)
        with pytest.raises(MunimentError):
            registry.model("fraud")
        assert len(script.requests) == 1


def test_an_error_keeps_what_the_server_said(remote: Registry) -> None:
    with pytest.raises(NotFound) as caught:
        remote.model("no such model")

    assert "no such model" in caught.value.message
    assert caught.value.hint
    assert caught.value.request_id


def test_a_limit_says_how_much_is_allowed(remote: Registry) -> None:
    with pytest.raises(LimitExceeded) as caught:
        remote.create_model("fraud", description="x" * 100_001)

    assert caught.value.details["limit"] == 100_000


def test_nobody_there_is_reported_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with (
        muniment.connect(url) as registry,
        pytest.raises(Unreachable, match=rf"No registry answers at {url} .*`muniment serve`"),
    ):
        registry.models().first()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, b"<html>Welcome</html>"), MunimentError),
        (Answer(200, b"[1, 2]"), InvalidInput),
        (Answer(404, b"<html>Not here</html>"), NotFound),
        (Answer(404, b"{", {"Content-Type": "application/problem+json"}), NotFound),
        (Answer(418, b"tea"), InvalidInput),
    ],
)
def test_something_that_is_no_registry_is_told_apart(
    script: Script, registry: Registry, answer: Answer, error: type[MunimentError]
) -> None:
    script.says(answer)

    with pytest.raises(error):
        registry.model("fraud")


def test_the_token_and_the_workspace_are_sent(script: Script) -> None:
    script.says(FINE)
    with muniment.connect(script.url, token="s3cret", workspace="risk") as registry:
        registry.model("fraud")

    (request,) = script.requests
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["x-muniment-workspace"] == "risk"


def test_a_redirect_to_a_store_is_followed_without_our_token(script: Script) -> None:
    with scripted(lambda request: Answer(206, b"bytes")) as (store, asked):
        location = {"Location": f"{store}/bucket/key?signature=abc"}
        script.says(Answer(307, b"", location))
        with muniment.connect(script.url, token="s3cret", workspace="risk") as registry:
            found = b"".join(registry.backend.artifacts.read("fraud", 1, "a.bin", 3))

    assert found == b"bytes"
    assert script.requests[0].headers["authorization"] == "Bearer s3cret"
    assert asked[0].path == "/bucket/key?signature=abc"
    assert asked[0].headers["range"] == "bytes=3-"
    assert not {"authorization", "x-muniment-workspace"} & asked[0].headers.keys()


def test_redirects_do_not_go_round_for_ever(script: Script, registry: Registry) -> None:
    script.says(Answer(307, b"", {"Location": "/api/v1/again"}))

    with pytest.raises(MunimentError, match="without end"):
        list(registry.backend.artifacts.read("fraud", 1, "a.bin"))
    assert len(script.requests) < 10


def test_a_proxy_without_ranges_costs_bytes_but_nothing_else(
    script: Script, registry: Registry
) -> None:
    script.says(Answer(200, bytes(range(100))))

    read = registry.backend.artifacts.read
    assert b"".join(read("fraud", 1, "a.bin", 90)) == bytes(range(90, 100))
    assert b"".join(read("fraud", 1, "a.bin", 10, 20)) == bytes(range(10, 20))
    assert b"".join(read("fraud", 1, "a.bin", 20, 20)) == b""


@pytest.mark.parametrize("token", ["", "two\nlines", "ü"])
def test_a_token_that_can_not_be_sent_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput, match="token"):
        muniment.connect("http://127.0.0.1:1", token=token)


def test_the_environments_proxy_does_not_stand_before_loopback(remote: Registry) -> None:
    code = "import muniment, sys; print(muniment.connect(sys.argv[1]).models('id < 0').all())"
    printed = subprocess.run(
        [sys.executable, "-c", code, remote.address],
        env={"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )

    assert printed.stdout.strip() == "[]", printed.stderr
