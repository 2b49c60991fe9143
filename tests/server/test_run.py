"""Serving for real: processes, sockets and signals."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from muniment._version import __version__
from muniment.domain.access import Role
from muniment.domain.caller import Caller
from muniment.errors import ConfigurationError
from muniment.server.app import open_ports
from muniment.server.run import (
    address,
    bind,
    check_certificate,
    check_exposure,
    warn_of_plain_text,
)
from muniment.server.settings import Settings
from muniment.services import Services

SERVE = """
import sys
from muniment.errors import MunimentError
from muniment.server.run import serve
from muniment.server.settings import Settings
try:
    sys.exit(serve(Settings.model_validate_json(sys.argv[1])))
except MunimentError as error:
    sys.exit(f"{error.code}: {error}")
"""


class Running:
    """A server in a process of its own."""

    def __init__(self, before: str = "", **settings: object) -> None:
        text = json.dumps({"port": 0, **settings}, default=str)
        self.process = subprocess.Popen(
            [sys.executable, "-c", before + SERVE, text],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.port = int(found[1]) if (found := re.search(r":(\d+)  ", self.line)) else 0
        self.url = f"http://127.0.0.1:{self.port}"

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what stands on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr


@contextmanager
def running(before: str = "", **settings: object) -> Iterator[Running]:
    server = Running(before, **settings)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("home")
    with running(home=home, max_json_bytes=1_000, max_upload_bytes=2_000_000) as server:
        yield server


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- beginning and end ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_says_where_it_answers_and_a_signal_ends_it_in_order(
    tmp_path: Path, number: int
) -> None:
    server = Running(home=tmp_path / "registry")
    assert server.line == (
        f"Muniment {__version__} serves {tmp_path / 'registry'} at {server.url}  (Ctrl-C ends it)\n"
    )
    assert httpx.get(f"{server.url}/ready").json()["status"] == "ready"
    assert server.end(number) == (0, "")


def test_a_relative_folder_is_shown_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with running(home="registry") as server:
        assert "serves ./registry at" in server.line
    assert (tmp_path / "registry" / "muniment.db").exists()


def test_a_port_in_use_is_refused_with_what_to_do(tmp_path: Path, server: Running) -> None:
    second = Running(home=tmp_path, port=server.port)
    code, stderr = second.end()
    assert code == 1
    assert second.line == ""
    assert re.search(rf"configuration_error: .* port {server.port}: .*--port", stderr)


def test_a_folder_that_holds_no_registry_ends_the_server_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "muniment.db").write_bytes(b"this is no database" * 1_000)
    for workers in (1, 2):
        server = Running(home=tmp_path, workers=workers)
        code, stderr = server.end()
        assert (code, server.line) == (1, "")
        assert stderr.startswith("corrupt: ")


def test_a_home_that_is_no_folder_ends_the_server_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = Running(home=tmp_path / "file")
    code, stderr = server.end()
    assert (code, server.line) == (1, "")
    assert re.fullmatch(r"configuration_error: .*/file' can't be used: .*MUNIMENT_HOME.*\n", stderr)


EXPOSED = ["0.0.0.0", "::", "[::]", "192.0.2.1", "fe80::1", "::ffff:127.0.0.1"]  # noqa: S104


@pytest.mark.parametrize("host", EXPOSED)
def test_an_address_that_others_reach_is_refused_without_users(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="which others can reach") as refused:
        bind(Settings(host=host, port=0, home=tmp_path))
    assert "`muniment init`" in refused.value.hint


@pytest.mark.parametrize("host", EXPOSED)
def test_an_address_that_others_reach_is_fine_as_soon_as_somebody_signs_in(
    tmp_path: Path, host: str
) -> None:
    settings = Settings(host=host, home=tmp_path)
    ports = open_ports(settings)
    Services(ports, Caller()).administration.create_user("root", role=Role.ADMIN)
    ports.close()
    check_exposure(settings)


@pytest.mark.parametrize("host", ["example.com", "", "127.0.0.1.example.com"])
def test_a_host_that_is_no_address_is_refused_with_what_to_do(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address"):
        bind(Settings(host=host, port=0, home=tmp_path))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", "127.0.0.1"),
        ("LOCALHOST", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.9.9.9", "127.9.9.9"),
        ("::1", "::1"),
        ("[::1]", "::1"),
    ],
)
def test_loopback_has_several_names_and_needs_no_users(
    tmp_path: Path, host: str, expected: str
) -> None:
    assert address(host) == expected
    check_exposure(Settings(host=host, home=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_a_server_that_others_reach_in_plain_text_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = tmp_path / "tls.pem"
    for fine in (
        Settings(),
        Settings(host="127.0.0.2"),
        Settings(host="192.0.2.1", tls_certificate=certificate),
        Settings(host="192.0.2.1", trusted_proxies=("192.0.2.2",)),
    ):
        warn_of_plain_text(fine)
    assert caplog.text == ""
    warn_of_plain_text(Settings(host="192.0.2.1"))
    assert "can be read on their way to http://192.0.2.1" in caplog.text


def test_small_answers_are_sent_at_once() -> None:
    with bind(Settings(port=0)) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# -- TLS -----------------------------------------------------------------------------------------


def certificate(folder: Path, name: str = "tls", password: bytes | None = None) -> Settings:
    """Make a certificate for 127.0.0.1; return settings that name it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return Settings(tls_certificate=files[0], tls_key=files[1])


def test_with_a_certificate_it_speaks_tls_and_its_cookies_are_secure(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    home = tmp_path / "home"
    ports = open_ports(Settings(home=home))
    root = Services(ports, Caller()).administration
    _, once = root.create_user("root", role=Role.ADMIN)
    ports.close()
    context = ssl.create_default_context(cafile=files.tls_certificate)
    with running(home=home, tls_certificate=files.tls_certificate, tls_key=files.tls_key) as server:
        assert " at https://127.0.0.1:" in server.line
        with httpx.Client(base_url=f"https://127.0.0.1:{server.port}", verify=context) as client:
            body = {"name": "root", "password": once}
            cookie = client.post("/api/v1/sessions", json=body).headers["set-cookie"]
            assert cookie.startswith("__Host-muniment=")
            assert "; Secure" in cookie
            assert client.get("/api/v1/me").json()["by"] == "session"
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{server.port}/health")


def test_a_certificate_that_can_not_be_used_is_refused(tmp_path: Path) -> None:
    good, other = certificate(tmp_path), certificate(tmp_path, "other")
    check_certificate(Settings())
    check_certificate(good)
    locked = certificate(tmp_path, "locked", b"passphrase")
    (tmp_path / "no.pem").write_text("no certificate")
    for settings, why in (
        (Settings(tls_key=good.tls_key), "no certificate"),
        (Settings(tls_certificate=good.tls_certificate), "can't be used"),
        (Settings(tls_certificate=good.tls_certificate, tls_key=other.tls_key), "can't be used"),
        (Settings(tls_certificate=tmp_path / "none.pem"), "No such file"),
        (Settings(tls_certificate=tmp_path / "no.pem"), "can't be used"),
        (locked, "is encrypted"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            check_certificate(settings)


# -- what only a socket can show -----------------------------------------------------------------


PATIENT = """
import sys
from muniment.server import protocol
protocol.HEAD_SECONDS = 0.2
"""


def test_whoever_does_not_complete_a_head_is_not_waited_for(tmp_path: Path) -> None:
    with running(home=tmp_path, before=PATIENT) as server:
        assert talk(server.port) == b""
        assert talk(server.port, b"\r\n\r\n") == b""
        for begun in (b"GET", b"GET /health HTTP/1.1\r\nHost: local"):
            assert talk(server.port, begun).startswith(b"HTTP/1.1 408 ")
        whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = talk(server.port, whole + b"GET /health HTTP/1.1\r\nHost")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in answer


def talk(port: int, *pieces: bytes) -> bytes:
    """Send bytes as they are; return all that comes until the server closes."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
        with suppress(OSError):
            while piece := connection.recv(65_536):
                received += piece
    return bytes(received)


def test_a_head_without_an_end_is_cut_off(server: Running) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: "
    endless = [b"x" * 65_536] * 200
    assert talk(server.port, head, *endless).startswith(b"HTTP/1.1 400 ")
    assert talk(server.port, b"GET /" + b"x" * 65_536, *endless).startswith(b"HTTP/1.1 400 ")


def test_a_refusal_arrives_though_its_body_is_still_on_its_way(server: Running) -> None:
    head = b"PUT /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388608\r\n\r\n"
    answer = talk(server.port, head, *[b"x" * 65_536] * 128)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in answer


LINGERING = """
import sys
from muniment.server import protocol
protocol.LINGER_SECONDS = 0.2
"""


def test_a_body_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    head = b"PUT /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388608\r\n\r\n"
    with (
        running(home=tmp_path, before=LINGERING) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection,
    ):
        connection.sendall(head)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                connection.sendall(b"x")
                time.sleep(0.01)


def test_a_long_body_does_not_count_as_a_head(server: Running) -> None:
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            answer = client.put("/api/v1/models/long/push/model.bin", content=b"x" * 2_000_000)
            assert answer.status_code == 201


@pytest.mark.parametrize(
    "request_line",
    [b"GET /\xff HTTP/1.1", b"GET health HTTP/1.1", b"NONSENSE", b"GET / HTTP/9.9"],
)
def test_what_is_no_http_is_refused(server: Running, request_line: bytes) -> None:
    answer = talk(server.port, request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_far_over_the_limit_is_answered_without_being_read(server: Running) -> None:
    url = f"{server.url}/api/v1/models/large/push/model.bin"
    piece = b"x" * 65_536
    for content in (piece * 1_000, (piece for _ in range(1_000))):
        answer = httpx.put(url, content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "limit_exceeded")
        assert answer.headers["connection"] == "close"


def test_a_refused_request_with_a_small_body_leaves_the_connection_open(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    for _ in range(3):
        connection.request("POST", "/api/v1/models", b'{"name": "%s"}' % (b"x" * 2_000), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 413
        assert answer.getheader("connection") is None
    connection.close()


def test_continue_is_not_said_to_a_body_that_is_too_large(server: Running) -> None:
    answer = talk(
        server.port,
        b"PUT /api/v1/models/large/push/model.bin HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


# -- workers -------------------------------------------------------------------------------------


def workers_of(server: Running) -> set[int]:
    """The processes that answer, as far as twenty connections meet them."""
    found = set()
    for _ in range(20):
        text = httpx.get(f"{server.url}/metrics").text
        found |= {int(pid) for pid in re.findall(r'in_flight\{worker="(\d+)"', text)}
    return found


def ended(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def test_workers_share_the_port_and_the_registry_and_end_together(tmp_path: Path) -> None:
    server = Running(home=tmp_path, workers=2)
    for number in range(20):
        name = f"m{number}"
        assert httpx.post(f"{server.url}/api/v1/models", json={"name": name}).status_code == 201
        assert httpx.get(f"{server.url}/api/v1/models/{name}").status_code == 200
    pids = workers_of(server)
    assert server.process.pid not in pids
    assert server.end() == (0, "")
    assert all(map(ended, pids))


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    server = Running(home=tmp_path, workers=2)
    victim = min(workers_of(server))
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: ended(victim))
    eventually(lambda: len(workers_of(server) - {victim}) == 2)
    code, stderr = server.end()
    assert code == 0
    assert f"Worker {victim} ended" in stderr


def test_workers_end_when_the_process_that_watches_them_is_killed(tmp_path: Path) -> None:
    server = Running(home=tmp_path, workers=2)
    pids = workers_of(server)
    server.end(signal.SIGKILL)
    for pid in pids:
        eventually(partial(ended, pid))
