"""`muniment.connect`: from an address to a registry, wherever it is.

Lives beside `client`, not in it, since it alone may also open a folder in this process. (It can't
be called `connect.py`: a module of that name would take the place of the function.)
"""

from __future__ import annotations

import getpass
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from muniment.client.backend import Backend
from muniment.client.cache import Cache
from muniment.client.progress import ProgressOption
from muniment.client.registry import Registry
from muniment.domain.caller import ANONYMOUS
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import InvalidInput

if TYPE_CHECKING:
    from muniment.client.aio import AsyncRegistry

DEFAULT_ADDRESS: Final = "http://127.0.0.1:8000"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d{1,5}(/.*)?")


def connect(
    address: str | Path | None = None,
    *,
    workspace: str | None = None,
    token: str | None = None,
    actor: str | None = None,
    cache: str | Path | Cache | None = None,
    progress: ProgressOption = None,
) -> Registry:
    """Return the registry at `address`.

    Args:
        address: `http://host:8000` or `https://…` for a server; anything else is a folder, opened
            in this process without a server, and made if there is none. Without it, the
            environment's MUNIMENT_REGISTRY, else http://127.0.0.1:8000.
        workspace: whose models; by default the environment's MUNIMENT_WORKSPACE, else `default`.
        token: to log in to a server.
        actor: who is written into the history of a folder; by default the user of this machine. A
            server knows who calls.
        cache: where bytes are kept; by default MUNIMENT_CACHE, else the user's cache folder.
        progress: a callable that is told a `ProgressEvent`, or False for silence; by default bars
            are shown if the standard error is a terminal.

    Raises:
        InvalidInput: the address is neither.
        Unreachable: raised by the first call, if no server answers.

    >>> import muniment
    >>> with muniment.connect("./registry") as registry:
    ...     registry.push("greeting", {"hello": "world"}).version
    1
    """
    chosen = str(address or os.environ.get("MUNIMENT_REGISTRY") or DEFAULT_ADDRESS)
    kept = cache if isinstance(cache, Cache) else Cache(None if cache is None else Path(cache))
    place = workspace or os.environ.get("MUNIMENT_WORKSPACE") or DEFAULT_WORKSPACE
    return Registry(_backend(chosen, place, token, actor), cache=kept, progress=progress)


def connect_async(
    address: str | Path | None = None,
    *,
    workspace: str | None = None,
    token: str | None = None,
    actor: str | None = None,
    cache: str | Path | Cache | None = None,
    progress: ProgressOption = None,
) -> AsyncRegistry:
    """Return the registry at `address` with coroutines for methods; see `connect`.

    It is opened by its first call, in a thread, so that this returns at once.
    """
    from muniment.client.aio import AsyncRegistry

    return AsyncRegistry(
        lambda: connect(
            address,
            workspace=workspace,
            token=token,
            actor=actor,
            cache=cache,
            progress=progress,
        )
    )


def _backend(address: str, workspace: str, token: str | None, actor: str | None) -> Backend:
    scheme = _SCHEME.match(address)
    kind = scheme.group(1).lower() if scheme else "file"
    if kind in ("http", "https"):
        if actor is not None:
            raise InvalidInput(
                "`actor` is for a registry in a folder.", hint="A server knows who calls."
            )
        from muniment.client.http import HttpBackend

        return HttpBackend(address, workspace=workspace, token=token)
    if kind != "file" or (_HOST_AND_PORT.fullmatch(address) and not Path(address).exists()):
        raise InvalidInput(
            f"{address!r:.200} is not the address of a registry.",
            hint="Write http://host:8000 or https://… for a server, or the path of a folder.",
        )
    if token is not None:
        raise InvalidInput("`token` is for a server; a folder needs none.")
    from muniment.local import open_local

    folder = _folder_of(address) if scheme else Path(address).expanduser()
    return open_local(folder.absolute(), actor=actor or _user(), workspace=workspace)


def _folder_of(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(
            f"{url!r:.200} lies on another machine ({parts.netloc}).",
            hint="Write file:///path/to/folder, or the address of a server.",
        )
    return Path(unquote(parts.path))


def _user() -> str:
    """Return the login name; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ANONYMOUS
