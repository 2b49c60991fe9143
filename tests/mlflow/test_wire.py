"""How requests are written, and what is made of those written wrongly, on both servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mlflow.twin import Twin

JSON = {"Content-Type": "application/json"}

CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "create model": (
        "POST",
        "registered-models/create",
        {"name": "{u}new", "description": "d", "tags": [{"key": "a", "value": "b"}]},
    ),
    "get model": ("GET", "registered-models/get", {"name": "{u}m"}),
    "update model": ("PATCH", "registered-models/update", {"name": "{u}m", "description": "d"}),
    "rename model": (
        "POST",
        "registered-models/rename",
        {"name": "{u}m", "new_name": "{u}n"},
    ),
    "latest versions": (
        "POST",
        "registered-models/get-latest-versions",
        {"name": "{u}m", "stages": ["None"]},
    ),
    "get latest versions": (
        "GET",
        "registered-models/get-latest-versions",
        {"name": "{u}m", "stages": ["None"]},
    ),
    "search models": (
        "GET",
        "registered-models/search",
        {"filter": "name = '{u}m'", "max_results": 5, "order_by": ["name"]},
    ),
    "tag model": (
        "POST",
        "registered-models/set-tag",
        {"name": "{u}m", "key": "a", "value": "b"},
    ),
    "untag model": ("DELETE", "registered-models/delete-tag", {"name": "{u}m", "key": "a"}),
    "set alias": (
        "POST",
        "registered-models/alias",
        {"name": "{u}m", "alias": "a", "version": "1"},
    ),
    "get alias": ("GET", "registered-models/alias", {"name": "{u}m", "alias": "best"}),
    "delete alias": ("DELETE", "registered-models/alias", {"name": "{u}m", "alias": "a"}),
    "create version": (
        "POST",
        "model-versions/create",
        {
            "name": "{u}m",
            "source": "s3://b/a",
            "run_id": "r",
            "run_link": "l",
            "description": "d",
            "tags": [{"key": "a", "value": "b"}],
        },
    ),
    "get version": ("GET", "model-versions/get", {"name": "{u}m", "version": "1"}),
    "download uri": ("GET", "model-versions/get-download-uri", {"name": "{u}m", "version": "1"}),
    "update version": (
        "PATCH",
        "model-versions/update",
        {"name": "{u}m", "version": "1", "description": "d"},
    ),
    "transition": (
        "POST",
        "model-versions/transition-stage",
        {
            "name": "{u}m",
            "version": "1",
            "stage": "Staging",
            "archive_existing_versions": False,
        },
    ),
    "search versions": (
        "GET",
        "model-versions/search",
        {"filter": "name = '{u}m'", "max_results": 5, "order_by": ["name"]},
    ),
    "tag version": (
        "POST",
        "model-versions/set-tag",
        {"name": "{u}m", "version": "1", "key": "a", "value": "b"},
    ),
    "untag version": (
        "DELETE",
        "model-versions/delete-tag",
        {"name": "{u}m", "version": "1", "key": "a"},
    ),
    "delete version": ("DELETE", "model-versions/delete", {"name": "{u}m", "version": "2"}),
    "delete model": ("DELETE", "registered-models/delete", {"name": "{u}m"}),
}
"""Every call of the registry, as it is right, for a model with two versions."""

each_call = pytest.mark.parametrize("call", CALLS)


@pytest.fixture
def made(twin: Twin) -> Twin:
    """Both servers with a model of two versions."""
    remake(twin)
    return twin


def remake(twin: Twin) -> None:
    name = twin.name("m")
    twin.post("registered-models/create", name=name).ok()
    for _ in range(2):
        twin.post("model-versions/create", name=name, source="s3://b/a").ok()
    twin.post("registered-models/alias", name=name, alias="best", version="1").ok()


def written(twin: Twin, call: str) -> tuple[str, str, dict[str, Any]]:
    method, path, fields = CALLS[call]
    return method, path, json.loads(json.dumps(fields).replace("{u}", twin.unique))


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


WRONG: list[Any] = [None, "", " ", 1, 1.5, True, False, [], [1], ["a"], [None], {}, {"a": 1}, "1"]


@each_call
def test_fields_of_the_wrong_type(made: Twin, call: str) -> None:
    method, path, fields = written(made, call)
    wrong = ["", " ", "x"] if method == "GET" else WRONG
    for field in fields:
        for value in wrong:
            if field == "filter" and not value:
                continue  # that finds what other tests have made
            if "name" in field and value == "1":
                continue  # that is a name
            made.call(method, path, fields | {field: value})
        if field != "filter":
            made.call(method, path, {name: fields[name] for name in fields if name != field})
    made.get("registered-models/get", name=made.name("m"))
    made.get("model-versions/get", name=made.name("m"), version="1")


@each_call
def test_fields_in_other_words(made: Twin, call: str) -> None:
    method, path, fields = written(made, call)
    if call.startswith("delete") or call == "rename model":
        made.call(method, path, {camel(name): value for name, value in fields.items()})
        return
    made.call(method, path, {camel(name): value for name, value in fields.items()})
    if "filter" not in fields:
        made.call(method, path, {name.upper(): value for name, value in fields.items()})
    made.call(method, path, fields | {"unknown": 1, "more": "x"})
    made.call(method, path, fields | {camel(name): value for name, value in fields.items()})
    made.get("registered-models/get", name=made.name("m"))


@each_call
def test_bodies_that_are_no_object(made: Twin, call: str) -> None:
    method, path, fields = written(made, call)
    if method == "GET":
        return
    for content in (
        *(b"", b" ", b"{", b"{}", b"[]", b"null", b"1", b'"a"', b"true", b"NaN", b"\xff\xfe"),
        *(b"name=x", b"{'name': 'x'}", b'{"name": "x",}', b"\xef\xbb\xbf{}", b"[{}]", b"{}{}"),
        *(json.dumps([fields]).encode(), json.dumps(json.dumps([fields])).encode()),
        b'"{}"',
    ):
        made.call(method, path, content=content, headers=JSON)
    made.get("registered-models/get", name=made.name("m"))


@each_call
def test_json_that_was_encoded_twice_or_oddly(made: Twin, call: str) -> None:
    method, path, fields = written(made, call)
    if method == "GET":
        return
    for content in (
        json.dumps(json.dumps(fields)).encode(),
        json.dumps(fields, ensure_ascii=False).encode(),
        json.dumps(fields, ensure_ascii=False).encode("utf-16"),
        json.dumps(fields, indent=4).encode(),
        json.dumps(fields).encode() + b"\n\n",
        b"\xef\xbb\xbf" + json.dumps(fields).encode(),
        json.dumps(fields).replace("{", '{"name": "first", ', 1).encode(),
        json.dumps(json.dumps(json.dumps(fields))).encode(),
    ):
        made.call(method, path, content=content, headers=JSON)
    made.get("registered-models/get", name=made.name("m"))


KINDS = [
    None,
    "",
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    "APPLICATION/JSON",
    "application/json, text/plain",
    "application/problem+json",
    "text/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/octet-stream",
    "json",
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_content_types(made: Twin, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    for call in (
        *("tag model", "latest versions", "update version", "untag model", "delete alias"),
        *("get model", "create version", "search models", "delete model", "create model"),
    ):
        method, path, fields = written(made, call)
        content = json.dumps(fields).encode()
        made.call(method, path, content=content, headers=headers)
    made.get("registered-models/get", name=made.name("m"))


@each_call
def test_gets_are_read_from_their_body_where_there_is_no_query(made: Twin, call: str) -> None:
    method, path, fields = written(made, call)
    if method != "GET":
        return
    content = json.dumps(fields).encode()
    made.call(method, path, content=content, headers=JSON)
    made.call(method, path, content=content)
    made.call(method, path, content=content, headers={"Content-Type": "text/plain"})
    made.call(method, path, content=json.dumps(content.decode()).encode(), headers=JSON)
    if "search" not in path:
        made.call(method, f"{path}?x=1", content=content, headers=JSON)
        made.call(method, path, content=b"{", headers=JSON)
        made.call(method, path, content=b"[]", headers=JSON)
        made.call(method, path)
        made.call(method, f"{path}?")
        made.call(method, f"{path}?name")
        made.call(method, f"{path}?name=")
        made.call(method, f"{path}?&&")
    for field in fields:
        for value in WRONG:
            if field == "filter" and not value:
                continue
            wrong = json.dumps(fields | {field: value}).encode()
            made.call(method, path, content=wrong, headers=JSON)


def test_queries(made: Twin) -> None:
    name = made.name("m")
    for query in (
        *(f"name={name}&name=other", f"name=other&name={name}", f"name={name}&NAME=x"),
        *(f"name={name}&x%5B%5D=1", f"name={name};x=1", f"?name={name}"),
        *(f"name={name}&", f"&name={name}", f"name%5B%5D={name}", f"name={name}%00", "name=%ff"),
        *("name=%", "name=%zz", "name=+", "=x", f"name={name}&name", f"%6eame={name}"),
    ):
        made.call("GET", f"registered-models/get?{query}")
    for query in (
        "stages=None&stages=Staging",
        "stages%5B%5D=None",
        "stages=None,Staging",
        "stages=",
    ):
        made.call("GET", f"registered-models/get-latest-versions?name={name}&{query}")
    for query in ("version=1&version=2", "version=2&version=1"):
        made.call("GET", f"model-versions/get?name={name}&{query}")


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "BREW")


@each_call
def test_methods(made: Twin, call: str) -> None:
    _, path, fields = written(made, call)
    used = {CALLS[name][0] for name in CALLS if CALLS[name][1] == path}
    for method in METHODS:
        if method in used:
            continue
        made.call(method, path, fields)
    made.get("registered-models/get", name=made.name("m"))


PATHS = [
    "registered-models",
    "registered-models/",
    "registered-models/get/",
    "registered-models/nothing",
    "registered-models/get/x",
    "registered-models//get",
    "/registered-models/get",
    "Registered-Models/get",
    "registered-models/GET",
    "registered_models/get",
    "registered-models/%67et",
    "registered-models/get%2F",
    "registered-models/get.json",
    "registered-models/get;x",
    "model-versions",
    "model-versions/",
    "model-versions/nothing",
    "nothing",
    "",
    "/api/2.0/mlflow",
    "/api/2.0/preview/mlflow/registered-models/get",
    "/api/1.0/mlflow/registered-models/get",
    "/api/3.0/mlflow/registered-models/get",
    "/api/2.0/mlflow/../mlflow/registered-models/get",
    "//api/2.0/mlflow/registered-models/get",
    "/ajax-api/2.0/mlflow/registered-models/get",
    "/ajax-api/2.0/preview/mlflow/registered-models/get",
    "/ajax-api/2.0/mlflow/registered-models/get/",
    "/ajax-api/2.0/mlflow/registered-models/nothing",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path or "nothing at all")
def test_paths(made: Twin, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        made.call(method, path, {"name": made.name("m")})


@each_call
def test_the_prefix_of_pages(made: Twin, call: str) -> None:
    method, path, fields = written(made, call)
    for prefix in ("/ajax-api/2.0/mlflow/", "/api/2.0/mlflow/"):
        made.call(method, f"{prefix}{path}", fields)
    made.get("registered-models/get", name=made.name("m"))


ORIGINS = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://[::1]:5000"},
    {"Host": "evil.example"},
    {"Host": "evil.example:5000"},
    {"Host": "localhost"},
    {"Host": "localhost:1234"},
    {"Host": "127.0.0.1"},
    {"Host": "127.0.0.1:1"},
    {"Host": "[::1]:1"},
    {"Host": "10.0.0.1"},
    {"Host": "192.168.1.1:5000"},
    {"Host": "localhost.evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "LOCALHOST"},
    {"Origin": "https://evil.example", "Host": "evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Referer": "https://evil.example/"},
    {"X-Forwarded-Host": "evil.example"},
]


@pytest.mark.parametrize("headers", ORIGINS, ids=str)
def test_where_requests_come_from(made: Twin, headers: dict[str, str]) -> None:
    for call in ("tag model", "get model", "delete alias", "search versions", "update version"):
        method, path, fields = written(made, call)
        if method == "GET":
            made.call(method, path, fields, headers=headers)
        else:
            made.call(method, path, fields, headers=headers | JSON)
    made.call("GET", "/health", headers=headers)
    made.call("GET", "/version", headers=headers)


def test_what_a_client_asks_of_the_server_itself(twin: Twin) -> None:
    assert twin.call("GET", "/health").status == 200
    twin.call("HEAD", "/health")
    twin.call("HEAD", "/version")
    twin.call("POST", "/health")
    twin.call("GET", "/version/")


def test_null_is_as_if_it_were_not_there(made: Twin) -> None:
    for call in CALLS:
        method, path, fields = written(made, call)
        if method == "GET" or call.startswith("delete") or call == "rename model":
            continue
        for field in fields:
            made.call(method, path, fields | {field: None})
    made.get("registered-models/get", name=made.name("m"))
    made.get("model-versions/search", filter=f"name = '{made.name('m')}'")
