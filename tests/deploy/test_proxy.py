"""The proxy of the compose file: bodies pass as they come, and a server may end behind it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

import muniment
from tests.deploy.reading import DEPLOY
from tests.faults.serving import ServerProcess
from tests.parts import s3

MIB = 1 << 20
FILE = 24 * MIB


@dataclass
class Site:
    """Two servers over one registry, and MinIO, behind the proxy."""

    url: str
    bytes_url: str
    servers: list[ServerProcess]
    work: Path
    """Where the proxy may write."""


def nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("no nginx (Debian: apt-get install nginx-light)")
    return found


def free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


def configured(work: Path, addresses: dict[str, str]) -> Path:
    """The configuration, with addresses of this machine in place of the containers'."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for name, address in {**addresses, "/tmp/": f"{work}/"}.items():
        assert name in text
        text = text.replace(name, address)
    file = work / "nginx.conf"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    program = nginx()
    work = tmp_path_factory.mktemp("proxy")
    port, bytes_port = free_ports()
    url, bytes_url = (f"http://localhost:{each}" for each in (port, bytes_port))
    url_of_blobs, options = s3.minio_at(work / "blobs")
    told = {
        "MUNIMENT_BLOBS": url_of_blobs,
        "MUNIMENT_S3_ENDPOINT": str(options.endpoint),
        "MUNIMENT_S3_REGION": str(options.region),
        "MUNIMENT_S3_ACCESS_KEY_ID": str(options.access_key_id),
        "MUNIMENT_S3_SECRET_ACCESS_KEY": str(options.secret_access_key),
        "MUNIMENT_S3_PUBLIC_ENDPOINT": bytes_url,
        "MUNIMENT_TRUSTED_PROXIES": "127.0.0.1",
        "MUNIMENT_ACCESS_LOG": "true",
    }
    servers = [ServerProcess(work / "home", variables=told) for _ in range(2)]
    file = configured(
        work,
        {
            "listen 8080": f"listen 127.0.0.1:{port}",
            "listen 9000": f"listen 127.0.0.1:{bytes_port}",
            "muniment-1:8000": f"127.0.0.1:{servers[0].port}",
            "muniment-2:8000": f"127.0.0.1:{servers[1].port}",
            "minio:9000": str(options.endpoint).removeprefix("http://"),
        },
    )
    command = [program, "-c", file, "-p", work, "-e", "stderr", "-g", "daemon off; user root;"]
    if os.geteuid() != 0:
        command[-1] = "daemon off;"
    proxy = subprocess.Popen(command)
    try:
        wait_for(f"{url}/ready", proxy)
        yield Site(url, bytes_url, servers, work)
    finally:
        proxy.terminate()
        proxy.wait()
        for server in servers:
            if server.process.poll() is None:
                server.stop()


def wait_for(url: str, proxy: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert proxy.poll() is None
        try:
            assert httpx.get(url).is_success
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def registry(site: Site, tmp_path: Path) -> Iterator[muniment.Registry]:
    with muniment.connect(site.url, cache=tmp_path / "cache", progress=False) as connected:
        yield connected


def big_file(folder: Path) -> Path:
    file = folder / "model.bin"
    file.write_bytes(os.urandom(FILE))
    return file


def test_files_of_any_size_come_back_the_same(
    registry: muniment.Registry, site: Site, tmp_path: Path
) -> None:
    file = big_file(tmp_path)
    pushed = registry.push("fraud", file)
    pulled = registry.pull(pushed.ref, tmp_path / "pulled")
    assert (pulled / "model.bin").read_bytes() == file.read_bytes()


def test_bytes_that_go_past_the_servers_go_through_the_proxy_too(
    registry: muniment.Registry, site: Site, tmp_path: Path
) -> None:
    file = big_file(tmp_path)
    pushed = registry.push("direct", file)
    download = f"{site.url}/api/v1/models/direct/versions/{pushed.version}/files/model.bin"
    sent = httpx.get(download, headers={"X-Muniment-Direct": "true"})
    assert sent.has_redirect_location
    signed = sent.headers["location"]
    assert signed.startswith(f"{site.bytes_url}/")
    fetched = httpx.get(signed)
    assert sha256(fetched.content).digest() == sha256(file.read_bytes()).digest()
    assert httpx.get(signed.replace("X-Amz-Signature=", "X-Amz-Signature=0")).status_code == 403


def test_an_answer_arrives_before_the_end_of_its_request(site: Site) -> None:
    """A proxy that collects bodies first would have none, and wait for the last byte."""
    host, port = site.url.removeprefix("http://").split(":")
    head = f"PUT /nowhere HTTP/1.1\r\nHost: {host}\r\nContent-Length: {FILE}\r\n\r\n"
    for _ in range(4):  # which is no reason to take the server for a broken one
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head.encode() + b"x" * MIB)
            assert connection.recv(64).startswith(b"HTTP/1.1 404 ")


def test_nothing_of_a_body_is_kept(site: Site, registry: muniment.Registry, tmp_path: Path) -> None:
    registry.push("kept", big_file(tmp_path))
    folders = ("body", "proxy")
    assert not [
        file for name in folders for file in (site.work / name).rglob("*") if file.is_file()
    ]


def test_long_names_and_searches_fit(site: Site) -> None:
    search = f"tags.team = '{'risk' * 1_000}'"
    assert httpx.get(f"{site.url}/api/v1/versions", params={"filter": search}).is_success
    assert httpx.get(f"{site.url}/health", headers={"x-long": "x" * 30_000}).is_success


def test_encoded_paths_arrive_as_they_were_sent(site: Site, registry: muniment.Registry) -> None:
    registry.push("with space", {"a": 1})
    assert httpx.get(f"{site.url}/api/v1/models/with%20space").is_success


def test_nobody_can_claim_another_address(site: Site) -> None:
    spoken = httpx.get(f"{site.url}/api/v1/server", headers={"x-forwarded-host": "evil.example"})
    assert spoken.is_success
    assert "evil.example" not in spoken.text


def test_the_store_administers_nothing_to_the_outside(site: Site) -> None:
    assert httpx.get(f"{site.bytes_url}/minio/admin/v3/info").status_code == 404
    assert httpx.get(f"{site.bytes_url}/minio/v2/metrics/cluster").status_code == 404


def test_one_server_ends_and_nobody_notices(site: Site, registry: muniment.Registry) -> None:
    registry.push("steady", {"before": 1})
    assert site.servers[0].stop() == 0
    for number in range(8):
        assert registry.push("steady", {"after": number}).version == number + 2
