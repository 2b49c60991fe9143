"""What is stored stays what it is: no path leads out, nothing is opened, unpacked or believed."""

from __future__ import annotations

import csv
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx
import pytest

from muniment.cli import main
from muniment.errors import Unauthenticated
from muniment.server.app import create_app
from muniment.server.settings import Settings
from muniment.services import Access
from tests.security.conftest import World
from tests.server.conftest import serving

API: Final = "/api/v1"


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "..\\x", "a\\..\\x", "C:x", "a\0", "", "a//b", "."]
)
def test_a_manifest_names_no_path_that_leads_out(
    client: httpx.Client, world: World, path: str
) -> None:
    content = world.content()
    file = {"path": path, "sha256": world.store(content), "size": len(content)}
    answer = client.post(
        f"{API}/models/{world.name()}/versions?create_model=true",
        json={"files": [file]},
        headers=world.headers("root"),
    )
    assert answer.status_code == 400


@contextmanager
def trap() -> Iterator[tuple[str, list[str]]]:
    """Serve on loopback; note who asks for what."""
    asked: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815  # the base class calls them so

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_source_is_never_opened_by_the_server(
    client: httpx.Client, world: World, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET of this machine")
    headers = world.headers("root")
    with trap() as (url, asked):
        uris = [secret.as_uri(), str(secret), "file:///etc/passwd", f"{url}/x", "../../etc/passwd"]
        for uri in (*uris, "http://169.254.169.254/latest/meta-data/", "s3://bucket/key"):
            name = world.name()
            made = client.post(
                f"{API}/models/{name}/versions?create_model=true",
                json={"source_uri": uri, "run_link": f"{url}/link"},
                headers=headers,
            )
            assert made.status_code == 201
            version = f"{API}/models/{name}/versions/1"
            for tail in ("", "/manifest", "/files/secret.txt", "/files/x"):
                answer = client.get(version + tail, headers=headers)
                assert answer.status_code in (200, 404, 409)
                assert "SECRET" not in answer.text
                assert "root:x:" not in answer.text
        assert asked == []


def slipping_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../slipped.txt", "x")
        archive.writestr("bomb", b"\0" * 20_000_000)
    return out.getvalue()


def slipping_tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, kind in (
            ("../../slipped.txt", tarfile.REGTYPE),
            ("/slipped.txt", tarfile.SYMTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    return out.getvalue()


@pytest.mark.parametrize("archive", [slipping_zip, slipping_tar])
def test_an_archive_is_kept_as_it_is_and_never_unpacked(
    tmp_path: Path, archive: Callable[[], bytes]
) -> None:
    home, content = tmp_path / "home", archive()
    with serving(create_app(Settings(home=home))) as client:
        name = f"{API}/models/fraud"
        headers = {"Content-Type": "application/zip", "Content-Encoding": "gzip"}
        pushed = client.put(f"{name}/push/model.zip", content=content, headers=headers)
        assert pushed.status_code in (201, 415)
        pushed = client.put(f"{name}/push/model.zip", content=content)
        assert pushed.json()["size"] == len(content)
        number = pushed.json()["version"]
        read = client.get(f"{name}/versions/{number}/files/model.zip")
        assert read.content == content
    assert not list(tmp_path.rglob("slipped.txt"))
    assert sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) < 5_000_000


def test_a_digest_is_looked_up_and_never_joined_to_a_path(
    client: httpx.Client, world: World
) -> None:
    for digest in ("0" * 63, "0" * 65, "Z" * 64, "../" * 21 + "x", "sha256:" + "0" * 63, "0" * 32):
        for method in ("GET", "HEAD", "PUT"):
            answer = client.request(
                method, f"{API}/blobs/{digest}", content=b"x", headers=world.headers("root")
            )
            assert answer.status_code in (400, 404, 405), (method, digest)


def test_bytes_that_are_not_what_was_announced_are_not_kept(
    client: httpx.Client, world: World
) -> None:
    wrong = hashlib.sha256(b"other").hexdigest()
    headers = world.headers("root")
    answer = client.put(f"{API}/blobs/{wrong}", content=b"bytes", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    assert client.get(f"{API}/blobs/{wrong}", headers=headers).status_code == 404


FORMULAS: Final = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0")


def test_an_exported_audit_log_holds_no_formula(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever fails to sign in writes a name of their choice into the log of an admin."""
    monkeypatch.chdir(tmp_path)
    world = World.made_in(tmp_path / "home")
    for name in FORMULAS:
        with suppress(Unauthenticated):
            Access(world.ports).by_token(f"mun_{name}_x", address="")
        with suppress(Unauthenticated):
            Access(world.ports).by_password(name, "wrong", address=name)
    world.ports.close()
    sheet = tmp_path / "audit.csv"
    monkeypatch.setenv("MUNIMENT_REGISTRY", str(tmp_path / "home"))
    assert main(["audit", "export", "--format", "csv", "--to", str(sheet)]) == 0
    with sheet.open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
