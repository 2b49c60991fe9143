"""The deliberate differences: each is written down for users, and is still there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mlflow.deliberate import ARTIFACTS, DELIBERATE, Deliberate
from tests.mlflow.twin import Twin

DOCUMENT = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text("utf-8")
each_difference = pytest.mark.parametrize("entry", DELIBERATE, ids=lambda entry: entry.theirs)


@each_difference
def test_users_can_read_of_it(entry: Deliberate) -> None:
    assert f"| {entry.theirs} | {entry.ours} | {entry.why} |" in DOCUMENT


def search(**fields: object) -> Callable[[Twin], object]:
    return lambda twin: twin.get("registered-models/search", **fields)


def with_file(*calls: tuple[str, str, dict[str, str]]) -> Callable[[Twin], object]:
    def example(twin: Twin) -> None:
        twin.call("PUT", f"{ARTIFACTS}/{twin.name('run')}/d/x", content=b"0123456789")
        for method, end, headers in calls:
            path = f"{ARTIFACTS}/{twin.name('run')}/{end}"
            twin.call(method, path, content=b"" if method == "PUT" else None, headers=headers)
        twin.call("GET", ARTIFACTS, {"path": twin.name("run")})

    return example


def hook(twin: Twin) -> None:
    event = {"entity": "PROMPT_ALIAS", "action": "DELETED"}
    fields = {"name": twin.name("hook"), "events": [event], "status": "DISABLED"}
    twin.make("hook", "webhooks", ("webhook", "webhook_id"), url="https://1.1.1.1/a b", **fields)
    twin.call("DELETE", "webhooks/<hook>")


def hook_with_an_event_twice(twin: Twin) -> None:
    events = [{"entity": "PROMPT_ALIAS", "action": "DELETED"}] * 2
    twin.post("webhooks", name=twin.name("hook"), url="https://1.1.1.1", events=events)


def update_without_a_description(twin: Twin) -> None:
    name = twin.name()
    twin.post("registered-models/create", name=name)
    twin.post("model-versions/create", name=name, source="s3://bucket/a", description="words")
    twin.patch("model-versions/update", name=name, version="1")


EXAMPLES: dict[str, Callable[[Twin], object]] = {
    "fails on some": lambda twin: twin.get("model-versions/get", name="x", version="9" * 30),
    "takes control": lambda twin: twin.get("registered-models/get", name="a\0"),
    "counts rows": search(page_token="eyJvZmZzZXQiOiAxfQ=="),
    "searches models": search(max_results=0),
    "reads `1_0`": search(max_results="1_0"),
    "reads `tags": search(filter="tags.[none] = 'x'"),
    "stores an empty": lambda twin: twin.post(
        "registered-models/create", name=twin.name(), tags=[{"key": "k", "value": 1}]
    ),
    "leaves the description": update_without_a_description,
    "answers `BAD_REQUEST`": hook_with_an_event_twice,
    "refuses `APPL": lambda twin: twin.call(
        "POST",
        "registered-models/get-latest-versions",
        content=b"{}",
        headers={"Content-Type": "APPLICATION/JSON"},
    ),
    "lets pages": lambda twin: twin.call(
        "POST", "registered-models/create", {}, headers={"Origin": "http://localhost:1"}
    ),
    "answers `OK`": lambda twin: twin.call("GET", "/health"),
    "sends `/version`": lambda twin: twin.call("GET", "/version"),
    "redirects": lambda twin: twin.call("GET", "registered-models//get"),
    "reads no query": lambda twin: twin.call("HEAD", "registered-models/get", {"name": "x"}),
    "takes URLs": hook,
    "answers 400 to a `Range`": with_file(("GET", "d/x", {"Range": "bytes=a-b"})),
    "keeps empty folders": with_file(("DELETE", "d/x", {})),
    "replaces a": with_file(("PUT", "d", {})),
    "takes backslashes": with_file(("PUT", "a%5Cb", {})),
    "guesses types": with_file(("PUT", "a..b", {}), ("GET", "a..b", {})),
}


@each_difference
def test_it_is_still_there(entry: Deliberate, twin: Twin) -> None:
    [example] = [run for start, run in EXAMPLES.items() if entry.theirs.startswith(start)]
    example(twin)
    assert entry in twin.covered
