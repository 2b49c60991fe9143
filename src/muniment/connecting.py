"""`muniment.connect`: from an address to a registry, wherever it is.

Lives beside `client`, not in it, since it alone may also open stores in this process. (It can't
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
from muniment.client.consumer import consumer_here
from muniment.client.credentials import credentials_for, without_secrets
from muniment.client.progress import ProgressOption
from muniment.client.registry import Registry
from muniment.domain.caller import ANONYMOUS
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import InvalidInput

if TYPE_CHECKING:
    from muniment.client.aio import AsyncRegistry
    from muniment.local import LocalBackend
    from muniment.storage.places import Place

DEFAULT_ADDRESS: Final = "http://127.0.0.1:8000"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d{1,5}(/.*)?")


def connect(
    address: str | Path | None = None,
    *,
    workspace: str | None = None,
    token: str | None = None,
    username: str | None = None,
    password: str | None = None,
    actor: str | None = None,
    blobs: str | Path | None = None,
    cache: str | Path | Cache | None = None,
    progress: ProgressOption = None,
) -> Registry:
    """Return the registry at `address`.

    Args:
        address: `http://host:8000` or `https://…` for a server. Anything else is opened in this
            process without a server, and made if there is none: a folder, or the URL of a database
            (`postgresql://…`, `mongodb://…`, `sqlite:///…`) with `blobs`. Without it, the
            environment's MUNIMENT_REGISTRY, else http://127.0.0.1:8000.
        workspace: whose models; by default the environment's MUNIMENT_WORKSPACE, else `default`.
        token: to sign in to a server; by default the environment's MUNIMENT_TOKEN.
        username, password: another way to sign in; by default the environment's MUNIMENT_USERNAME
            and MUNIMENT_PASSWORD. They are sent to this server only, and never shown. If the
            environment has a MUNIMENT_REGISTRY that is a server, its credentials are for that one.
        actor: who is written into the history, without a server; by default the user of this
            machine. A server knows who calls.
        blobs: where a database's registry keeps its files: `s3://bucket/prefix`, `gs://…`, `az://…`
            or a folder; by default the environment's MUNIMENT_BLOBS. How an object store is reached
            is said by MUNIMENT_S3_…, or AWS_… (docs/settings.md).
        cache: where bytes are kept; by default MUNIMENT_CACHE, else the user's cache folder.
        progress: a callable that is told a `ProgressEvent`, or False for silence; by default bars
            are shown if the standard error is a terminal.

    Raises:
        InvalidInput: the address is none of these.
        ConfigurationError: a store can't be used, or needs an extra that is not installed.
        Unreachable: raised by the first call, if no server answers.

    >>> import muniment
    >>> with muniment.connect("./registry") as registry:
    ...     registry.push("greeting", {"hello": "world"}).version
    1
    """
    chosen = str(address or os.environ.get("MUNIMENT_REGISTRY") or DEFAULT_ADDRESS)
    kept = cache if isinstance(cache, Cache) else Cache(None if cache is None else Path(cache))
    place = workspace or os.environ.get("MUNIMENT_WORKSPACE") or DEFAULT_WORKSPACE
    if is_server(chosen):
        if actor is not None:
            raise InvalidInput(
                "`actor` is for a registry in a folder.", hint="A server knows who calls."
            )
        if blobs is not None:
            raise InvalidInput(
                "`blobs` is for the URL of a database.", hint="A server knows where its files are."
            )
        from muniment.client.http import HttpBackend

        found = credentials_for(chosen, token=token, username=username, password=password)
        backend: Backend = HttpBackend(chosen, workspace=place, credentials=found)
    else:
        given = {"token": token, "username": username, "password": password}
        for name, value in given.items():
            if value is not None:
                raise InvalidInput(f"`{name}` is for a server; a folder needs none.")
        backend = _open_stores(chosen, blobs, place, actor)
    return Registry(backend, cache=kept, progress=progress)


def connect_async(
    address: str | Path | None = None,
    *,
    workspace: str | None = None,
    token: str | None = None,
    username: str | None = None,
    password: str | None = None,
    actor: str | None = None,
    blobs: str | Path | None = None,
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
            username=username,
            password=password,
            actor=actor,
            blobs=blobs,
            cache=cache,
            progress=progress,
        )
    )


def is_server(address: str) -> bool:
    """Say whether an address is that of a server, rather than of a folder."""
    return address.lower().startswith(("http://", "https://"))


def _open_stores(
    address: str, blobs: str | Path | None, workspace: str, actor: str | None
) -> Backend:
    from muniment.storage.places import Place, is_place, object_options

    if is_place(address):
        files = str(blobs or os.environ.get("MUNIMENT_BLOBS", ""))
        if not files:
            raise InvalidInput(
                "This is the URL of a database; where are the files of its models?",
                hint="Pass `blobs`, or set MUNIMENT_BLOBS: s3://bucket/prefix, or a folder.",
            )
        place = Place.of(address, files, object_options(os.environ))
        return open_here(place, workspace=workspace, actor=actor)
    if blobs is not None:
        raise InvalidInput(
            "`blobs` is for the URL of a database.", hint="A folder keeps its files itself."
        )
    scheme = _SCHEME.match(address)
    is_file = scheme is None or scheme.group(1).lower() == "file"
    if not is_file or (_HOST_AND_PORT.fullmatch(address) and not Path(address).exists()):
        raise InvalidInput(
            f"{without_secrets(address)!r:.200} is not the address of a registry.",
            hint="Write http://host:8000 or https://… for a server, or the path of a folder.",
        )
    folder = _folder_of(address) if scheme else Path(address).expanduser()
    return open_here(Place.of_folder(folder), workspace=workspace, actor=actor)


def open_here(
    place: Place, *, workspace: str = DEFAULT_WORKSPACE, actor: str | None = None
) -> LocalBackend:
    """Open the registry at a place as its owner, by default under this machine's user name."""
    from muniment.local import open_local

    return open_local(
        place,
        actor=actor or _user(),
        workspace=workspace,
        consumer=consumer_here(),
    )


def _folder_of(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(
            f"{without_secrets(url)!r:.200} lies on another machine ({parts.hostname}).",
            hint="Write file:///path/to/folder, or the address of a server.",
        )
    return Path(unquote(parts.path))


def _user() -> str:
    """Return the login name; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ANONYMOUS
