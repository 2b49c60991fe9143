"""What a request must be before anything looks at it: who it addresses, whence, and how long.

Without a login, the browser of whoever sits at this machine is the way in. So the server answers
only to names that are its own (a page on another name that resolves to 127.0.0.1 is refused: DNS
rebinding), and takes writes only from pages of its own (cross-site request forgery). Programs that
are no browser send neither Origin nor Sec-Fetch-Site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from starlette.types import Scope

from muniment.errors import InvalidInput, LimitExceeded, PermissionDenied
from muniment.server.settings import Settings

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
OPEN_TO_ANY_HOST: Final = frozenset({"/health", "/ready", "/version"})
"""Probes address a server by whatever name it has where they run, and learn nothing but this."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE: Final = frozenset({None, b"same-origin", b"none"})
_SINGLE: Final = frozenset({b"host", b"authorization", b"origin", b"sec-fetch-site"})
_REMEMBERED_HOSTS: Final = 1_000


class TooLong(LimitExceeded):
    """The URL (414) or the headers (431) are too long; `http_status` is HTTP's own number."""

    def __init__(self, message: str, *, http_status: int, limit: int) -> None:
        super().__init__(message, details={"limit": limit})
        self.http_status = http_status


class Guard:
    """Refuses requests by their first lines. Cheap: a few dictionary look-ups a request."""

    def __init__(self, settings: Settings) -> None:
        self._max_headers = settings.max_headers
        self._max_header_bytes = settings.max_header_bytes
        self._max_url_bytes = settings.max_url_bytes
        self._names = host_names(settings.host, settings.allowed_hosts)
        self._good: set[bytes] = set()  # Host headers seen and found good, as they came

    def check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Let pass, or raise; `headers` are those of `scope`, by name.

        Raises:
            LimitExceeded: the URL or the headers are too long.
            InvalidInput: no Host header, or several.
            PermissionDenied: another site's name, or another site's page.
        """
        self._check_size(scope)
        if scope["path"] in OPEN_TO_ANY_HOST:
            return
        host = headers.get(b"host", b"")
        if len(headers) != len(scope["headers"]):
            _check_single(scope["headers"])
        if host not in self._good:
            self._check_host(host)
        if scope["method"] not in SAFE_METHODS:
            _check_site(headers, host)

    def _check_size(self, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        url = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if url > self._max_url_bytes:
            raise TooLong(
                f"The URL has {url} bytes; at most {self._max_url_bytes} are allowed.",
                http_status=414,
                limit=self._max_url_bytes,
            )
        if len(headers) > self._max_headers:
            raise TooLong(
                f"{len(headers)} headers; at most {self._max_headers} are allowed.",
                http_status=431,
                limit=self._max_headers,
            )
        size = sum([len(name) + len(value) for name, value in headers])
        if size > self._max_header_bytes:
            raise TooLong(
                f"The headers have {size} bytes; at most {self._max_header_bytes} are allowed.",
                http_status=431,
                limit=self._max_header_bytes,
            )

    def _check_host(self, host: bytes) -> None:
        if not host:
            raise InvalidInput("The request has no Host header.", hint="HTTP/1.1 demands one.")
        name = without_port(host.decode("latin-1").lower())
        if name not in self._names:
            raise PermissionDenied(
                f"This server is not called {name!r:.200}.",
                hint="If it is, add the name to MUNIMENT_ALLOWED_HOSTS and start it again.",
                details={"host": name[:200]},
            )
        if len(self._good) < _REMEMBERED_HOSTS:
            self._good.add(host)


def host_names(host: str, allowed: Iterable[str]) -> frozenset[str]:
    """Return all names of a server: loopback's, the address it listens on, and what is allowed."""
    own = f"[{host}]" if ":" in host else host
    return frozenset({*LOOPBACK_NAMES, own.lower(), *allowed})


def is_local_name(host: bytes) -> bool:
    """Say whether a Host header calls this machine by one of the names that every machine has."""
    return without_port(host.decode("latin-1").lower()) in LOOPBACK_NAMES


def without_port(authority: str) -> str:
    """Return the name in `name`, `name:8000`, `[::1]` or `[::1]:8000`."""
    name, colon, port = authority.rpartition(":")
    return name if colon and port.isdigit() else authority


def check_own_page(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    """Refuse a change that does not say that a page of ours sent it.

    For whoever a cookie signs in: unlike a program, a browser always says whence.

    Raises:
        PermissionDenied: it says nothing, or another site.
    """
    host = headers.get(b"host", b"").lower()
    own = {b"https://" + host, scope["scheme"].encode() + b"://" + host}
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    if origin is None and site is None:
        raise PermissionDenied(
            "A signed-in browser says from which page a change comes; this request does not.",
            hint="A program sends a token (Authorization: Bearer …) instead of the cookie.",
        )
    if (origin is not None and origin.lower() not in own) or site not in (None, b"same-origin"):
        raise _another_site(origin or site or b"")


def _check_single(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse what another server on the way may have read in another way."""
    names = [name for name, _ in headers if name in _SINGLE]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1).decode().title()
        raise InvalidInput(f"The request has several {twice} headers.", hint="Send one.")


def _check_site(headers: Mapping[bytes, bytes], host: bytes) -> None:
    """Refuse a write that a page of another site made a browser send."""
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    own = origin is None or origin.partition(b"://")[2].lower() == host.lower()
    if not own or site not in _OWN_SITE:
        raise _another_site(origin or site or b"")


def _another_site(shown: bytes) -> PermissionDenied:
    return PermissionDenied(
        f"A page of another site ({shown.decode('latin-1')!r:.200}) may not change anything here.",
        hint="Send the request from a program, or from a page of this server.",
    )
