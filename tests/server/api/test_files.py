"""What versions are made of, over HTTP: manifests, files, ranges."""

from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from muniment.domain.manifest import Manifest
from tests.client.servers import Server
from tests.server.api.conftest import as_it_stands, file_of, refusal, sha256

CONTENT = b"0123456789" * 10


def test_a_manifest_is_the_very_bytes_of_its_digest(api: httpx.Client, version: str) -> None:
    digest = api.get(version).json()["digest"]
    answer = api.get(f"{version}/manifest")

    assert sha256(answer.content) == digest
    assert answer.headers["etag"] == f'"sha256:{digest}"'
    assert Manifest.parse(answer.content, digest=digest).files[0].path == "model.pkl"
    held = {"If-None-Match": answer.headers["etag"]}
    assert api.get(f"{version}/manifest", headers=held).status_code == 304


def test_a_version_without_content_has_no_manifest(api: httpx.Client, model: str) -> None:
    api.post(f"/models/{model}/versions", json={"source_uri": "s3://x"})
    answer = api.get(f"/models/{model}/versions/1/manifest")
    assert refusal(answer, 409, "not_ready")["details"]["source_uri"] == "s3://x"


def test_a_file_comes_with_everything_to_check_it(api: httpx.Client, version: str) -> None:
    answer = api.get(f"{version}/files/model.pkl")

    assert answer.content == CONTENT
    assert answer.headers["etag"] == f'"sha256:{sha256(CONTENT)}"'
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-encoding" not in answer.headers


def test_head_answers_the_same_without_the_bytes(api: httpx.Client, version: str) -> None:
    head, get = (api.request(m, f"{version}/files/model.pkl") for m in ("HEAD", "GET"))
    skipped = {"x-request-id", "date"}
    assert head.content == b""
    assert {k: v for k, v in head.headers.items() if k not in skipped} == {
        k: v for k, v in get.headers.items() if k not in skipped
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=90-", 90, 100),
        ("bytes=90-1000", 90, 100),
        ("bytes=-5", 95, 100),
        ("bytes=-1000", 0, 100),
        ("BYTES=1-2", 1, 3),
    ],
)
def test_one_range_is_served(
    api: httpx.Client, version: str, asked: str, start: int, end: int
) -> None:
    answer = api.get(f"{version}/files/model.pkl", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=500-0", "bytes=9-8", "bytes=-0"])
def test_a_range_outside_is_416_and_tells_the_size(
    api: httpx.Client, version: str, asked: str
) -> None:
    answer = api.get(f"{version}/files/model.pkl", headers={"Range": asked})
    refusal(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */100"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,4-5", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1x", "bytes=" + "9" * 99],
)
def test_ranges_that_are_several_or_none_get_the_whole(
    api: httpx.Client, version: str, asked: str
) -> None:
    answer = api.get(f"{version}/files/model.pkl", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_if_range_goes_on_only_with_the_same_bytes(api: httpx.Client, version: str) -> None:
    tag = api.head(f"{version}/files/model.pkl").headers["etag"]
    for condition, status in ((tag, 206), (f"W/{tag}", 200), ('"sha256:other"', 200)):
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        assert api.get(f"{version}/files/model.pkl", headers=headers).status_code == status


def test_bytes_that_the_caller_holds_are_not_sent(api: httpx.Client, version: str) -> None:
    tag = api.head(f"{version}/files/model.pkl").headers["etag"]
    answer = api.get(f"{version}/files/model.pkl", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("dir/a.json", "dir/a.json"),
        ("dir/a.json", "dir%2Fa.json"),
        ("na me/ä;b#c?d.txt", "na%20me/%C3%A4%3Bb%23c%3Fd.txt"),
        ("100%25", "100%2525"),
        ('q"uote.txt', "q%22uote.txt"),
    ],
)
def test_files_in_folders_and_with_odd_names_are_found(
    api: httpx.Client, model: str, path: str, sent: str
) -> None:
    body = {"files": [file_of(api, path, b"content")]}
    assert api.post(f"/models/{model}/versions", json=body).status_code == 201
    answer = api.get(f"/models/{model}/versions/1/files/{sent}")
    assert answer.content == b"content"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')


def test_the_media_type_is_that_of_the_manifest(api: httpx.Client, model: str) -> None:
    file = file_of(api, "page.html", b"<script>") | {"media_type": "text/html"}
    api.post(f"/models/{model}/versions", json={"files": [file]})
    headers = api.get(f"/models/{model}/versions/1/files/page.html").headers
    assert headers["content-type"] == "text/html"
    assert headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nothing",
        "..",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "%252e%252e/passwd",
        "..%5c..%5cetc",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "C:%5cx",
        "a%00b",
        "model.pkl%00",
        "model.pkl/",
        "./model.pkl",
        "%FF%FE",
        "x" * 2000,
    ],
)
def test_a_path_leads_to_a_file_of_the_version_or_nowhere(
    server: Server, version: str, path: str
) -> None:
    for method in ("GET", "HEAD"):
        status, content = as_it_stands(server, method, f"/api/v1{version}/files/{path}")
        assert status in (400, 404)
        assert b"root:" not in content


@pytest.mark.parametrize("damage", ["truncated", "longer", "gone"])
def test_damage_is_told_before_any_header_promises_the_file(
    server: Server, api: httpx.Client, name: str, damage: str
) -> None:
    content = name.encode()
    api.put(f"/models/{name}/push/model.pkl", content=content)
    (path,) = (server.home / "blobs").rglob(f"*{sha256(content)}*")
    path.chmod(0o600)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:7] if damage == "truncated" else content + b"!")

    address = f"/models/{name}/versions/1/files/model.pkl"
    problem = refusal(api.get(address), 500, "corrupt")
    assert "muniment verify" in problem["hint"]
    refusal(api.get(address, headers={"Range": "bytes=0-3"}), 500, "corrupt")
    assert api.head(address).status_code == 500


def test_an_empty_file_has_no_range(api: httpx.Client, model: str) -> None:
    api.post(f"/models/{model}/versions", json={"files": [file_of(api, "empty", b"")]})
    address = f"/models/{model}/versions/1/files/empty"
    assert (api.get(address).status_code, api.get(address).content) == (200, b"")
    answer = api.get(address, headers={"Range": "bytes=0-"})
    assert refusal(answer, 416, "range_not_satisfiable")["details"] == {"size": 0}
