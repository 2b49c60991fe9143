"""News, over a real connection: a stream can't be followed within one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from muniment.domain.access import Role
from muniment.domain.changes import ModelChanges
from muniment.server.web import events
from tests.server.people import PASSWORD, House
from tests.server.tracking.conftest import started
from tests.web.conftest import stock


def begun(lines: Iterator[str]) -> str:
    """Read the beginning of a stream; return what it goes on from."""
    known, event, data, end = (next(lines) for _ in range(4))
    assert (event, data, end) == ("event: began", "data: {}", "")
    return known.removeprefix("id: ")


def news(lines: Iterator[str]) -> tuple[str, dict[str, object]]:
    """Return the id and the data of the next event."""
    known = ""
    for line in lines:
        if line.startswith("id: "):
            known = line.removeprefix("id: ")
        if line.startswith("data: "):
            return known, json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


def describe(site: House, model: str, text: str) -> None:
    site.owner.catalog.update_model(model, ModelChanges(description=text))


def test_a_stream_tells_what_happens_to_a_model_and_nothing_of_others(site: House) -> None:
    stock(site, "fraud")
    stock(site, "churn")
    with site.client.stream("GET", "/events?model=fraud", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        assert begun(lines)
        describe(site, "churn", "other")
        describe(site, "fraud", "this\nevent: forged\ndata: {}")
        _, told = news(lines)
    assert told["model"] == "fraud"
    assert "description" in str(told["told"])


def test_whoever_comes_back_is_told_what_they_missed(site: House) -> None:
    stock(site, "fraud")
    with site.client.stream("GET", "/events", timeout=30) as answer:
        lines = answer.iter_lines()
        begun(lines)
        describe(site, "fraud", "one")
        known, _ = news(lines)
    site.owner.lifecycle.move_to_stage("fraud", 1, "Staging")
    site.owner.lifecycle.move_to_stage("fraud", 1, "Production")
    missed = ["moved version 1 from None to Staging", "moved version 1 from Staging to Production"]
    for since, headers in (("", {"Last-Event-ID": known}), (f"&since={known}", {})):
        path = f"/events?model=fraud{since}"
        with site.client.stream("GET", path, timeout=30, headers=headers) as answer:
            lines = answer.iter_lines()
            assert begun(lines) == known
            assert [news(lines)[1]["told"] for _ in range(2)] == missed


def test_a_stream_about_a_request_tells_of_its_version_alone(site: House) -> None:
    stock(site, "fraud")
    stock(site, "fraud")
    asked = site.owner.lifecycle.request_transition("fraud", 2, "Staging")
    with site.client.stream("GET", f"/events?request={asked.id}", timeout=30) as answer:
        lines = answer.iter_lines()
        begun(lines)
        site.owner.lifecycle.move_to_stage("fraud", 1, "Staging")
        site.owner.comments.add("fraud", "Looks good.", request=asked.id)
        _, told = news(lines)
    assert told["kind"] == "comment.added"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?model=nope", 404),
        ("?request=99", 404),
        ("?request=x", 400),
        ("?model=fraud&version=-1", 400),
    ],
)
def test_what_is_not_there_can_not_be_followed(site: House, query: str, status: int) -> None:
    stock(site, "fraud")
    assert site.client.get(f"/events{query}").status_code == status


def test_news_are_for_who_may_see_the_model(site: House) -> None:
    site.person("root", Role.ADMIN)
    site.person("ada", Role.VIEWER)
    site.person("eve")
    stock(site, "fraud")
    for query in ("", "?model=fraud"):
        assert site.client.get(f"/events{query}").status_code == 401
        assert site.client.get(f"/events{query}", auth=("eve", PASSWORD)).status_code in (403, 404)
        ada = httpx.BasicAuth("ada", PASSWORD)
        with site.client.stream("GET", f"/events{query}", auth=ada, timeout=30) as answer:
            assert answer.status_code == 200


def test_no_more_streams_are_begun_than_a_process_bears(
    site: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST", 1)
    with site.client.stream("GET", "/events", timeout=30) as answer:
        lines = answer.iter_lines()
        begun(lines)
        assert site.client.get("/events").status_code == 503


def test_what_is_no_entry_of_a_history_is_not_repeated(site: House) -> None:
    stock(site, "fraud")
    path = "/events?since=a%0Aevent:%20forged"
    with site.client.stream("GET", path, timeout=30) as answer:
        lines = answer.iter_lines()
        assert begun(lines) == site.owner.catalog.history("fraud", page_size=1).items[0].hash


def test_a_server_that_ends_ends_its_streams_in_order(tmp_path: Path) -> None:
    with ExitStack() as running:
        url = running.enter_context(started(tmp_path / "home", mlflow_tracking="off"))
        with httpx.stream("GET", f"{url}/events", timeout=30) as answer:
            lines = answer.iter_lines()
            begun(lines)
            running.close()  # waits until the process is gone
            assert list(lines) == [], "cut off, it would raise"
