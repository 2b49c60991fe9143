"""Sending to addresses that users name: where to it may go, and how long it may take."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from muniment.errors import InvalidInput, Unavailable
from muniment.services.webhooks.sending import MAX_ANSWER_BYTES, Sender, is_public

from .receivers import Answer, receiving

OPEN = Sender(("http", "https"), allow_private=True)
GUARDED = Sender(("http", "https"))

PRIVATE = [
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_the_internets_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::"],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "169.254.169.254",
        "10.1.2.3",
        "user:password@127.0.0.1",
        "example.com@127.0.0.1",
        "127.0.0.1:443",
    ],
)
def test_a_url_that_leads_inside_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(InvalidInput, match="not a public address"):
        GUARDED.check(f"https://{host}/")
    with pytest.raises(Unavailable, match="not a public address"):
        GUARDED.post(f"https://{host}/", b"", {})
    OPEN.check(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "  ",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:443/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "https://example.com/\x00",
        "https://example.com\\@127.0.0.1/",
        "https://[::1",
        "https://" + "a" * 64 + ".com/",
        "https://example.com/" + "a" * 8_000,
    ],
)
def test_what_is_no_url_to_send_to_is_refused(url: str) -> None:
    for sender in (OPEN, GUARDED):
        with pytest.raises(InvalidInput):
            sender.check(url)
        with pytest.raises(InvalidInput):
            sender.post(url, b"", {})


def test_clear_text_is_for_those_who_allow_it() -> None:
    with pytest.raises(InvalidInput, match="https://"):
        Sender().check("http://1.1.1.1/")
    Sender().check("https://1.1.1.1/")
    GUARDED.check("http://1.1.1.1/")


def test_a_name_that_means_nothing_yet_may_mean_something_later() -> None:
    GUARDED.check("https://no-such-name.invalid/hook")
    with pytest.raises(Unavailable, match=r"no-such-name\.invalid"):
        GUARDED.post("https://no-such-name.invalid/hook", b"", {})


def test_what_counts_is_where_the_name_leads_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is rebound between the check and the request."""
    looks: list[str] = ["1.1.1.1", "127.0.0.1"]

    def resolve(host: str, port: int, **of: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (looks.pop(0), port))]

    with receiving() as receiver:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        url = receiver.url.replace("127.0.0.1", "rebound.example")
        GUARDED.check(url)
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1 is not a public address"):
            GUARDED.post(url, b"x", {})
        assert receiver.received == []


def test_the_peer_of_the_connection_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever leads a connection elsewhere: what was asked for is not what answers."""
    connect = socket.socket.connect

    with receiving() as receiver:
        inside = ("127.0.0.1", int(receiver.url.split(":")[2].partition("/")[0]))
        monkeypatch.setattr(socket.socket, "connect", lambda line, to: connect(line, inside))
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1 is not a public address"):
            GUARDED.post("http://1.1.1.1/", b"x", {})
        assert receiver.received == []


def test_what_is_sent_arrives_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with receiving() as receiver:
        url = receiver.url.replace("://", "://us%40er:p%3Aw@") + "/ünï?a=b c"[:-2] + "#fragment"
        answer = OPEN.post(url, b'{"a": 1}', {"X-MLflow-Delivery-Id": "d"})
        assert (answer.status, answer.text, answer.retry_after) == (200, "ok", None)
        (received,) = receiver.received
        assert received.path == "/hook/%C3%BCn%C3%AF?a=b"
        assert received.body == '{"a": 1}'
        assert received.id == "d"
        assert received.headers["host"] == receiver.url.split("/")[2]
        assert received.headers["authorization"] == "Basic dXNAZXI6cDp3"


def test_redirects_are_not_followed() -> None:
    with receiving() as receiver:
        receiver.answer = lambda received: Answer(307, {"Location": receiver.url + "/elsewhere"})
        assert OPEN.post(receiver.url, b"", {}).status == 307
        assert [received.path for received in receiver.received] == ["/hook"]


def test_a_long_answer_is_cut_off() -> None:
    with receiving() as receiver:
        receiver.answer = lambda received: Answer(body=b"\xff" + b"x" * 3 * MAX_ANSWER_BYTES)
        text = OPEN.post(receiver.url, b"", {}).text
        assert text == "�" + "x" * (MAX_ANSWER_BYTES - 1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120.0), ("Sat, 21 Nov 2020 12:00:00 GMT", 0.0), ("soon", None), ("-5", None)],
)
def test_a_receiver_may_ask_for_a_pause(header: str, seconds: float | None) -> None:
    with receiving() as receiver:
        receiver.answer = lambda received: Answer(503, {"Retry-After": header})
        assert OPEN.post(receiver.url, b"", {}).retry_after == seconds


@contextmanager
def talking(*pieces: bytes, forever: bytes = b"", pause: float = 0.05) -> Iterator[str]:
    """Run a receiver that says these pieces and, if asked to, goes on and on; yield its URL."""
    over = threading.Event()

    def talk() -> None:
        with listener.accept()[0] as line:
            try:
                for piece in pieces:
                    line.sendall(piece)
                while forever and not over.wait(pause):
                    line.sendall(forever)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("pieces", "forever"),
    [
        ((b"HTTP/1.1 200 OK\r\n",), b"x"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",), b"."),
        ((), b"H"),
    ],
)
def test_an_answer_that_drips_ends_in_time(pieces: tuple[bytes, ...], forever: bytes) -> None:
    hasty = Sender(("http",), allow_private=True, seconds=0.3)
    with talking(*pieces, forever=forever) as url, pytest.raises(Unavailable, match="too long"):
        hasty.post(url, b"", {})


@pytest.mark.parametrize(
    "pieces", [(b"SSH-2.0-x\r\n",), (), (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,)]
)
def test_what_is_no_answer_is_an_error(pieces: tuple[bytes, ...]) -> None:
    with talking(*pieces) as url, pytest.raises(Unavailable, match="can't be reached"):
        OPEN.post(url, b"", {})


def test_clear_text_under_tls_is_an_error_and_passwords_do_not_show() -> None:
    with (
        talking(b"HTTP/1.1 200 OK\r\n\r\n") as url,
        pytest.raises(Unavailable, match="can't be reached") as caught,
    ):
        OPEN.post(url.replace("http://", "https://ann:hush@") + "token", b"", {})
    assert "hush" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="refused"):
        OPEN.post(f"http://127.0.0.1:{port}/", b"", {})
