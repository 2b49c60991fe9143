"""Sending to an address that a user has named: bounded, not redirected, not to private networks.

    URL ── resolve ──> addresses ── each allowed? ──> connect ── peer allowed? ──> TLS ──> POST
                            └── none is: refused           └── no: refused

A name may mean another address at each look, so what counts is the peer of the very connection that
is used. No proxy is asked, whatever the environment says: the peer would be the proxy's.
"""

from __future__ import annotations

import base64
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlsplit

from muniment._version import __version__
from muniment.errors import InvalidInput, Unavailable

MAX_URL_CHARS: Final = 8_000
MAX_ANSWER_BYTES: Final = 64 * 1024
_SECONDS: Final = 10.0
_PORTS: Final = {"http": 80, "https": 443}
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL: Final = tuple(  # not all of which every Python knows
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "3fff::/20", "5f00::/16"),
    )
)
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff\\]")
_TEXT_IN_PATH: Final = "/:@!$&'()*+,;=~%-._?"

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the first `MAX_ANSWER_BYTES` as text, `Retry-After` in seconds."""

    status: int
    text: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to users' addresses, within rules that only the server's operator relaxes.

    Args:
        schemes: of `http` and `https`, those that a URL may have.
        allow_private: whether it may lead to this machine and its networks, too.
        seconds: for all of one request, looking up the name apart.
    """

    schemes: tuple[str, ...] = ("https",)
    allow_private: bool = False
    seconds: float = _SECONDS

    def check(self, url: str) -> None:
        """Raise InvalidInput unless one may send to `url`, as far as one can tell now.

        A name that means nothing yet passes: it may later, and is looked at again then.
        """
        parts = self._parsed(url)
        if self.allow_private:
            return
        try:
            found = _resolved(parts)
        except OSError:
            return
        for address in found:
            if not is_public(address[4][0]):
                raise InvalidInput(
                    f"The URL {_shown(parts)!r} leads to {address[4][0]}, which is not a public "
                    "address.",
                    hint="Whoever runs the server may allow it: MUNIMENT_WEBHOOK_ALLOW_PRIVATE.",
                    details={"field": "url"},
                )

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send `body`; return whatever is answered, redirects too.

        Raises:
            InvalidInput: the URL is against the rules (that may have changed since it was checked).
            Unavailable: nothing (complete) came in time, or it leads to where it may not.
        """
        parts = self._parsed(url)
        end = time.monotonic() + self.seconds
        try:
            line = self._connect(parts, end)
        except OSError as error:
            raise _failed(parts, _reason(error)) from error
        try:
            return _exchange(parts, _Line(line, end), body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise _failed(parts, _reason(error)) from error
        finally:
            line.close()

    def _parsed(self, url: str) -> SplitResult:
        if len(url) > MAX_URL_CHARS or _UNPRINTABLE.search(url):
            raise _invalid(url, f"must have no spaces and at most {MAX_URL_CHARS} characters")
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
            (host or "").encode("idna")
        except ValueError as error:
            raise _invalid(url, "must be a URL such as https://example.com/hook") from error
        if parts.scheme not in self.schemes:
            raise _invalid(url, f"must begin with {' or '.join(f'{s}://' for s in self.schemes)}")
        if not host or port == 0:
            raise _invalid(url, "must name a host, and a port from 1 on if any")
        return parts

    def _connect(self, parts: SplitResult, end: float) -> socket.socket:
        """Return a connection to the first allowed address that answers, with TLS for `https`."""
        failure: Exception | None = None
        for family, kind, protocol, _, address in _resolved(parts):
            if not self._allowed(address[0]):
                failure = _failed(parts, f"{address[0]} is not a public address")
                continue
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(_left(end))
                line.connect(address)
                if not self._allowed(line.getpeername()[0]):
                    raise _failed(parts, f"{line.getpeername()[0]} is not a public address")
                if parts.scheme == "https":
                    line.settimeout(_left(end))
                    line = _trust().wrap_socket(line, server_hostname=parts.hostname)
            except (OSError, Unavailable) as error:
                line.close()
                failure = error
                if isinstance(error, ssl.SSLError):
                    break
            else:
                return line
        raise failure or _failed(parts, "the name means no address")

    def _allowed(self, address: str) -> bool:
        return self.allow_private or is_public(address)


def is_public(address: str) -> bool:
    """Say whether an address belongs to the public internet, also where it wraps one of IPv4."""
    try:
        ip = _unwrapped(ipaddress.ip_address(address))
    except ValueError:  # such as fe80::1%eth0
        return False
    return ip.is_global and not (
        ip.is_multicast
        or ip.is_reserved
        or ip.is_unspecified
        or (isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local)
        or any(ip in network for network in _SPECIAL)
    )


def _unwrapped(ip: Address) -> Address:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ip


def _resolved(parts: SplitResult) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    host = (parts.hostname or "").encode("idna").decode()
    port = parts.port or _PORTS[parts.scheme]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, kind, proto, name, address) for family, kind, proto, name, address in found]  # type: ignore[misc]


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Whom certificates are believed of. Reading them all takes longer than a request."""
    return ssl.create_default_context()


# -- one request ---------------------------------------------------------------------------------


class _Line:
    """A connected socket, of which every use ends in time; what `http.client` needs of one."""

    def __init__(self, line: socket.socket, end: float) -> None:
        self._line, self._end = line, end

    def sendall(self, data: bytes) -> None:
        self._line.settimeout(_left(self._end))
        self._line.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._line, self._end))

    def close(self) -> None:
        """Whoever opened the socket closes it."""


class _Incoming(io.RawIOBase):
    """What comes over a socket, in time as a whole, however slowly it drips."""

    def __init__(self, line: socket.socket, end: float) -> None:
        self._line, self._end = line, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._line.settimeout(_left(self._end))
        return self._line.recv_into(buffer)


def _exchange(parts: SplitResult, line: _Line, body: bytes, headers: Mapping[str, str]) -> Answer:
    connection = http.client.HTTPConnection("unused")
    connection.sock = line
    connection.putrequest("POST", _target(parts), skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, **dict(_own_headers(parts, len(body)))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read(MAX_ANSWER_BYTES).decode("utf-8", "replace")
    return Answer(response.status, text, _retry_after(response.headers.get("Retry-After")))


def _own_headers(parts: SplitResult, length: int) -> Iterator[tuple[str, str]]:
    host = (parts.hostname or "").encode("idna").decode()
    host = f"[{host}]" if ":" in host else host
    yield "Host", host if parts.port in (None, _PORTS[parts.scheme]) else f"{host}:{parts.port}"
    yield "User-Agent", f"muniment/{__version__}"
    yield "Accept", "*/*"
    yield "Accept-Encoding", "identity"
    yield "Connection", "close"
    yield "Content-Length", str(length)
    if parts.username is not None or parts.password is not None:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        yield "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"


def _target(parts: SplitResult) -> str:
    query = f"?{quote(parts.query, safe=_TEXT_IN_PATH)}" if parts.query else ""
    return quote(parts.path or "/", safe=_TEXT_IN_PATH.replace("?", "")) + query


def _retry_after(value: str | None) -> float | None:
    """Read a number of seconds, or a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)


def _left(end: float) -> float:
    """Return the seconds that are left. Raises TimeoutError if none are."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


# -- errors --------------------------------------------------------------------------------------


def _shown(parts: SplitResult) -> str:
    """Return what may be shown of a URL: its scheme and host, for the rest may hold a secret."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:200]


def _invalid(url: str, rule: str) -> InvalidInput:
    return InvalidInput(f"The URL {url!r:.200} {rule}.", details={"field": "url"})


def _failed(parts: SplitResult, reason: str) -> Unavailable:
    return Unavailable(f"{_shown(parts)} can't be reached: {reason}.")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return (said or type(error).__name__).rstrip(".")[:300]
