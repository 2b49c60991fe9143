"""A new version in one request."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.client.servers import Server, left_staged, staged
from tests.server.api.conftest import as_it_stands, refusal, sha256

MIB = 1024 * 1024


def test_one_file_becomes_a_ready_version(api: httpx.Client, name: str) -> None:
    query = [
        ("label", "1.0.0"),
        ("framework", "scikit-learn"),
        ("description", "d"),
        ("tag", "team=risk"),
        ("tag", "a=b=c"),
        ("param", "n=1"),
        ("metric", "auc=0.5"),
        ("alias", "champion"),
    ]
    answer = api.put(f"/models/{name}/push/dir/model.json", params=query, content=b"{}")

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/models/{name}/versions/1"
    version = answer.json()
    assert (version["label"], version["framework"]) == ("1.0.0", "scikit-learn")
    assert (version["tags"], version["params"]) == ({"team": "risk", "a": "b=c"}, {"n": "1"})
    assert (version["metrics"], version["aliases"]) == ({"auc": 0.5}, ["champion"])
    (file,) = api.get(f"/models/{name}/versions/1/manifest").json()["files"]
    assert file == {
        "path": "dir/model.json",
        "sha256": sha256(b"{}"),
        "size": 2,
        "media_type": "application/json",
    }


def test_a_second_push_is_the_next_version(api: httpx.Client, version: str) -> None:
    model = version.partition("/versions")[0]
    assert api.put(f"{model}/push/model.pkl", content=b"new").json()["version"] == 2


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("image/png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("application/x-www-form-urlencoded", "text/csv"),  # what curl says of its own accord
        ("application/octet-stream", "text/csv"),
        (None, "text/csv"),
    ],
)
def test_the_media_type_is_said_or_known_by_the_suffix(
    api: httpx.Client, name: str, sent: str | None, kept: str
) -> None:
    headers = {} if sent is None else {"Content-Type": sent}
    api.put(f"/models/{name}/push/a.csv", content=b"1", headers=headers)
    assert api.head(f"/models/{name}/versions/1/files/a.csv").headers["content-type"] == kept


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("label=a%20b", "invalid_input"),
        ("tag=novalue", "invalid_input"),
        ("tag==x", "invalid_input"),
        ("metric=auc=high", "invalid_input"),
        ("metric=auc=nan", "invalid_input"),
        ("alias=latest", "invalid_input"),
        ("description=%00", "invalid_input"),
    ],
)
def test_wrong_words_are_refused_before_any_byte_is_read(
    server: Server, api: httpx.Client, name: str, query: str, code: str
) -> None:
    head = (
        f"PUT /api/v1/models/{name}/push/a?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    refusal(api.get(f"/models/{name}"), 404, "not_found")


def test_a_taken_label_is_refused_before_any_byte_is_read(
    server: Server, api: httpx.Client, name: str
) -> None:
    api.put(f"/models/{name}/push/a?label=1", content=b"x")
    head = (
        f"PUT /api/v1/models/{name}/push/a?label=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 409")


@pytest.mark.parametrize(
    "path", ["", "..", "../x", "a//b", "/a", "a%00", "a%5cb", "C:/x", "%FF", "./a"]
)
def test_a_path_that_no_file_may_have_is_refused(
    server: Server, api: httpx.Client, name: str, path: str
) -> None:
    status, _ = as_it_stands(server, "PUT", f"/api/v1/models/{name}/push/{path}", b"x")
    assert status == 400
    refusal(api.get(f"/models/{name}"), 404, "not_found")


def test_nothing_is_left_of_a_push_that_breaks_off(
    server: Server, api: httpx.Client, name: str
) -> None:
    others = set(staged(server.home))
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = (
            f"PUT /api/v1/models/{name}/push/a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Length: {10 * MIB}\r\n\r\n"
        )
        connection.sendall(head.encode() + bytes(3 * MIB))
        while not set(staged(server.home)) - others:
            pass

    while set(staged(server.home)) - others:
        pass
    refusal(api.get(f"/models/{name}"), 404, "not_found")


def test_a_form_of_files_becomes_one_version(api: httpx.Client, name: str) -> None:
    version = {"label": "1.0.0", "tags": {"n": 1}, "metrics": {"auc": 0.9}}
    parts = [
        ("version", (None, json.dumps(version), "application/json")),
        ("file", ("model.bin", b"m" * (2 * MIB + 5), "application/octet-stream")),
        ("file", ("dir/ä b.txt", b"", "text/plain")),
        ("anything", ("config.json", b"{}", None)),
    ]

    answer = api.post(f"/models/{name}/push", files=parts)

    assert answer.status_code == 201
    assert (answer.json()["label"], answer.json()["tags"]) == ("1.0.0", {"n": 1})
    files = api.get(f"/models/{name}/versions/1/manifest").json()["files"]
    assert [(f["path"], f["size"], f["media_type"]) for f in files] == [
        ("config.json", 2, "application/json"),
        ("dir/ä b.txt", 0, "text/plain"),
        ("model.bin", 2 * MIB + 5, "application/octet-stream"),
    ]
    assert api.get(f"/models/{name}/versions/1/files/model.bin").content == b"m" * (2 * MIB + 5)


@pytest.mark.parametrize(
    ("version", "files"),
    [
        ({"label": "a b"}, ["a"]),
        ({"nothing": 1}, ["a"]),
        ({"files": []}, ["a"]),
        ({"pending": True}, ["a"]),
        ({}, []),
        ({}, ["a", "a"]),
        ({}, ["../a"]),
        ({}, ["a", "a/b"]),
    ],
)
def test_a_wrong_form_makes_no_version(
    api: httpx.Client, name: str, version: dict[str, object], files: list[str]
) -> None:
    parts = [("version", (None, json.dumps(version)))]
    parts += [("file", (path, b"x")) for path in files]
    refusal(api.post(f"/models/{name}/push", files=parts), 400, "invalid_input")
    refusal(api.get(f"/models/{name}"), 404, "not_found")


FORM = "multipart/form-data; boundary=b"
FILE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nxyz\r\n'


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        (FORM, FILE, 400),  # no end
        (FORM, b"", 400),
        (FORM, b"--b--\r\n", 400),  # no part
        (FORM, b"garbage", 400),
        (FORM, b"preamble\r\n" + FILE + b"--b--\r\n", 400),
        (FORM, b"--b\r\n\r\nno headers\r\n--b--\r\n", 400),
        (FORM, b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx\r\n--b--\r\n', 400),
        (FORM, b"--b\r\nX: " + b"x" * 10_000 + b"\r\n\r\nx\r\n--b--\r\n", 400),
        (FORM, b"--b\r\n" + b"X: y\r\n" * 1_000 + b"\r\nx\r\n--b--\r\n", 400),
        ("multipart/form-data", FILE + b"--b--\r\n", 400),  # no boundary
        ("multipart/form-data; boundary=" + "b" * 300, FILE, 400),
        ("application/json", b"{}", 415),
        ("", b"", 415),
    ],
)
def test_what_is_no_form_is_explained(
    api: httpx.Client, server: Server, name: str, media_type: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": media_type}
    answer = api.post(f"/models/{name}/push", content=body, headers=headers)
    refusal(answer, status, "invalid_input")
    refusal(api.get(f"/models/{name}"), 404, "not_found")
    assert left_staged(server.home) == []


def test_a_part_may_hold_what_looks_like_a_boundary(api: httpx.Client, name: str) -> None:
    content = b"\r\n--\r\n-- b\r\n-\r\n--a\n--b--\r\r\n--"
    body = FILE.replace(b"xyz", content) + b"--b--\r\nepilogue"
    answer = api.post(f"/models/{name}/push", content=body, headers={"Content-Type": FORM})
    assert answer.status_code == 201
    assert api.get(f"/models/{name}/versions/1/files/a").content == content


def test_pushes_at_the_same_time_get_numbers_without_a_gap(api: httpx.Client, name: str) -> None:
    start = threading.Barrier(8)

    def push(_: int) -> int:
        start.wait()
        answer = api.put(f"/models/{name}/push/a", content=uuid.uuid4().bytes)
        number: int = answer.json()["version"]
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(push, range(8))) == list(range(1, 9))


def test_a_body_of_open_length_is_taken(api: httpx.Client, name: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (b"x" * 1000 for _ in range(2000))

    assert api.put(f"/models/{name}/push/a", content=pieces()).json()["size"] == 2_000_000


def test_a_push_repeated_with_its_key_makes_one_version(api: httpx.Client, name: str) -> None:
    address, key = f"/models/{name}/push/a?label=1.0.0&alias=champion", {"Idempotency-Key": "k"}
    first, again = (api.put(address, content=b"x", headers=key) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json()["version"], again.json()["uuid"]) == (1, first.json()["uuid"])
    refusal(api.put(address, content=b"y", headers=key), 422, "idempotency_key_reused")
    assert len(api.get(f"/models/{name}/versions").json()["items"]) == 1


def test_a_form_repeated_with_its_key_makes_one_version(api: httpx.Client, name: str) -> None:
    parts = [("version", (None, '{"label": "1.0.0"}')), ("file", ("a", b"x"))]
    key = {"Idempotency-Key": "k"}
    for _ in range(2):
        answer = api.post(f"/models/{name}/push", files=parts, headers=key)
        assert (answer.status_code, answer.json()["version"]) == (201, 1)
    others = [("file", ("a", b"y"))]
    answer = api.post(f"/models/{name}/push", files=others, headers=key)
    refusal(answer, 422, "idempotency_key_reused")


def test_an_empty_idempotency_key_is_refused(api: httpx.Client, name: str) -> None:
    key = {"Idempotency-Key": ""}
    answer = api.put(f"/models/{name}/push/a", content=b"x", headers=key)
    refusal(answer, 400, "invalid_input")
    answer = api.post(f"/models/{name}/push", files=[("file", ("a", b"x"))], headers=key)
    refusal(answer, 400, "invalid_input")
    refusal(api.get(f"/models/{name}"), 404, "not_found")


def test_a_misspelt_query_parameter_is_told_and_nothing_is_made(
    api: httpx.Client, name: str
) -> None:
    answer = api.put(f"/models/{name}/push/a?lable=1.0.0", content=b"x")
    assert refusal(answer, 400, "invalid_input")["hint"] == "Did you mean 'label'?"
    form = api.post(f"/models/{name}/push?label=1.0.0", files=[("file", ("a", b"x"))])
    assert refusal(form, 400, "invalid_input")["details"] == {"field": "label"}
    refusal(api.get(f"/models/{name}"), 404, "not_found")


def test_a_field_other_than_the_version_is_no_file(api: httpx.Client, name: str) -> None:
    parts = [("file", ("a", b"x")), ("label", (None, "1.0.0"))]
    problem = refusal(api.post(f"/models/{name}/push", files=parts), 400, "invalid_input")
    assert "'label'" in problem["detail"]
    refusal(api.get(f"/models/{name}"), 404, "not_found")
