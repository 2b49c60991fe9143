"""The artifact proxy, over HTTP at a real server: any size, any path, nothing but files."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import servers
from tests.faults.serving import ServerProcess
from tests.server.api.conftest import as_it_stands
from tests.server.mlflow.registry import INVALID, MISSING, refusal

API = "/api/2.0/mlflow-artifacts"
FILES = f"{API}/artifacts"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    running = servers.start(tmp_path_factory.mktemp("home"))
    yield running
    running.end()


@pytest.fixture(scope="module")
def http(server: servers.Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def run() -> str:
    """The path of a folder that nobody else has."""
    return f"0/{uuid.uuid4().hex}/artifacts"


def put(http: httpx.Client, path: str, content: bytes = b"0123456789") -> None:
    answer = http.put(f"{FILES}/{path}", content=content)
    assert (answer.status_code, answer.content) == (200, b"")


def listed(http: httpx.Client, path: str) -> dict[str, int | None]:
    """Return the names in a folder, and the sizes of those that are files."""
    answer = http.get(FILES, params={"path": path})
    assert answer.status_code == 200
    found = answer.json().get("files", [])
    assert all(item.get("file_size") != 0 for item in found)  # left out, as by the official server
    return {item["path"]: item.get("file_size") for item in found}


def storage(http: httpx.Client) -> dict[str, int]:
    totals: dict[str, int] = http.get("/api/v1/storage").json()
    return totals


def raw(server: servers.Server, method: str, path: str) -> tuple[int, str]:
    """Send a path as it stands; return the status, and the code of the error."""
    status, content = as_it_stands(server, method, path, b"x" if method == "PUT" else None)
    return status, json.loads(content or b"{}").get("error_code", "")


# -- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_a_file_comes_back_as_it_was_put(http: httpx.Client, run: str, prefix: str) -> None:
    path = f"{prefix}/2.0/mlflow-artifacts/artifacts/{run}/model/weights.bin"
    content = bytes(range(256)) * 100
    assert http.put(path, content=content).status_code == 200
    answer = http.get(path)
    assert (answer.status_code, answer.content) == (200, content)
    head = http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(content))
    http.put(path, content=b"new")
    assert http.get(path).content == b"new"
    assert http.delete(path).json() == {}
    assert refusal(http.get(path)) == MISSING


def test_a_browser_saves_a_file_and_never_runs_it(http: httpx.Client, run: str) -> None:
    put(http, f"{run}/page.html", b"<script>alert(1)</script>")
    headers = http.get(f"{FILES}/{run}/page.html").headers
    assert headers["content-disposition"].startswith('attachment; filename="page.html"')
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_range_is_sent_alone(http: httpx.Client, run: str) -> None:
    put(http, f"{run}/digits")
    get = partial(http.get, f"{FILES}/{run}/digits")
    for asked, part, of in (
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
    ):
        answer = get(headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"] == of
    beyond = get(headers={"Range": "bytes=10-"})
    assert refusal(beyond) == (416, "INVALID_PARAMETER_VALUE")
    assert beyond.headers["content-range"] == "bytes */10"


def test_the_tag_of_a_file_is_its_digest(http: httpx.Client, run: str) -> None:
    put(http, f"{run}/digits")
    tag = f'"sha256:{hashlib.sha256(b"0123456789").hexdigest()}"'
    answer = http.get(f"{FILES}/{run}/digits")
    assert answer.headers["etag"] == tag
    unchanged = http.get(f"{FILES}/{run}/digits", headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    put(http, f"{run}/digits", b"other")
    assert http.get(f"{FILES}/{run}/digits", headers={"If-None-Match": tag}).status_code == 200


def test_the_same_bytes_are_stored_once(http: httpx.Client, run: str) -> None:
    content = uuid.uuid4().bytes * 1_000
    before = storage(http)
    for n in range(3):
        put(http, f"{run}/{n}/weights", content)
    after = storage(http)
    assert after["files"] - before["files"] == 3
    assert after["stored_bytes"] - before["stored_bytes"] == len(content)


def test_an_upload_that_breaks_off_leaves_what_was_there(
    http: httpx.Client, server: servers.Server, run: str
) -> None:
    put(http, f"{run}/digits")

    def pieces() -> Iterator[bytes]:
        yield b"x" * MIB
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError, match="lost"):
        http.put(f"{FILES}/{run}/digits", content=pieces())
    assert http.get(f"{FILES}/{run}/digits").content == b"0123456789"


def test_files_of_any_size_take_constant_memory(tmp_path: Path) -> None:
    size, piece = 200 * MIB, bytes(range(256)) * 4096
    with ServerProcess(tmp_path) as server:
        with httpx.Client(base_url=server.url, timeout=120, trust_env=False) as http:
            put(http, "small")
            assert http.get(f"{FILES}/small").content == b"0123456789"
            before = server.peak_memory()
            pieces = (piece for _ in range(size // MIB))
            assert http.put(f"{FILES}/large", content=pieces).status_code == 200
            came = hashlib.sha256()
            with http.stream("GET", f"{FILES}/large") as answer:
                for chunk in answer.iter_raw():
                    came.update(chunk)
            tail = http.get(f"{FILES}/large", headers={"Range": f"bytes={size - 10}-"})
        assert f'"sha256:{came.hexdigest()}"' == answer.headers["etag"]
        assert tail.content == piece[-10:]
        assert server.peak_memory() - before < 40 * MIB


# -- folders -------------------------------------------------------------------------------------


def test_a_folder_lists_the_names_in_it(http: httpx.Client, run: str) -> None:
    for path in ("model/MLmodel", "model/data/model.pkl", "model/data/deep/er", "metrics.json"):
        put(http, f"{run}/{path}")
    assert listed(http, run) == {"metrics.json": 10, "model": None}
    assert listed(http, f"{run}/model") == {"MLmodel": 10, "data": None}
    for same in (f"{run}/", f"./{run}", run.replace("/", "//")):
        assert listed(http, same) == listed(http, run)
    assert "0" in listed(http, "")
    assert http.get(f"/ajax-api/2.0/mlflow-artifacts/artifacts?path={run}").json()["files"]


def test_a_file_and_a_missing_path_list_nothing(http: httpx.Client, run: str) -> None:
    put(http, f"{run}/digits")
    for path in (f"{run}/digits", f"{run}/nothing", f"{run}/digits/below", "nowhere"):
        answer = http.get(FILES, params={"path": path})
        assert (answer.status_code, answer.json()) == (200, {})


def test_deleting_takes_a_folder_with_everything_in_it(http: httpx.Client, run: str) -> None:
    for path in ("model/a", "model/deep/b", "model.txt", "keep"):
        put(http, f"{run}/{path}")
    for path in ("model", "model", "nothing", "keep/below"):
        answer = http.delete(f"{FILES}/{run}/{path}")
        assert (answer.status_code, answer.json()) == (200, {})
    assert listed(http, run) == {"keep": 10, "model.txt": 10}


def test_a_path_is_a_file_or_a_folder(http: httpx.Client, run: str) -> None:
    put(http, f"{run}/model/weights")
    for path in ("model", "model/weights/below"):
        assert refusal(http.put(f"{FILES}/{run}/{path}", content=b"x")) == (
            409,
            "RESOURCE_CONFLICT",
        )
    assert refusal(http.get(f"{FILES}/{run}/model")) == INVALID


# -- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a%20b", "a b"),
        ("a b".replace(" ", "%2520"), "a b"),  # as the official server: decoded to the end
        ("%C3%A9", "é"),
        ("100%25", "100%"),
        ("q%3Fx", "q?x"),
        ("a+b", "a+b"),
        ("~x", "~x"),
        ("./x", "x"),
        (".hidden", ".hidden"),
    ],
)
def test_a_name_may_be_odd(server: servers.Server, run: str, written: str, name: str) -> None:
    assert raw(server, "PUT", f"{FILES}/{run}/{written}")[0] == 200
    assert as_it_stands(server, "GET", f"{FILES}/{run}/{written}") == (200, b"x")
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        assert listed(http, run) == {name: 1}
    assert raw(server, "DELETE", f"{FILES}/{run}/{written}")[0] == 200


HOSTILE = [
    "..", "../x", "a/../x", "a/..", "%2e%2e/x", "a/%2e%2e/x", "..%2fx", "a/%252e%252e/x",
    "a/%25252e%25252e%25252fx", "/x", "%2Fx", "%252Fx", "C:/x", "C:x", "C:%5Cx", "a%5C..%5Cx",
    "%5C%5Chost%5Cx", "file:/x", "file:x", "file:///etc/passwd", "file%3A%2F%2F%2Fx", "s3://x/y",
    "a%00", "a%2500", "%00", "a%250ab", "a%1b", "a%23b", "%c0%ae%c0%ae/x", "%ff", "%ed%a0%80",
    "x" * 1_100, "../../../../../../etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_could_lead_elsewhere_is_refused(server: servers.Server, path: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert raw(server, method, f"{FILES}/{path}") == INVALID
    if "%c0" not in path and "%ff" not in path and "%ed" not in path:  # no longer to be told apart
        assert raw(server, "GET", f"{FILES}?path={path}") == INVALID


@pytest.mark.parametrize("path", ["", "a/", "a/b//"])
def test_a_file_needs_a_name(server: servers.Server, path: str) -> None:
    assert raw(server, "PUT", f"{FILES}/{path}") == INVALID


def test_nothing_that_is_deleted_takes_everything_with_it(
    http: httpx.Client, server: servers.Server, run: str
) -> None:
    put(http, f"{run}/digits")
    for path in ("", ".", "./", "%2e", "//"):
        assert raw(server, "DELETE", f"{FILES}/{path}")[0] in (400, 404)
    assert http.delete(FILES).status_code == 405
    assert listed(http, run) == {"digits": 10}


# -- versions ------------------------------------------------------------------------------------


@pytest.fixture
def version(http: httpx.Client) -> dict[str, Any]:
    """A sealed version of two files."""
    name = f"m-{uuid.uuid4().hex}"
    files = {"file": ("MLmodel", b"flavors: {}"), "other": ("data/weights", b"0123456789")}
    answer = http.post(f"/api/v1/models/{name}/push", files=files)
    assert answer.status_code == 201
    document: dict[str, Any] = answer.json()
    return document


def test_the_files_of_a_version_can_be_read(http: httpx.Client, version: dict[str, Any]) -> None:
    root = f"_muniment/versions/{version['uuid']}"
    assert listed(http, root) == {"MLmodel": 11, "data": None}
    assert listed(http, f"{root}/data") == {"weights": 10}
    assert listed(http, f"{root}/MLmodel") == listed(http, f"{root}/nothing") == {}
    answer = http.get(f"{FILES}/{root}/data/weights", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert refusal(http.get(f"{FILES}/{root}/nothing")) == MISSING


def test_the_files_of_a_version_can_not_be_changed(
    http: httpx.Client, version: dict[str, Any]
) -> None:
    root = f"_muniment/versions/{version['uuid']}"
    for path in (f"{root}/MLmodel", f"{root}/new", "_muniment/x", "_muniment", root):
        assert refusal(http.put(f"{FILES}/{path}", content=b"x")) == INVALID
        assert refusal(http.delete(f"{FILES}/{path}")) == INVALID
    assert http.get(f"{FILES}/{root}/MLmodel").content == b"flavors: {}"


def test_versions_are_found_by_uuid_alone(http: httpx.Client, version: dict[str, Any]) -> None:
    assert listed(http, "_muniment") == listed(http, "_muniment/versions") == {}
    assert listed(http, f"_muniment/versions/{'0' * 32}") == {}
    for path in ("_muniment", "_muniment/versions", "_muniment/versions/x/y", "_muniment/x/y"):
        assert refusal(http.get(f"{FILES}/{path}")) == MISSING
    assert "_muniment" not in listed(http, "")


# -- what is not here ----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [API, "/ajax-api/2.0/mlflow-artifacts"])
def test_clients_are_told_to_send_and_get_files_in_one_piece(
    http: httpx.Client, prefix: str
) -> None:
    for step in ("create", "complete", "abort"):
        answer = http.post(f"{prefix}/mpu/{step}/0/run", json={"path": "x", "parts": []})
        assert refusal(answer) == (501, "NOT_IMPLEMENTED")
        # the client goes on with a plain PUT only if the message begins like this
        assert answer.json()["message"].startswith(
            "Multipart upload is not supported for the current artifact repository"
        )
        assert refusal(http.post(f"{prefix}/mpu/{step}/0/run", json={})) == INVALID
    assert refusal(http.get(f"{prefix}/presigned/0/run/x")) == (501, "NOT_IMPLEMENTED")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_other_methods_are_not_allowed(http: httpx.Client, method: str) -> None:
    assert http.request(method, f"{FILES}/0/x").status_code == 405
