"""One connection to a registry's API: addresses, retries, errors.

What is tried again (four times, with growing, jittered pauses, or when `Retry-After` says):

- the request never left, or the server refused it unread (429): any call. Only a server that
  answered before is worth waiting for: one that never did is reported at once;
- the connection broke, or 502, 503, 504 came: safe calls only. Those are reads, bytes sent by
  digest, and creates, which carry an idempotency key. A change that may have happened already
  (PATCH, DELETE, moving an alias) is never sent twice: with If-Match, too, its second try could
  only report a conflict with its first.
"""

from __future__ import annotations

import json
import random
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Final, TypeAlias, cast

import httpx

from muniment._version import __version__
from muniment.client.consumer import HEADER as CONSUMER_HEADER
from muniment.client.consumer import consumer_here
from muniment.client.credentials import Credentials, without_secrets
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.domain.names import check_workspace
from muniment.domain.values import Json, JsonObject, as_object
from muniment.errors import (
    Detail,
    InvalidInput,
    MunimentError,
    Unauthenticated,
    Unavailable,
    Unreachable,
    error_from_problem,
)

PAUSES: Final = (0.1, 0.4, 1.5, 4.0)
"""Seconds before each further try; a random quarter is taken off or put on."""

MAX_RETRY_AFTER: Final = 60.0
"""Seconds; a server that asks for more patience than this is reported instead."""

Params: TypeAlias = Sequence[tuple[str, str]]
Body: TypeAlias = Callable[[], Iterator[bytes]]

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_GATEWAY = frozenset({502, 503, 504})
DIRECT_HEADER: Final = "X-Muniment-Direct"
_REDIRECTS = frozenset({302, 303, 307, 308})
_MAX_REDIRECTS = 3
# uvicorn closes idle connections after 5 s: drop them first, so that no call meets a closed one.
_LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=4.0)
_SIGN_IN = (
    "Set MUNIMENT_TOKEN, or pass token=; MUNIMENT_USERNAME and MUNIMENT_PASSWORD, or username= and "
    "password=, will do, too."
)
_TIMEOUT = httpx.Timeout(connect=5.0, read=300.0, write=300.0, pool=60.0)


class _LeadsNowhere(Exception):
    """A redirect led to nobody, or to somebody who refuses."""


class Connection:
    """Calls to the API at `url` (`http://host:8000`), in one workspace. Safe for many threads.

    The credentials go to this server only: redirects are followed without them, and only for bytes.

    Raises:
        InvalidInput: `url` is no http(s) address, or MUNIMENT_CONSUMER no name.
    """

    def __init__(
        self,
        url: str,
        *,
        workspace: str = DEFAULT_WORKSPACE,
        credentials: Credentials | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        parsed = _parse(self.url)
        headers = {"User-Agent": f"muniment/{__version__}", "Accept-Encoding": "identity"}
        if check_workspace(workspace) != DEFAULT_WORKSPACE:
            headers["X-Muniment-Workspace"] = workspace
        if credentials is not None:
            headers["Authorization"] = credentials.header
        if consumer := consumer_here():
            headers[CONSUMER_HEADER] = consumer
        self._anonymous = credentials is None
        self._api = f"{self.url}/api/v1"
        self._answered = False
        self.direct = True
        """Whether to ask for transfers past the server; no more once its store was out of reach."""
        self._client = httpx.Client(
            headers=httpx.Headers(headers, encoding="utf-8"),
            timeout=_TIMEOUT,
            limits=_LIMITS,
            trust_env=not _is_loopback(parsed.host),  # a proxy can't reach this machine's loopback
        )
        self._finalizer = weakref.finalize(self, self._client.close)

    def close(self) -> None:
        """Close all sockets; also done once nobody holds this any more."""
        self._finalizer()

    # -- calls -----------------------------------------------------------------------------------

    def get(self, path: str, params: Params = ()) -> JsonObject:
        """Read an entity or a page."""
        return self.document(self.request("GET", path, safe=True, params=params))

    def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        *,
        safe: bool = False,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
    ) -> JsonObject:
        """Send a JSON body, if any; return the JSON answer (empty if there is none)."""
        sent = dict(headers or {})
        content: Body | None = None
        if body is not None:
            encoded = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(encoded))}
            content = lambda: iter((encoded,))  # noqa: E731
        response = self.request(
            method, path, safe=safe, params=params, headers=sent, content=content
        )
        return self.document(response) if response.content else {}

    def request(
        self,
        method: str,
        path: str,
        *,
        safe: bool,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        content: Body | None = None,
    ) -> httpx.Response:
        """Send one request; return its answer, read whole.

        `content` is called for each try; give Content-Length in `headers` if it is known.
        """

        def attempt() -> httpx.Response:
            response = self._client.request(
                method,
                self._api + path,
                params=list(params) or None,
                headers=headers,
                content=None if content is None else content(),
            )
            self._raise_for(response)
            return response

        return self.retrying(attempt, safe=safe)

    def lines(self, path: str, params: Params = ()) -> Iterator[bytes]:
        """Yield the lines of an answer to a GET as they come."""
        with self.stream(path, {}, params) as response:
            rest = b""
            for piece in response.iter_raw():  # not by text: `\\u2028` within JSON ends no line
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        if rest:
            yield rest

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], params: Params = (), *, direct: bool = False
    ) -> Iterator[httpx.Response]:
        """Open the answer to a GET, to be read with a bare `iter_raw()`; closed at the end.

        A redirect (to a presigned URL) is followed without any of our own headers but these. With
        `direct` the server is told that one is welcome; where it leads nowhere, it is asked again.
        """
        url, query = self._api + path, tuple(params) or None
        request = self._client.build_request("GET", url, params=query, headers=headers)

        def attempt() -> httpx.Response:
            if direct and self.direct:
                asking = {**headers, DIRECT_HEADER: "true"}
                asked = self._client.build_request("GET", url, params=query, headers=asking)
                with suppress(_LeadsNowhere):
                    return self._open(asked, headers, or_back=True)
            return self._open(request, headers)

        response = self.retrying(attempt, safe=True)
        try:
            yield response
        except httpx.TransportError as error:
            raise self._lost(error) from error
        finally:
            response.close()

    def document(self, response: httpx.Response) -> JsonObject:
        """Return the JSON object that an answer holds."""
        try:
            value: Json = response.json()
        except ValueError:
            raise MunimentError(
                f"{self.url} answered with something that is not JSON.",
                hint="Is it a Muniment server, and of a version that this client knows?",
            ) from None
        return as_object(value, f"the answer of {self.url}")

    # -- tries -----------------------------------------------------------------------------------

    def retrying(self, attempt: Callable[[], httpx.Response], *, safe: bool) -> httpx.Response:
        """Return what `attempt` returns, by the rules that stand at the top of this module."""
        for pause in (*PAUSES, None):
            answered = self._answered
            try:
                return attempt()
            except httpx.TransportError as cause:
                error: MunimentError = self._lost(cause)
                again = answered if isinstance(cause, _NEVER_SENT) else safe
            except MunimentError as refusal:
                error = refusal
                again = refusal.status == 429 or (safe and isinstance(refusal, Unavailable))
            wait = _pause(pause, error)
            if not again or wait is None:
                raise error
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def send_directly(self, url: str, headers: Mapping[str, str], content: Body) -> bool:
        """PUT bytes to an object store by a presigned URL; say whether it took them.

        Nothing of ours goes there but these headers, and no redirect is followed. What answers
        nobody is not asked again by this connection.
        """
        if not self.direct:
            return False
        try:
            request = httpx.Request(
                "PUT", url, headers=headers, content=content(), extensions=_extensions()
            )
            return self._client.send(request).is_success
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self.direct = not isinstance(error, _NEVER_SENT)
            return False

    def _open(
        self, request: httpx.Request, headers: Mapping[str, str], *, or_back: bool = False
    ) -> httpx.Response:
        """Send a GET and follow where it leads; with `or_back`, _LeadsNowhere may be raised."""
        for hop in range(_MAX_REDIRECTS + 1):
            elsewhere = or_back and hop > 0
            try:
                response = self._client.send(request, stream=True)
            except httpx.TransportError as error:
                if not elsewhere:
                    raise
                self.direct = not isinstance(error, _NEVER_SENT)
                raise _LeadsNowhere from error
            if response.status_code not in _REDIRECTS:
                if elsewhere and not response.is_success:
                    response.close()
                    raise _LeadsNowhere
                break
            location = response.url.join(response.headers.get("Location", ""))
            response.close()
            bare = {**headers, "Accept-Encoding": "identity"}
            request = httpx.Request("GET", location, headers=bare, extensions=request.extensions)
        else:
            raise MunimentError(f"{self.url} redirects {request.url.path!r:.300} without end.")
        try:
            self._raise_for(response)
        except BaseException:
            response.close()
            raise
        return response

    def _raise_for(self, response: httpx.Response) -> None:
        self._answered = True
        if not response.is_success:
            response.read()
            error = _error_of(response, self.url)
            if self._anonymous and isinstance(error, Unauthenticated):
                error.hint = _SIGN_IN
            raise error

    def _lost(self, cause: httpx.TransportError) -> Unreachable:
        if isinstance(cause, _NEVER_SENT):
            return Unreachable(
                f"No registry answers at {self.url} ({_why(cause)}).",
                hint="Start one with `muniment serve`, or check the address.",
            )
        return Unreachable(
            f"The connection to {self.url} was lost ({_why(cause)}).",
            hint="Try again; transfers go on where they stopped.",
        )


def _extensions() -> dict[str, object]:
    """Return what a request that is not built by the client lacks: its timeouts."""
    return {"timeout": _TIMEOUT.as_dict()}


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        shown = without_secrets(url)
        raise InvalidInput(f"{shown!r:.200} is not an address: {error}.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInput(
            f"{without_secrets(url)!r:.200} is not the address of a server.",
            hint="Write it like http://127.0.0.1:8000.",
        )
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise InvalidInput(
            "The address of a server holds no user, query or fragment.",
            hint="Pass a token as `token=`, a name and a password as `username=`, `password=`.",
        )
    return parsed


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _pause(pause: float | None, error: MunimentError) -> float | None:
    """Return how many seconds to wait, or None if it is no use."""
    if pause is None:
        return None
    asked = error.details.get("retry_after")
    if isinstance(asked, int | float):
        return float(asked) if asked <= MAX_RETRY_AFTER else None
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, hides nothing


def _error_of(response: httpx.Response, url: str) -> MunimentError:
    """Return the error that an answer carries."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if media_type == "application/problem+json":
        error = _problem(response)
    elif response.status_code in _GATEWAY:
        error = Unavailable(f"{url} does not answer now ({_status(response)}).")
    else:
        error = error_from_problem(
            "",
            f"{url} answered {_status(response)} and did not say why.",
            status=response.status_code,
            hint="Is it a Muniment server, and is there a proxy in between?",
        )
    retry_after = response.headers.get("Retry-After", "")
    if retry_after.isdigit():
        error.details.setdefault("retry_after", int(retry_after))
    error.request_id = error.request_id or response.headers.get("X-Request-ID")
    return error


def _problem(response: httpx.Response) -> MunimentError:
    try:
        document = as_object(response.json(), "a problem")
    except ValueError:
        document = {}
    details = document.get("details")
    error = error_from_problem(
        str(document.get("code", "")),
        str(document.get("detail") or document.get("title") or _status(response)),
        status=response.status_code,
        hint=str(document.get("hint") or ""),
        details=cast(dict[str, Detail], details) if isinstance(details, dict) else None,
    )
    request_id = document.get("request_id")
    error.request_id = request_id if isinstance(request_id, str) else None
    return error


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _why(cause: httpx.TransportError) -> str:
    text = str(cause) or type(cause).__name__
    return text[0].lower() + text[1:].rstrip(".")
