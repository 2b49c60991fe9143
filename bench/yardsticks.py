"""What the machine can do with bytes, without us: a bare socket, a plain copy, nginx."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.bytes_over_http import MIB, Sample

NGINX = """
daemon off; master_process off; worker_processes 1;
pid {home}/pid; error_log {home}/log;
events {{ worker_connections 64; }}
http {{
    access_log off; sendfile on; tcp_nopush on;
    client_body_temp_path {home}/1; proxy_temp_path {home}/2; fastcgi_temp_path {home}/3;
    uwsgi_temp_path {home}/4; scgi_temp_path {home}/5;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@contextmanager
def receiver(home: Path) -> Iterator[int]:
    """Lend the port of a `bench.receiver` that writes to `home`."""
    home.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "bench.receiver"]
    with subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def send_to(port: int, sample: Sample) -> float:
    """Send a file to a receiver; return MiB per second until it was durable there."""
    begun = time.perf_counter()
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        sample.path.open("rb") as file,
    ):
        connection.sendall((sample.mib * MIB).to_bytes(8, "big"))
        connection.sendfile(file)
        if connection.recv(1) != b".":
            raise RuntimeError("the receiver is gone")
    return sample.rate(begun)


def copy_and_hash(sample: Sample, target: Path) -> float:
    """Copy a file in one thread, hashed and durable; return MiB per second."""
    begun = time.perf_counter()
    hash_and_write(sample.path, target)
    rate = sample.rate(begun)
    target.unlink()
    return rate


def hash_and_write(source: Path, target: Path) -> None:
    """Copy a file, piece by piece: read, hash, write; and synchronise it."""
    sha256, buffer = hashlib.sha256(), memoryview(bytearray(MIB))
    with source.open("rb", buffering=0) as file, target.open("wb", buffering=0) as copy:
        while count := file.readinto(buffer):
            sha256.update(buffer[:count])
            copy.write(buffer[:count])
        os.fsync(copy.fileno())


@contextmanager
def nginx(home: Path, root: Path) -> Iterator[str | None]:
    """Lend the URL of an nginx that serves `root` by sendfile; None if it is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield None
        return
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    as_root = "user root;" if os.geteuid() == 0 else ""  # else it may not enter our folder
    configuration = home / "nginx.conf"
    configuration.write_text(as_root + NGINX.format(home=home, port=port, root=root))
    process = subprocess.Popen([program, "-e", str(home / "log"), "-c", str(configuration)])
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx did not start")
