"""Upload sessions over HTTP."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.client.servers import Server
from tests.server.api.conftest import Json, refusal, sha256

MIB = 1024 * 1024


@pytest.fixture
def content() -> bytes:
    """Three MiB that nobody has stored yet."""
    return uuid.uuid4().bytes * (3 * MIB // 16)


@pytest.fixture
def upload(api: httpx.Client, content: bytes) -> Json:
    begun = api.post("/uploads", json={"digest": sha256(content), "size": len(content)})
    assert begun.status_code == 201
    session: Json = begun.json()
    return session


def send(api: httpx.Client, upload: Json, content: bytes, offset: int | str) -> httpx.Response:
    headers = {"Upload-Offset": str(offset)}
    return api.patch(f"/uploads/{upload['id']}", content=content, headers=headers)


def test_an_upload_goes_on_where_it_stopped(
    api: httpx.Client, upload: Json, content: bytes
) -> None:
    half = len(content) // 2
    assert upload["offset"] == 0
    assert send(api, upload, content[:half], 0).json()["offset"] == half
    begun = api.post("/uploads", json={"digest": upload["digest"], "size": len(content)}).json()
    assert (begun["id"], begun["offset"]) == (upload["id"], half)
    early = api.post(f"/uploads/{upload['id']}/finish")
    assert refusal(early, 409, "upload_conflict")["details"]["offset"] == half
    assert send(api, upload, content[half:], half).json()["offset"] == len(content)

    for _ in range(2):  # an answer may be lost, so finishing twice is fine
        done = api.post(f"/uploads/{upload['id']}/finish", json={"digest": upload["digest"]})
        assert done.json() == {"digest": upload["digest"], "size": len(content)}
        if api.get(f"/uploads/{upload['id']}").status_code == 404:
            break

    assert api.get(f"/blobs/{upload['digest']}").content == content
    present = api.post("/uploads", json={"digest": upload["digest"], "size": len(content)})
    assert (present.status_code, present.json()) == (200, {"present": True})


def test_a_fresh_upload_is_another_one(api: httpx.Client, upload: Json, content: bytes) -> None:
    body = {"digest": upload["digest"], "size": len(content), "fresh": True}
    assert api.post("/uploads", json=body).json()["id"] != upload["id"]


def test_the_digest_may_be_said_at_the_end(api: httpx.Client, content: bytes) -> None:
    upload = api.post("/uploads", json={}).json()
    assert (upload["digest"], upload["size"]) == (None, None)
    send(api, upload, content, 0)
    done = api.post(f"/uploads/{upload['id']}/finish", json={"digest": sha256(content)})
    assert done.json() == {"digest": sha256(content), "size": len(content)}


def test_a_wrong_offset_is_told_the_right_one(
    api: httpx.Client, upload: Json, content: bytes
) -> None:
    send(api, upload, content[:100], 0)
    for wrong in (0, 99, 101, 2 * MIB):
        problem = refusal(send(api, upload, b"x", wrong), 409, "upload_conflict")
        assert problem["details"]["offset"] == 100
    assert api.get(f"/uploads/{upload['id']}").json()["offset"] == 100


@pytest.mark.parametrize("offset", ["", "-1", "1.0", "x", "9" * 40, "²"])
def test_an_offset_that_is_no_number_is_refused(
    api: httpx.Client, upload: Json, offset: str
) -> None:
    headers = {"Upload-Offset": offset.encode()}
    answer = api.patch(f"/uploads/{upload['id']}", content=b"x", headers=headers)
    refusal(answer, 400, "invalid_input")
    refusal(api.patch(f"/uploads/{upload['id']}", content=b"x"), 400, "invalid_input")


def test_more_bytes_than_announced_are_refused_before_they_are_read(
    api: httpx.Client, upload: Json, content: bytes
) -> None:
    refusal(send(api, upload, content + b"x", 0), 400, "invalid_input")
    assert api.get(f"/uploads/{upload['id']}").json()["offset"] == 0


def test_more_bytes_than_announced_are_refused_when_they_come(
    api: httpx.Client, upload: Json, content: bytes
) -> None:
    def endless() -> Iterator[bytes]:
        yield content
        yield b"x"

    headers = {"Upload-Offset": "0"}
    answer = api.patch(f"/uploads/{upload['id']}", content=endless(), headers=headers)
    refusal(answer, 422, "digest_mismatch")
    refusal(api.get(f"/uploads/{upload['id']}"), 404, "not_found")


def test_other_bytes_than_announced_give_the_upload_up(
    api: httpx.Client, upload: Json, content: bytes
) -> None:
    send(api, upload, content[::-1], 0)
    refusal(api.post(f"/uploads/{upload['id']}/finish"), 422, "digest_mismatch")
    refusal(api.get(f"/uploads/{upload['id']}"), 404, "not_found")
    refusal(api.get(f"/blobs/{upload['digest']}"), 404, "not_found")


def test_a_cancelled_upload_is_gone(api: httpx.Client, upload: Json) -> None:
    assert api.delete(f"/uploads/{upload['id']}").status_code == 204
    for answer in (
        api.get(f"/uploads/{upload['id']}"),
        send(api, upload, b"x", 0),
        api.post(f"/uploads/{upload['id']}/finish"),
        api.delete(f"/uploads/{upload['id']}"),
    ):
        refusal(answer, 404, "not_found")


def test_what_came_before_the_connection_broke_is_kept(
    api: httpx.Client, server: Server, upload: Json, content: bytes
) -> None:
    sent = 2 * MIB + 12_345
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = (
            f"PATCH /api/v1/uploads/{upload['id']} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Upload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        connection.sendall(head.encode() + content[:sent])
        wait_for_offset(api, upload, MIB)

    # At once, while the server may still be busy with the connection that was lost.
    offset = api.get(f"/uploads/{upload['id']}").json()["offset"]
    while (answer := send(api, upload, content[offset:], offset)).status_code != 200:
        offset = refusal(answer, 409, "upload_conflict")["details"]["offset"]

    assert offset >= MIB
    assert api.post(f"/uploads/{upload['id']}/finish").json()["size"] == len(content)


def wait_for_offset(api: httpx.Client, upload: Json, offset: int) -> None:
    while api.get(f"/uploads/{upload['id']}").json()["offset"] < offset:
        time.sleep(0.01)


def test_two_writers_at_once_are_kept_apart(
    api: httpx.Client, server: Server, upload: Json, content: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as first:
        head = (
            f"PATCH /api/v1/uploads/{upload['id']} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Upload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        first.sendall(head.encode() + content[:MIB])
        wait_for_offset(api, upload, MIB)

        refusal(send(api, upload, content[MIB:], MIB), 409, "upload_conflict")

        first.sendall(content[MIB:])
        assert first.recv(100).startswith(b"HTTP/1.1 200")
    assert api.post(f"/uploads/{upload['id']}/finish").status_code == 200


@pytest.mark.parametrize("id", ["x", "0" * 31, "A" * 32, "..", "%2e%2e%2f", "%00", "%FF", "0" * 33])
def test_what_is_no_upload_id_is_refused(api: httpx.Client, id: str) -> None:
    for method, more in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/finish")):
        headers = {"Upload-Offset": "0"}
        answer = api.request(method, f"/uploads/{id}{more}", headers=headers)
        assert answer.status_code in (400, 404)


def test_impossible_sizes_are_refused(api: httpx.Client) -> None:
    refusal(api.post("/uploads", json={"size": -1}), 400, "invalid_input")
    refusal(api.post("/uploads", json={"size": 2**63}), 413, "limit_exceeded")
    refusal(api.post("/uploads", json={"digest": "x"}), 400, "invalid_input")
