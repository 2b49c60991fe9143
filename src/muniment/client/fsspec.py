"""`muniment://` for fsspec, and so for pandas, pyarrow, dask and everything else that opens URLs.

    muniment://fraud@champion/model.pkl       the file of the version that an alias means now
    muniment://fraud/3/dir/part.parquet       … of version 3
    muniment://fraud/Production/model.pkl     … of the newest version in a stage
    muniment://fraud@sha256:<digest>/…        … of the version with that content

Listing works at every level: models, versions, folders, files. Nothing can be written this way.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NoReturn

from fsspec.spec import AbstractFileSystem

import muniment
from muniment.client.registry import Registry
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.errors import InvalidInput, NotFound

Info = dict[str, Any]
_REMEMBERED: Final = 32
"""How many manifests are kept in memory: `find` and `glob` look at each many times."""


class MunimentFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A registry as a read-only file system.

    Args:
        registry: as for `muniment.connect`; by default the environment's MUNIMENT_REGISTRY.
        workspace: whose models.
        token: to log in to a server.

    >>> import fsspec
    >>> with fsspec.open("muniment://fraud@champion/model.pkl") as stream:  # doctest: +SKIP
    ...     stream.read(2)
    """

    protocol: ClassVar[str] = "muniment"
    root_marker: ClassVar[str] = ""

    def __init__(
        self,
        registry: str | None = None,
        workspace: str | None = None,
        token: str | None = None,
        **storage_options: Any,
    ) -> None:
        super().__init__(**storage_options)
        self._address = registry
        self._workspace = workspace
        self._token = token
        self._connected: tuple[str | None, Registry] | None = None
        self._manifests: dict[str, Manifest] = {}

    @property
    def registry(self) -> Registry:
        """The registry; another one, should the environment name another one by now."""
        address = self._address or os.environ.get("MUNIMENT_REGISTRY")
        if self._connected is None or self._connected[0] != address:
            if self._connected is not None:
                self._connected[1].close()
            found = muniment.connect(address, workspace=self._workspace, token=self._token)
            self._connected = (address, found)
        return self._connected[1]

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Info] | list[str]:
        """List models, the versions of a model, or what is in a folder of a version."""
        path = self._strip_protocol(path)
        with _as_file_errors(path):
            found = list(self._ls(path))
        return found if detail else [info["name"] for info in found]

    def info(self, path: str, **kwargs: Any) -> Info:
        """Return name, size in bytes, type, and for a file its `sha256`."""
        path = self._strip_protocol(path)
        ref, inner = _split(path)
        with _as_file_errors(path):
            if ref is None:
                if path:
                    self.registry.model(path)
                return _folder(path)
            version = self.registry.version(ref)
            if not inner:
                return _folder(path, version)
            if version.digest is None:
                raise _missing(path)
            manifest = self._manifest(version)
            if (file := manifest.file(inner)) is not None:
                return _file(path, file, version)
            if any(manifest.under(inner)):
                return _folder(path, version)
        raise _missing(path)

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Say whether there is such a file or folder. Raises Unreachable rather than say no."""
        try:
            self.info(path, **kwargs)
        except (FileNotFoundError, InvalidInput):  # the latter: nothing can have that name
            return False
        return True

    def created(self, path: str) -> Any:
        """Return when the version was made."""
        return self.info(path)["created"]

    modified = created

    def ukey(self, path: str) -> str:
        """Return the file's digest: it names the content for ever."""
        return str(self.info(path)["sha256"])

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any
    ) -> bytes:
        """Return a file, or the bytes [start, end) of it; negative ones count from its end."""
        with self._open(self._strip_protocol(path)) as stream:
            size = stream.seek(0, io.SEEK_END)
            first, last, _ = slice(start, end).indices(size)
            stream.seek(first)
            return stream.read(max(last - first, 0))

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> io.BufferedReader:
        if mode != "rb":
            _refuse(path)
        ref, inner = _split(path)
        with _as_file_errors(path):
            if ref is None or not inner:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            return self.registry.open(ref, inner)

    def _ls(self, path: str) -> Iterator[Info]:
        ref, inner = _split(path)
        if ref is None and not path:
            yield from (_folder(model.name) for model in self.registry.models())
        elif ref is None:
            self.registry.model(path)
            for version in self.registry.versions(model=path):
                yield _folder(version.ref, version)
        else:
            version = self.registry.version(ref)
            if version.digest is None and not inner:
                return  # it only points at its source: an empty folder
            if version.digest is None:
                raise _missing(path)
            yield from _children(path, inner, self._manifest(version), version)

    def _manifest(self, version: ModelVersion) -> Manifest:
        if version.digest not in self._manifests:
            if len(self._manifests) >= _REMEMBERED:
                self._manifests.clear()
            manifest = self.registry.manifest(version)
            self._manifests[manifest.digest] = manifest
            return manifest
        return self._manifests[version.digest]

    # -- what would write ------------------------------------------------------------------------

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Refuse."""
        _refuse(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Refuse."""
        _refuse(path)

    def rmdir(self, path: str) -> None:
        """Refuse."""
        _refuse(path)

    def rm_file(self, path: str) -> None:
        """Refuse."""
        _refuse(path)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Refuse."""
        _refuse(path2)


def _split(path: str) -> tuple[str | None, str]:
    """Split a path into a reference to a version and a path in it; no reference: a mere model."""
    name, _, rest = path.partition("/")
    if "@" in name:
        return name, rest
    if not rest:
        return None, ""
    version, _, inner = rest.partition("/")
    return f"{name}/{version}", inner


def _children(path: str, inner: str, manifest: Manifest, version: ModelVersion) -> Iterator[Info]:
    """Yield what stands directly in a folder of a version; a file yields itself."""
    if (itself := manifest.file(inner)) is not None:
        yield _file(path, itself, version)
        return
    seen: set[str] = set()
    for file in manifest.under(inner):
        below = file.path[len(inner) :].lstrip("/")
        name, slash, _ = below.partition("/")
        if name not in seen:
            seen.add(name)
            child = f"{path}/{name}"
            yield _folder(child, version) if slash else _file(child, file, version)
    if not seen:
        raise _missing(path)


def _folder(name: str, version: ModelVersion | None = None) -> Info:
    created = {} if version is None else {"created": version.created_at}
    return {"name": name, "size": 0, "type": "directory", **created}


def _file(name: str, file: FileEntry, version: ModelVersion) -> Info:
    return {
        "name": name,
        "size": file.size,
        "type": "file",
        "created": version.created_at,
        "sha256": file.digest,
        "mimetype": file.media_type,
    }


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _refuse(path: str) -> NoReturn:
    raise OSError(
        errno.EROFS,
        "muniment:// is read-only; add a version with muniment.connect(…).push(name, what)",
        path,
    )


@contextmanager
def _as_file_errors(path: str) -> Iterator[None]:
    """Say "not found" as everybody who works with file systems expects it."""
    try:
        yield
    except NotFound as error:
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
