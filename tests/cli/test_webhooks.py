"""Webhooks, from the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from muniment.demo.server import ServerProcess
from tests.cli.conftest import Command
from tests.client import servers


@pytest.fixture(params=["folder", "server"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of no model yet, in a registry in a folder and in one behind a server."""
    if request.param == "server":
        started: servers.Server = request.getfixturevalue("server")
        monkeypatch.setenv("MUNIMENT_REGISTRY", started.url)
    return "fraud"


@pytest.fixture
def receiver() -> Iterator[str]:
    """Somebody who is told, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
        server.shutdown()
        thread.join()


def test_webhooks_are_made_changed_tried_and_removed(
    muniment: Command, name: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    made = muniment(
        *("webhook", "create", "chat", "https://1.1.1.1/hook", "--event", "stage.changed"),
        *("--stage", "Production", "--models", f"{name}*", "--secret-file", "secret", "-o", "json"),
    ).json
    assert (made["events"], made["signed"], made["models"]) == (
        ["stage.changed"],
        True,
        f"{name}*",
    )
    hook = made["id"]
    assert hook in muniment("webhook", "ls", "-q").lines
    assert "s3cret" not in muniment("webhook", "show", hook, "-o", "json").out
    changed = muniment(
        *("webhook", "set", hook, "--status", "disabled", "--description", "Off."),
        *("--event", "version.created", "--event", "request.created", "-o", "json"),
    ).json
    assert (changed["status"], changed["events"]) == (
        "DISABLED",
        ["request.created", "version.created"],
    )
    secret = muniment("webhook", "rotate", hook, "-q").out.strip()
    assert len(secret) > 30
    assert muniment("webhook", "deliveries", hook).out == "No deliveries.\n"
    assert "no delivery" in muniment("webhook", "replay", hook, hook, code=3).err
    assert "--yes" in muniment("webhook", "rm", hook, code=2).err
    muniment("webhook", "rm", hook, "--yes")
    assert "no webhook" in muniment("webhook", "show", hook, code=3).err
    assert "told of" in muniment("webhook", "create", "x", "https://1.1.1.1", code=2).err
    assert (
        "no event"
        in muniment(
            *("webhook", "create", "x", "https://1.1.1.1", "--event", "no.such"), code=2
        ).err
    )


def test_what_a_receiver_makes_of_a_webhook_is_told(
    muniment: Command, receiver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_WEBHOOK_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("MUNIMENT_WEBHOOK_SCHEMES", "http")
    with ServerProcess(tmp_path / "home", tmp_path / "log") as server:
        monkeypatch.setenv("MUNIMENT_REGISTRY", server.url)
        hook = muniment(
            *("webhook", "create", "ci", receiver, "--event", "model.created", "-q")
        ).out.strip()
        tested = muniment("webhook", "test", hook, "--event", "stage.changed")
        assert tested.out == "arrived  200 thanks\n"
        muniment("push", "fraud", "--source-uri", "s3://bucket/m")
        while (
            not (sent := muniment("webhook", "deliveries", hook, "-o", "json").json)
            or sent[0]["state"] == "PENDING"
        ):
            pass
        assert (sent[0]["event"], sent[0]["state"]) == ("model.created", "DELIVERED")
        assert json.loads(sent[0]["body"])["entity"] == "model"
        assert "200 thanks" in muniment("webhook", "deliveries", hook).out
        assert "on its way again" in muniment("webhook", "replay", hook, sent[0]["id"]).out
