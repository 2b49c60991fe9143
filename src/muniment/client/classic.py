"""The classic client: one model file with its metadata up, and down again.

    client = ModelRegistryClient("http://localhost:8000")
    response = client.upload_model(buffer, ModelMetadata(id="model123", name="example_model", …))
    metadata = client.get_metadata(response.metadata_id)
    buffer, metadata = client.get_model(
        file_path=metadata["storage_path"],
        metadata_id=metadata["_id"],
        bucket_name=metadata["storage_group"],
    )

docs/classic.md tells the rest. Errors are those of `muniment.errors`.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final, cast
from urllib.parse import quote, urlencode

import httpx

from muniment.client.credentials import Credentials, credentials_for
from muniment.client.http.connection import Connection
from muniment.client.subjects import as_plain
from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.errors import Corrupt, InvalidInput
from muniment.schemas import ModelMetadata, UploadResponse

__all__ = ["ModelRegistryClient"]

PIECE: Final = 1024 * 1024
"""Bytes per read."""

IN_MEMORY: Final = 64 * 1024 * 1024
"""A model up to this size comes back in memory; a larger one in a temporary file."""

_PAGE: Final = 500


class ModelRegistryClient:
    """Uploads, finds and downloads models at `base_url`. Safe for many threads.

    It signs in as `muniment.connect` does: with `token`, or `username` and `password`, or with what
    the environment says.

    Raises:
        InvalidInput: `base_url` is no http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        *,
        workspace: str = DEFAULT_WORKSPACE,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._connection = _ClassicConnection(
            base_url,
            workspace=workspace,
            credentials=credentials_for(
                base_url, token=token, username=username, password=password
            ),
        )

    def __enter__(self) -> ModelRegistryClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ModelRegistryClient({self._connection.url!r})"

    def close(self) -> None:
        """Close all sockets."""
        self._connection.close()

    def upload_model(
        self, model_buffer: IO[bytes] | bytes, metadata: ModelMetadata
    ) -> UploadResponse:
        """Upload bytes, or what a buffer holds from its position on, of any size.

        A buffer is read a mebibyte at a time, never into memory as a whole.

        Raises:
            AlreadyExists: this name and version are taken.
            InvalidInput: the buffer is at its end or gives text, or a field breaks a rule.
        """
        form = _Form(_binary(model_buffer), metadata)
        headers = {"Content-Type": f"multipart/form-data; boundary={form.boundary}"}
        if form.size is not None:
            headers["Content-Length"] = str(form.size)
        answer = self._connection.request(
            "POST", "/upload", safe=False, headers=headers, content=form.pieces
        )
        return UploadResponse.model_validate(self._connection.document(answer))

    def get_metadata(self, metadata_id: str) -> dict[str, Any]:
        """Return a model's metadata: what was uploaded, and `_id`, `storage_path`, `size`, ….

        Raises:
            NotFound: there is no such model.
        """
        return cast(dict[str, Any], self._connection.get(f"/metadata/{_segment(metadata_id)}"))

    def get_model(
        self, file_path: str, metadata_id: str, bucket_name: str
    ) -> tuple[IO[bytes], dict[str, Any]]:
        """Return a model's bytes, as a buffer at position 0, and its metadata.

        The three belong together: they are `storage_path`, `_id` and `storage_group` of the
        metadata. The bytes are checked against their digest. Large ones come in a temporary file
        that vanishes when the buffer is closed.

        Raises:
            NotFound: there is no such model.
            InvalidInput: path or bucket are another model's.
            Corrupt: other bytes came than were uploaded.
        """
        metadata = self.get_metadata(metadata_id)
        query = urlencode(
            {"metadata_id": metadata_id, "file_path": file_path, "bucket_name": bucket_name}
        )
        with self._connection.stream(f"/download?{query}", {}) as answer:
            return _received(answer), metadata

    def list_models(
        self,
        name: str | None = None,
        *,
        framework: str | None = None,
        storage_group: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the metadata of all models, newest first; with a name, of all its versions."""
        asked = {"name": name, "framework": framework, "storage_group": storage_group}
        return self._all("/models", [(k, v) for k, v in asked.items() if v is not None])

    def search_models(self, filter: str, order_by: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return the metadata of the models that a filter finds (docs/search.md), newest first.

        >>> client.search_models("metrics.accuracy > 0.9 AND tags.type = 'classification'")

        Raises:
            InvalidFilter: `details["column"]` says where it goes wrong.
        """
        return self._all("/search", [("filter", filter), *(("order_by", key) for key in order_by)])

    def delete_model(self, metadata_id: str) -> dict[str, Any]:
        """Delete one version of a model; return its metadata.

        It can be restored for a while: `muniment restore name/<version_number>`.

        Raises:
            NotFound: there is no such model.
        """
        path = f"/models/{_segment(metadata_id)}"
        return cast(dict[str, Any], self._connection.call("DELETE", path))

    def _all(self, path: str, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = [("page_token", token)] if token else []
            answer = self._connection.get(path, [*params, ("page_size", str(_PAGE)), *page])
            found += cast(list[dict[str, Any]], answer["items"])
            token = cast(str | None, answer["next_page_token"])
            if token is None:
                return found


class _ClassicConnection(Connection):
    """A connection to the classic API instead of the native one."""

    def __init__(self, url: str, *, workspace: str, credentials: Credentials | None) -> None:
        super().__init__(url, workspace=workspace, credentials=credentials)
        self._api = f"{self.url}/api/classic"


class _Form:
    """A multipart body that is read from the buffer as it is sent."""

    def __init__(self, buffer: IO[bytes], metadata: ModelMetadata) -> None:
        self.boundary = secrets.token_hex(16)
        self._buffer = buffer
        seekable = getattr(buffer, "seekable", None)  # some streams only read
        self._start = buffer.tell() if seekable is not None and seekable() else None
        self._sent = False
        document = _encoded(metadata)
        self._head = (
            f"--{self.boundary}\r\n"
            'Content-Disposition: form-data; name="metadata"\r\n'
            "Content-Type: application/json\r\n\r\n"
            f"{document}\r\n"
            f"--{self.boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="model"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{self.boundary}--\r\n".encode()
        self.size = self._size()

    def _size(self) -> int | None:
        """Return the length of the whole body; None if the buffer does not know its own."""
        if self._start is None:
            return None
        end = self._buffer.seek(0, io.SEEK_END)
        self._buffer.seek(self._start)
        if end and end == self._start:
            raise InvalidInput(
                "The buffer is at its end: there is nothing left of it to upload.",
                hint="Call buffer.seek(0) first.",
            )
        return len(self._head) + end - self._start + len(self._tail)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; again, if a server that was too busy has not read it."""
        if self._start is not None:
            self._buffer.seek(self._start)
        elif self._sent:
            raise InvalidInput(
                "The upload must be sent again, but the buffer can't be rewound.",
                hint="Upload from a file, or try again with a new buffer.",
            )
        yield self._head
        while piece := self._buffer.read(PIECE):
            self._sent = True
            yield piece
        yield self._tail


def _binary(buffer: object) -> IO[bytes]:
    if isinstance(buffer, bytes | bytearray | memoryview):
        return io.BytesIO(buffer)
    if isinstance(buffer, io.TextIOBase) or not callable(getattr(buffer, "read", None)):
        raise InvalidInput(
            f"A {type(buffer).__name__} holds no bytes to upload.",
            hint="Pass bytes, an io.BytesIO, or a file opened in binary mode ('rb').",
        )
    return cast(IO[bytes], buffer)


def _encoded(metadata: ModelMetadata) -> str:
    try:
        return json.dumps(metadata.model_dump(mode="json", fallback=_number))
    except ValueError as error:
        raise InvalidInput(
            f"The metadata can't be written as JSON: {error}.",
            hint="Use numbers, texts, booleans, None, lists and dicts.",
        ) from None


def _number(value: object) -> object:
    """Return a number of another library (numpy's, say) as Python's own."""
    number = as_plain(value)
    if number is value:
        raise ValueError(f"a {type(value).__name__} has no form in JSON")
    return number


def _received(answer: httpx.Response) -> IO[bytes]:
    """Return the bytes of an answer, whole and verified, at position 0."""
    announced = answer.headers.get("ETag", "").strip('"').removeprefix("sha256:")
    sha256 = hashlib.sha256()
    size = int(answer.headers.get("Content-Length", IN_MEMORY + 1))
    buffer: IO[bytes] = (
        io.BytesIO() if size <= IN_MEMORY else tempfile.TemporaryFile()  # noqa: SIM115
    )
    try:
        for piece in answer.iter_raw():
            sha256.update(piece)
            buffer.write(piece)
        if sha256.hexdigest() != announced:
            raise Corrupt(
                f"The bytes that came have the digest {sha256.hexdigest()}, not {announced}.",
                hint="Try again; if it stays so, run `muniment verify` on the server.",
            )
    except BaseException:
        buffer.close()
        raise
    buffer.seek(0)
    return buffer


def _segment(text: str) -> str:
    return quote(text, safe="")
