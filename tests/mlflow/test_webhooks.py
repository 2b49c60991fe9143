"""Webhooks and the rules for them, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mlflow.twin import Pair, Twin

URL = "https://1.1.1.1/hook"
"""A public address without a name, so that nobody needs to be asked for it."""
EVENT = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
OFF = {"status": "DISABLED"}
"""No webhook here is active, so that nothing is sent to anybody."""


def hook(twin: Twin, **fields: Any) -> Pair:
    name = twin.name("hook")
    return make(twin, "hook", **({"name": name, "url": URL, "events": [EVENT]} | OFF | fields))


def make(twin: Twin, label: str, **fields: Any) -> Pair:
    return twin.make(label, "webhooks", ("webhook", "webhook_id"), **fields)


def test_from_making_to_end(twin: Twin) -> None:
    hook(twin, description="words", secret="s" * 20)
    twin.call("GET", "webhooks/<hook>")
    twin.call("PATCH", "webhooks/<hook>", {"description": "other", "status": "DISABLED"})
    twin.call("PATCH", "webhooks/<hook>", {"name": twin.name("new")})
    twin.call("PATCH", "webhooks/<hook>", {"url": "https://1.1.1.1/new"})
    twin.call("PATCH", "webhooks/<hook>", {"secret": "t" * 20})
    twin.call("PATCH", "webhooks/<hook>", {"events": [EVENT, EVENT]})
    twin.call(
        "PATCH", "webhooks/<hook>", {"events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]}
    )
    twin.call("PATCH", "webhooks/<hook>", {})
    twin.call("PATCH", "webhooks/<hook>", {"description": ""})
    twin.call("PATCH", "webhooks/<hook>", {"events": []})
    twin.call("GET", "webhooks/<hook>")
    twin.call("DELETE", "webhooks/<hook>")
    twin.call("GET", "webhooks/<hook>")
    twin.call("DELETE", "webhooks/<hook>")
    twin.call("PATCH", "webhooks/<hook>", {"description": "x"})
    twin.call("POST", "webhooks/<hook>/test", {})


NAMES: list[Any] = [
    *("a", "A1", "a.b_c-d", "a" * 63, "a" * 64, "", " ", "a b", "-a", "a-", ".a", "a.", "_a", "a_"),
    *("é", "a/b", "a:b", "a\n", "1", "🚀", None, 1, [], {}, True),
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name!r:.30}")
def test_names(twin: Twin, name: Any) -> None:
    fields = {"name": name, "url": URL, "events": [EVENT], **OFF}
    made = make(twin, "made", **fields)
    hook(twin)
    twin.call("PATCH", "webhooks/<hook>", {"name": name})
    twin.call("GET", "webhooks/<hook>")
    if made.theirs:
        twin.call("DELETE", "webhooks/<made>")
    twin.call("DELETE", "webhooks/<hook>")


URLS: list[Any] = [
    *("https://1.1.1.1", "https://1.1.1.1/a?b=c#d", "HTTPS://1.1.1.1/", "", " "),
    *("http://example.com", "ftp://example.com", "example.com", "//example.com", "https://"),
    *("https:///x", "https://1.1.1.1:8443/x", "https://1.1.1.1:99999/x", "https:example"),
    *("https://user:password@1.1.1.1/", "https://1.1.1.1/a b", " https://1.1.1.1"),
    *("https://1.1.1.1 ", "https://exa mple.com", "javascript:a()"),
    *("https://localhost/x", "https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/"),
    *(
        "https://192.168.0.1/",
        "https://169.254.169.254/",
        "https://0.0.0.0/",
        "https://2130706433/",
    ),
    *("file:///etc/passwd", "https://1.1.1.1/" + "a" * 500, "https://1.1.1.1/" + "a" * 5000),
    *(None, 1, [], {}, True),
]


@pytest.mark.parametrize("url", URLS, ids=lambda url: f"{url!r:.50}")
def test_urls(twin: Twin, url: Any) -> None:
    fields = {"name": twin.name("a"), "url": url, "events": [EVENT], **OFF}
    made = make(twin, "made", **fields)
    hook(twin)
    twin.call("PATCH", "webhooks/<hook>", {"url": url})
    if made.theirs:
        twin.call("DELETE", "webhooks/<made>")
    twin.call("DELETE", "webhooks/<hook>")


ENTITIES = (
    *("REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS", "PROMPT"),
    *("PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY"),
    *("ENTITY_UNSPECIFIED", "registered_model", "NOTHING", "", 1, None),
)
ACTIONS = (
    *("CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED", "ACTION_UNSPECIFIED", "created", ""),
    *("NOTHING", 1, None),
)


@pytest.mark.parametrize("entity", ENTITIES, ids=str)
def test_events(twin: Twin, entity: Any) -> None:
    for number, action in enumerate(ACTIONS):
        event = {"entity": entity, "action": action}
        fields = {"name": twin.name(f"e{number}"), "url": URL, "events": [event], **OFF}
        made = make(twin, f"made{number}", **fields)
        if made.theirs and made.ours:
            twin.call("DELETE", f"webhooks/<made{number}>")


EVENTS: list[Any] = [
    *([], None, "x", 1, {}, [None], ["x"], [{}], [[]], EVENT, [EVENT, EVENT]),
    [EVENT, {"entity": "MODEL_VERSION", "action": "CREATED"}],
    [{"entity": "MODEL_VERSION", "action": "CREATED"}, EVENT],
    [EVENT, {"entity": "NOTHING", "action": "CREATED"}],
    [{"entity": "REGISTERED_MODEL"}],
    [{"action": "CREATED"}],
    [EVENT | {"more": 1}],
]
STATUSES: list[Any] = ["ACTIVE", "DISABLED", "active", "", "NOTHING", None, 1, 0, []]
SECRETS: list[Any] = ["", " ", "s", "s" * 100, "s" * 1000, "s" * 5000, "größe", None, 1, [], {}]
DESCRIPTIONS: list[Any] = ["", " ", "words", "é" * 500, "d" * 1000, "d" * 1001, None, 1, [], {}]
FIELDS = [
    {name: value}
    for name, values in (
        ("events", EVENTS),
        ("status", STATUSES),
        ("secret", SECRETS),
        ("description", DESCRIPTIONS),
        ("unknown", [1]),
    )
    for value in values
]


@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: f"{fields!r:.60}")
def test_fields(twin: Twin, fields: dict[str, Any]) -> None:
    """The made ones have no events that this suite's other tests cause."""
    event = {"entity": "PROMPT_ALIAS", "action": "DELETED"}
    given = {"name": twin.name("a"), "url": URL, "events": [event], **OFF} | fields
    made = make(twin, "made", **given)
    hook(twin, events=[event])
    twin.call("PATCH", "webhooks/<hook>", fields)
    twin.call("GET", "webhooks/<hook>")
    if made.theirs and made.ours:
        twin.call("GET", "webhooks/<made>")
        twin.call("DELETE", "webhooks/<made>")
    twin.call("DELETE", "webhooks/<hook>")


def test_what_is_missing(twin: Twin) -> None:
    full = {"name": twin.name("x"), "url": URL, "events": [EVENT], **OFF}
    for field in ("name", "url", "events"):
        twin.post("webhooks", **{name: value for name, value in full.items() if name != field})
    for method, path in (
        *(("GET", "webhooks/none"), ("PATCH", "webhooks/none"), ("DELETE", "webhooks/none")),
        *(("PUT", "webhooks/none"), ("PUT", "webhooks"), ("DELETE", "webhooks")),
        *(("GET", "webhooks/"), ("GET", "webhooks/none/test"), ("GET", "webhooks/none/none")),
    ):
        twin.call(method, path, {})
    twin.call("POST", "webhooks/none/test", {"event": EVENT})
    twin.call("GET", "/ajax-api/2.0/mlflow/webhooks/none")


def test_two_of_one_name(twin: Twin) -> None:
    hook(twin)
    second = make(twin, "second", name=twin.name("hook"), url=URL, events=[EVENT], **OFF)
    twin.call("GET", "webhooks/<hook>")
    if second.theirs:
        twin.call("DELETE", "webhooks/<second>")
    twin.call("DELETE", "webhooks/<hook>")


@pytest.mark.parametrize("size", [0, -1, 1001, 10_000, "abc", "", "1.5", 2**40], ids=str)
def test_page_sizes_that_are_none(twin: Twin, size: Any) -> None:
    answer = twin.get("webhooks", max_results=size)
    if answer.status == 200:
        twin.differences = [line for line in twin.differences if ".status" in line]


@pytest.mark.parametrize("token", ["abc", "MQ==", "eyJvZmZzZXQiOiAtMX0=", "!!!", " "], ids=repr)
def test_page_tokens_that_nobody_gave(twin: Twin, token: str) -> None:
    answer = twin.get("webhooks", page_token=token, max_results=1)
    if answer.status == 200:
        twin.differences = [line for line in twin.differences if ".status" in line]
