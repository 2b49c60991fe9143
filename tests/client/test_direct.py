"""Bytes past the server: straight between the client and the object store, if both can be had."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import muniment
from muniment.client.credentials import Credentials
from muniment.client.http.artifacts import HttpArtifacts
from muniment.client.http.connection import Connection
from muniment.domain.values import sha256_hex
from muniment.storage.objects.options import ObjectOptions
from muniment.storage.objects.parts import MIB
from tests.client.servers import Answer, Server, Wire, scripted
from tests.parts.s3 import S3Place

LARGE = os.urandom(9 * MIB)

SERVE = """
import sys
from pathlib import Path
from muniment.server.run import serve
from muniment.server.settings import Settings
home, blobs, endpoint, region, key, secret, public, direct = sys.argv[1:]
sys.exit(serve(Settings(
    home=Path(home), port=0, blobs=blobs, s3_endpoint=endpoint, s3_region=region,
    s3_access_key_id=key, s3_secret_access_key=secret, s3_public_endpoint=public or endpoint,
    direct_transfer=direct == "True",
)))
"""


@contextmanager
def serving(home: Path, place: S3Place, *, public: str = "", direct: bool = True) -> Iterator[str]:
    """Run a server over SQLite and a bucket, of which clients are told another address."""
    at = place.options
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", SERVE, str(home), place.url, at.endpoint, at.region),
            *(at.access_key_id, at.secret_access_key, public, str(direct)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    found = next(
        (found for line in process.stdout if (found := re.search(r"http://[\w.:]+", line))), None
    )
    assert found is not None, process.wait()
    try:
        yield found.group()
    finally:
        Server(home, found.group(), process).end()


def port_of(options: ObjectOptions) -> int:
    return int(options.endpoint.rpartition(":")[2])


def push(url: str, folder: Path) -> muniment.ModelVersion:
    folder.mkdir(exist_ok=True)
    (folder / "model.bin").write_bytes(LARGE)
    (folder / "README.md").write_bytes(b"small")
    with muniment.connect(url) as registry:
        return registry.push("fraud", folder)


def pull(url: str) -> bytes:
    with muniment.connect(url) as registry:
        return (registry.pull("fraud/1") / "model.bin").read_bytes()


def test_large_files_pass_the_server_by(tmp_path: Path, seaweedfs: S3Place) -> None:
    wire = Wire(port_of(seaweedfs.options))
    with wire.listening() as public, serving(tmp_path / "home", seaweedfs, public=public) as url:
        pushed = push(url, tmp_path / "files")
        assert wire.up > len(LARGE)
        assert pull(url) == LARGE
        assert wire.down > len(LARGE)
        assert pushed.version == 1


@pytest.mark.parametrize("why", ["out of reach", "switched off"])
def test_else_they_pass_through_it(tmp_path: Path, seaweedfs: S3Place, why: str) -> None:
    nobody = "http://127.0.0.1:9"
    off = why == "switched off"
    with serving(tmp_path / "home", seaweedfs, public="" if off else nobody, direct=not off) as url:
        push(url, tmp_path / "files")
        assert pull(url) == LARGE
        direct = {"X-Muniment-Direct": "true"}
        answer = httpx.get(f"{url}/api/v1/blobs/{sha256_hex(LARGE)}", headers=direct)
        assert answer.status_code == (200 if off else 307)


def test_what_breaks_off_on_the_way_up_goes_through_the_server(
    tmp_path: Path, seaweedfs: S3Place
) -> None:
    wire = Wire(port_of(seaweedfs.options), cut_up=[MIB])
    with wire.listening() as public, serving(tmp_path / "home", seaweedfs, public=public) as url:
        push(url, tmp_path / "files")
        assert not wire.cut_up
        assert pull(url) == LARGE


def test_what_breaks_off_on_the_way_down_is_gone_on_with(
    tmp_path: Path, seaweedfs: S3Place
) -> None:
    wire = Wire(port_of(seaweedfs.options))
    with wire.listening() as public, serving(tmp_path / "home", seaweedfs, public=public) as url:
        push(url, tmp_path / "files")
        wire.cut_down.append(MIB)
        wire.down = 0
        assert pull(url) == LARGE
        assert not wire.cut_down
        assert wire.down < len(LARGE) + 2 * MIB


def test_who_does_not_ask_for_it_is_not_sent_elsewhere(tmp_path: Path, seaweedfs: S3Place) -> None:
    with serving(tmp_path / "home", seaweedfs) as url:
        push(url, tmp_path / "files")
        file = f"{url}/api/v1/models/fraud/versions/1/files"
        assert httpx.get(f"{file}/model.bin").content == LARGE
        direct = {"X-Muniment-Direct": "true"}
        assert httpx.get(f"{file}/README.md", headers=direct).content == b"small"
        assert httpx.head(f"{file}/model.bin", headers=direct).status_code == 200
        sent = httpx.get(f"{file}/model.bin", headers=direct)
        assert sent.status_code == 307
        assert sent.headers["Cache-Control"] == "no-store"
        served = httpx.get(sent.headers["Location"], headers={"Range": "bytes=1-3"})
        assert (served.status_code, served.content) == (206, LARGE[1:4])
        assert "model.bin" in served.headers["Content-Disposition"]


def test_an_upload_that_nothing_was_sent_to_is_not_finished(
    tmp_path: Path, seaweedfs: S3Place
) -> None:
    body = {"digest": sha256_hex(LARGE), "size": len(LARGE), "direct": True}
    with serving(tmp_path / "home", seaweedfs) as url:
        begun = httpx.post(f"{url}/api/v1/uploads", json=body).json()
        assert begun["direct"]["url"].startswith(seaweedfs.options.endpoint)
        finish = f"{url}/api/v1/uploads/{begun['id']}/finish"
        assert httpx.post(finish, json={}).json()["code"] == "upload_conflict"
        other = httpx.put(
            begun["direct"]["url"], headers=begun["direct"]["headers"], content=bytes(len(LARGE))
        )
        assert other.status_code == 400
        assert httpx.post(finish, json={}).json()["code"] == "upload_conflict"
        taken = httpx.put(begun["direct"]["url"], headers=begun["direct"]["headers"], content=LARGE)
        assert taken.status_code == 200
        assert httpx.post(finish, json={}).json()["digest"] == sha256_hex(LARGE)


def test_credentials_stay_with_the_server() -> None:
    with scripted(lambda _: Answer(200, LARGE)) as (store, seen):

        def answer(request: object) -> Answer:
            return Answer(307, b"", {"Location": f"{store}/blob?signed"})

        with scripted(answer) as (url, asked):
            connection = Connection(url, credentials=Credentials.of_token("s3cret"))
            pieces = HttpArtifacts(connection).read("fraud", 1, "model.bin")
            assert b"".join(pieces) == LARGE
            connection.close()
    assert asked[0].headers["authorization"] == "Bearer s3cret"
    assert asked[0].headers["x-muniment-direct"] == "true"
    assert {"authorization", "x-muniment-direct"}.isdisjoint(seen[0].headers)
