"""Blobs over HTTP: bytes by their digest."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.client.servers import Server, left_staged
from tests.server.api.conftest import refusal, sha256, stored


def test_a_blob_is_stored_once(api: httpx.Client) -> None:
    content = b"stored once"
    digest = sha256(content)

    first = api.put(f"/blobs/{digest}", content=content)
    again = api.put(f"/blobs/{digest}", content=content)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"digest": digest, "size": len(content)}
    assert first.headers["etag"] == f'"sha256:{digest}"'
    assert api.get(f"/blobs/{digest}").content == content


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 3 * 2**20 + 17])
def test_blobs_of_any_size_come_back_whole(api: httpx.Client, size: int) -> None:
    content = bytes(n % 251 for n in range(1009)) * (size // 1009 + 1)
    digest = stored(api, content[:size])
    answer = api.get(f"/blobs/{digest}")
    assert answer.content == content[:size]
    assert answer.headers["content-length"] == str(size)


def test_the_length_may_be_left_open(api: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * 300_000

    digest = sha256(b"x" * 1_500_000)
    assert api.put(f"/blobs/{digest}", content=pieces()).json()["size"] == 1_500_000


def test_other_bytes_than_announced_are_refused(api: httpx.Client, server: Server) -> None:
    digest = sha256(b"these bytes")
    problem = refusal(api.put(f"/blobs/{digest}", content=b"others"), 422, "digest_mismatch")
    assert problem["details"]["actual"] == sha256(b"others")
    refusal(api.get(f"/blobs/{digest}"), 404, "not_found")
    assert left_staged(server.home) == []


def test_missing_blobs_are_told_apart(api: httpx.Client) -> None:
    here, gone = stored(api, b"here"), sha256(b"not here")
    answer = api.post("/blobs/missing", json={"digests": [here, gone, gone]})
    assert answer.json() == {"missing": [gone]}
    assert api.post("/blobs/missing", json={"digests": []}).json() == {"missing": []}


def test_too_many_digests_at_once_are_refused(api: httpx.Client) -> None:
    body = {"digests": [sha256(str(n).encode()) for n in range(10_001)]}
    problem = refusal(api.post("/blobs/missing", json=body), 413, "limit_exceeded")
    assert problem["details"]["limit"] == 10_000


def test_a_blob_is_an_attachment_that_nothing_may_run(api: httpx.Client) -> None:
    headers = api.head(f"/blobs/{stored(api, b'<script>')}").headers
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "digest",
    [
        "x",
        "A" * 64,
        "0" * 63,
        "0" * 65,
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%00" * 64,
        "%FF",
    ],
)
def test_what_is_no_digest_is_refused(api: httpx.Client, digest: str) -> None:
    for method in ("GET", "HEAD", "PUT"):
        answer = api.request(method, f"/blobs/{digest}")
        assert answer.status_code in (400, 404, 405)
        assert b"root:" not in answer.content
    refusal(api.post("/blobs/missing", json={"digests": [digest]}), 400, "invalid_input")
