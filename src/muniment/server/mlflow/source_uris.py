"""What the source of a new version may look like, and what it says.

    s3://bucket/key, gs://…, dbfs:/…, any other scheme    kept as it is: only clients go there
    runs:/R/path                                          files of a run
    models:/m-7c1…                                        a logged model
    models:/name/3, /Stage, /latest, models:/name@alias   another version of this registry
    mlflow-artifacts:/path                                files that were logged through a proxy
    /path, path, file:///path                             files on some machine's disk

A source is given back to other people's clients as an address to download from. So one that would
lead them to a host of the caller's choice, or somewhere else than it reads, is refused.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from muniment.errors import InvalidInput

PROXIED: Final = "mlflow-artifacts"
_OF_A_HOST: Final = frozenset(
    {"abfss", "b2", "ftp", "hdfs", "http", "https", "r2", "sftp", "viewfs"}
)
"""Schemes by which a client connects to whatever host the address names."""
_HERE: Final = (".", "localhost", "127.0.0.1")
_SLASHES: Final = re.compile("/+")
_NUMBER: Final = re.compile("0*[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class SourceUri:
    """A source, and the parts that it is judged by; `path` is as written, still encoded."""

    text: str
    scheme: str
    host: str
    path: str

    @property
    def is_local(self) -> bool:
        """Whether it is a path on a disk."""
        return self.scheme in ("", "file")

    @property
    def folder(self) -> str:
        """The path that an address behind a proxy means: decoded, without odd slashes."""
        return "/".join(part for part in decoded(self.path).split("/") if part)

    @property
    def local_path(self) -> str:
        """The path on a disk, normalised; only as a text, whatever stands there."""
        path = unquote(self.path) if self.scheme == "file" else self.text
        return posixpath.normpath(path)

    def within(self, root: str) -> bool:
        """Say whether it lies in (or is) the folder that another address names."""
        other = split_source(root)
        if self.is_local:
            return other.is_local and _leads(other.local_path, self.local_path)
        return (
            not other.is_local
            and (self.scheme, self.host.lower()) == (other.scheme, other.host.lower())
            and bool(other.folder)
            and _leads(other.folder, self.folder)
        )


@dataclass(frozen=True, slots=True)
class ModelUri:
    """What `models:/…` names: a logged model, or a version by number, stage or alias (or none).

    With none of them, the newest version.
    """

    model_id: str = ""
    name: str = ""
    number: int | None = None
    stage: str = ""
    alias: str = ""


def parse_source(text: str) -> SourceUri:
    """Return a source that may be one.

    Raises:
        InvalidInput: it leads to a host that anybody may choose, or no client could read it.
    """
    uri = split_source(text)
    if uri.scheme in _OF_A_HOST or (uri.scheme == PROXIED and uri.host):
        raise InvalidInput(
            f"The source {text!r:.300} can't be used: {uri.scheme} leads clients to whatever host "
            "it names.",
            hint="Log the files to this server, or name them in an object store.",
            details={"field": "source"},
        )
    if uri.scheme == "file" and uri.host and not uri.host.startswith(_HERE):
        raise refused(text, "a file: address names no host")
    return uri


def check_plain(uri: SourceUri) -> None:
    """Refuse an address (of no local path) that reads in two ways, however it is encoded.

    Raises:
        InvalidInput: its path is not absolute, or holds `.`, `..` or NUL.
    """
    text = decoded(uri.text, unquote_plus)
    path = _SLASHES.sub("/", split_source(text).path.rstrip("/"))
    dots = any(part in (".", "..") for part in path.split("/"))
    if not path.startswith("/") or dots or "\0" in path or ".." in text.split("/"):
        raise refused(uri.text, "its path must be absolute, without '.', '..' and NUL")


def parse_model_uri(uri: SourceUri) -> ModelUri:
    """Return what a source with the scheme `models` names. Raises InvalidInput."""
    path = uri.text.partition(":")[2].partition("?")[0]
    first, *rest = path.lstrip("/").split("/")
    if uri.host:
        raise refused(uri.text, "it must name no host")
    if not path.startswith("/") or not first.strip() or len(rest) > 1:
        raise _no_model_uri(uri)
    if not rest:
        name, at, alias = first.rpartition("@")
        if not at:
            return ModelUri(model_id=first)
        if not alias.strip():
            raise _no_model_uri(uri)
        return ModelUri(name=name, alias=alias)
    (what,) = rest
    if not what.strip():
        raise _no_model_uri(uri)
    if _NUMBER.fullmatch(what):
        return ModelUri(name=first, number=int(what))
    return ModelUri(name=first, stage="" if what.lower() == "latest" else what)


def parse_run_uri(uri: SourceUri) -> tuple[str, str]:
    """Return the run's id and the path of a source with the scheme `runs`. Raises InvalidInput."""
    run_id, _, path = uri.path[1:].partition("/")
    if uri.host or not uri.path.startswith("/") or not run_id:
        raise refused(uri.text, "write runs:/RUN_ID/path")
    return run_id, path


def decoded(text: str, decode: Callable[[str], str] = unquote) -> str:
    """Decode a text until it says what it says."""
    while (plain := decode(text)) != text:
        text = plain
    return text


def refused(text: str, rule: str) -> InvalidInput:
    """Return the error for a source that can't be one."""
    return InvalidInput(
        f"The source {text!r:.300} can't be that of a model version: {rule}.",
        details={"field": "source"},
    )


def split_source(text: str) -> SourceUri:
    """Return the parts of an address, whatever it is. Raises InvalidInput."""
    try:
        parts: SplitResult = urlsplit(text)
        host = parts.netloc
    except ValueError:
        raise refused(text, "it is no address") from None
    return SourceUri(text, parts.scheme, host, parts.path)


def _leads(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _no_model_uri(uri: SourceUri) -> InvalidInput:
    return refused(uri.text, "write models:/NAME/VERSION, models:/NAME@ALIAS or models:/MODEL_ID")
