"""Files through the artifacts proxy, on both servers."""

from __future__ import annotations

import pytest

from tests.mlflow.twin import Answer, Twin

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def put(twin: Twin, path: str, content: bytes = b"text", **headers: str) -> Answer:
    return twin.call("PUT", f"{ROOT}/{path}", content=content, headers=headers)


def fetch(twin: Twin, path: str, **headers: str) -> Answer:
    return twin.call("GET", f"{ROOT}/{path}", headers=headers)


def listing(twin: Twin, path: str) -> Answer:
    return twin.call("GET", ROOT, {"path": path})


def remove(twin: Twin, path: str) -> Answer:
    return twin.call("DELETE", f"{ROOT}/{path}")


CONTENTS = {
    "empty": b"",
    "one": b"x",
    "text": b"line\r\nline\n",
    "json": b'{"a": 1}',
    "html": b"<html><script>alert(1)</script></html>",
    "zeros": bytes(1000),
    "megabytes": bytes(range(256)) * 4096 * 3,
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_was_put_comes_back(twin: Twin, content: bytes) -> None:
    for name in ("file", "file.txt", "file.json", "file.html", "file.pkl", "MLmodel", "a.unknown"):
        path = twin.name(f"run/model/{name}")
        assert put(twin, path, content).status == 200
        fetch(twin, path)
        twin.call("HEAD", f"{ROOT}/{path}")
    listing(twin, twin.name("run/model"))
    listing(twin, twin.name("run"))


KINDS = ["text/html", "application/json", "application/octet-stream", "", "nonsense"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_that_a_file_is_put_with_counts_for_nothing(twin: Twin, kind: str) -> None:
    put(twin, twin.name("f.txt"), b'{"a": 1}', **{"Content-Type": kind})
    fetch(twin, twin.name("f.txt"))


def test_folders_are_listed_one_level_deep(twin: Twin) -> None:
    root = twin.name("run")
    for path in ("b", "a", "Z", "é", "10", "2", "d/x", "d/y/z", "e.d/x", "c c/x", ".hidden", "_"):
        put(twin, f"{root}/{path.replace(' ', '%20').replace('é', '%C3%A9')}", path.encode() * 3)
    for path in ("", "/d", "/d/", "/d/y", "/d/y/z", "/none", "/none/x", "/a", "/a/", "/c c", "/é"):
        listing(twin, f"{root}{path}")
    listing(twin, f"/{root}")
    listing(twin, f"{root}//d")
    listing(twin, f"{root}/./d")
    listing(twin, f"./{root}")


def test_overwriting(twin: Twin) -> None:
    path = twin.name("run/f")
    put(twin, path, b"first")
    put(twin, path, b"the second")
    fetch(twin, path)
    listing(twin, twin.name("run"))
    put(twin, path, b"")
    fetch(twin, path)
    listing(twin, twin.name("run"))


def test_a_file_is_no_folder(twin: Twin) -> None:
    root = twin.name("run")
    put(twin, f"{root}/f", b"file")
    put(twin, f"{root}/f/below", b"below")
    put(twin, f"{root}/d/x", b"x")
    put(twin, f"{root}/d", b"over a folder")
    put(twin, f"{root}/d/", b"with a slash")
    fetch(twin, f"{root}/f")
    fetch(twin, f"{root}/f/below")
    fetch(twin, f"{root}/f/")
    fetch(twin, f"{root}/d")
    fetch(twin, f"{root}/d/")
    fetch(twin, f"{root}/d/x")
    fetch(twin, root)
    listing(twin, root)
    listing(twin, f"{root}/d")
    remove(twin, f"{root}/f/below")
    remove(twin, f"{root}/d/x/y")
    listing(twin, root)


def test_deleting(twin: Twin) -> None:
    root = twin.name("run")
    for path in ("a", "b", "d/x", "d/y/z", "da/x"):
        put(twin, f"{root}/{path}", b"text")
    remove(twin, f"{root}/a")
    fetch(twin, f"{root}/a")
    remove(twin, f"{root}/a")
    remove(twin, f"{root}/none/at/all")
    listing(twin, root)
    remove(twin, f"{root}/d/y/z")
    listing(twin, f"{root}/d")
    remove(twin, f"{root}/d")
    listing(twin, root)
    fetch(twin, f"{root}/d/x")
    fetch(twin, f"{root}/da/x")
    remove(twin, f"{root}/da/")
    listing(twin, root)
    remove(twin, root)
    listing(twin, root)
    listing(twin, twin.unique.rstrip("-"))


RANGES = [
    "bytes=0-3",
    "bytes=0-0",
    "bytes=2-",
    "bytes=-3",
    "bytes=0-",
    "bytes=5-2",
    "bytes=9-9",
    "bytes=10-",
    "bytes=10-20",
    "bytes=8-100",
    "bytes=-100",
    "bytes=-0",
    "bytes=0-1,3-4",
    "bytes=a-b",
    "bytes=",
    "bytes",
    "",
    "items=0-1",
    "bytes = 0-1",
    "BYTES=0-1",
    "bytes=0-99999999999999999999",
]


@pytest.mark.parametrize("span", RANGES)
def test_ranges(twin: Twin, span: str) -> None:
    path = twin.name("run/f.bin")
    put(twin, path, b"0123456789")
    fetch(twin, path, Range=span)
    put(twin, twin.name("run/empty"), b"")
    fetch(twin, twin.name("run/empty"), Range=span)
    fetch(twin, twin.name("run/none"), Range=span)


PATHS = [
    "a%20b",
    "a+b",
    "gr%C3%B6%C3%9Fe",
    "%F0%9F%9A%80",
    "it's",
    "a%22b",
    "a%25b",
    "a%2525b",
    "a%252Fb",
    "a%2Fb",
    "a&b=c",
    "a;b",
    "a,b",
    "a@b",
    "a:b",
    "a%3Fb",
    "a%23b",
    "a%5Cb",
    "a%5C..%5Cb",
    "a%0Ab",
    "a%09b",
    "a%00b",
    "a%7Fb",
    "a*b",
    "a%7Cb",
    "a%3Cb%3E",
    "~a",
    "$HOME",
    ".a",
    "..a",
    "a..",
    "a..b",
    "...",
    "a.",
    "%20a",
    "a%20",
    "-a",
    "con",
    "a//b",
    "a/./b",
    "a/%2E/b",
    "a/../b",
    "a/%2e%2e/b",
    "a/%252e%252e/b",
    "a/%25252e%25252e/b",
    "%2e%2e/a",
    "..%2Fa",
    "..%252Fa",
    "a/..",
    "a/.",
    "%2Fetc/passwd",
    "%252Fetc/passwd",
    "%2F%2Fhost/a",
    "C:/a",
    "C%3A%5Ca",
    "file:///etc/passwd",
    "file:/a",
    "file%3A///etc/passwd",
    "file%253A%252F%252F%252Fetc",
    "http:/host/a",
    "s3:/bucket/a",
    "mlflow-artifacts:/a",
    "a%E2%80%AEb",
    "a%FFb",
    "a" * 255,
    "a" * 256,
    "a/" * 100 + "b",
    "a%2e",
    "e%CC%81",
    "%C3%A9",
]


@pytest.mark.parametrize("end", PATHS, ids=lambda text: f"{text!r:.40}")
def test_paths(twin: Twin, end: str) -> None:
    root = twin.name("run")
    for path in (
        (f"{root}/{end}", end)
        if end.startswith(("%2", "..", "C", "f", "h", "s3", "m"))
        else (f"{root}/{end}",)
    ):
        put(twin, path, b"text")
        fetch(twin, path)
        twin.call("GET", f"{ROOT}?path={path}")
    listing(twin, root)
    listing(twin, f"{root}/a")
    remove(twin, f"{root}/{end}")
    listing(twin, root)


def test_listing_without_a_path_answers(twin: Twin) -> None:
    put(twin, twin.name("run/f"))
    for query in ("", "?path=", "?path=/", "?path=.", "?path=%2F", "?path=./", "?path=%2E"):
        answer = twin.call("GET", f"{ROOT}{query}")
        shown = [
            [file["path"] for file in found.body.get("files", ()) if twin.unique in file["path"]]
            for found in (answer.theirs, answer.ours)
            if isinstance(found.body, dict)
        ]
        twin.differences = [
            line for line in twin.differences if ".status" in line or "body.files" not in line
        ]
        assert shown[0] == shown[-1], query


def test_other_addresses_and_methods_of_files(twin: Twin) -> None:
    path = twin.name("run/f.txt")
    put(twin, path, b"text")
    twin.call("GET", f"/ajax-api/2.0/mlflow-artifacts/artifacts/{path}")
    twin.call("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts", {"path": twin.name("run")})
    twin.call("POST", f"{ROOT}/{path}", content=b"x")
    twin.call("PATCH", f"{ROOT}/{path}", content=b"x")
    twin.call("PUT", ROOT, content=b"x")
    twin.call("PUT", f"{ROOT}/", content=b"x")
    twin.call("DELETE", ROOT)
    twin.call("GET", f"{ROOT}/?path={twin.name('run')}")
    twin.call("GET", f"/api/2.0/mlflow-artifacts/{path}")
    twin.call("GET", "/api/2.0/mlflow-artifacts")
    twin.call("GET", "/api/2.0/mlflow-artifacts/nothing")
    twin.call("PUT", f"{ROOT}/{path}", content=b"x", headers={"Origin": "https://evil.example"})
    twin.call("GET", f"{ROOT}/{path}", headers={"Origin": "https://evil.example"})
    twin.call("DELETE", f"{ROOT}/{path}", headers={"Host": "evil.example"})
    fetch(twin, path)


def test_uploads_in_parts_are_refused_so_that_clients_send_the_whole(twin: Twin) -> None:
    path = twin.name("run/f.bin")
    base = "/api/2.0/mlflow-artifacts/mpu"
    for step in ("create", "complete", "abort"):
        for fields in (
            {"path": path, "num_parts": 3, "upload_id": "x", "parts": []},
            {"path": path},
            {},
        ):
            twin.call("POST", f"{base}/{step}/{path}", fields)
        twin.call("GET", f"{base}/{step}/{path}")
        twin.call("POST", f"{base}/{step}/../x", {"path": "../x", "num_parts": 1})
    twin.call("POST", f"{base}/nothing/{path}", {})


def test_downloads_in_parts(twin: Twin) -> None:
    put(twin, twin.name("run/f.bin"), bytes(1000))
    for path in ("run/f.bin", "run/none", "run"):
        twin.call("GET", f"/api/2.0/mlflow-artifacts/presigned/{twin.name(path)}")
        twin.call("GET", f"/api/2.0/mlflow-artifacts/mpd/{twin.name(path)}")
