"""Ingesting from another MLflow server: where it keeps a run's files, and the files by its proxy.

Only the server that the settings name is asked, whatever an answer says: no redirect is followed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from muniment.domain import names
from muniment.errors import InvalidInput, LimitExceeded, MunimentError
from muniment.server.mlflow.ingest.origins import FoundFile, Wanted, unreadable
from muniment.server.mlflow.source_uris import PROXIED, SourceUri, parse_run_uri, split_source

if TYPE_CHECKING:
    import httpx

TIMEOUT: Final = 30.0
"""Seconds to connect, and between two pieces of an answer."""
_MAX_ANSWER: Final = 32 * 1024 * 1024
_API: Final = "/api/2.0/mlflow"
_PROXY: Final = "/api/2.0/mlflow-artifacts/artifacts"


class TrackingServer:
    """Another server's runs, logged models and files. To be closed."""

    def __init__(self, url: str, token: str | None) -> None:
        import httpx  # imported when something is ingested, not at start

        headers = {"Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._url = url.rstrip("/")
        self._client: httpx.Client = httpx.Client(
            headers=headers, timeout=TIMEOUT, follow_redirects=False, trust_env=False
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def locate(self, wanted: Wanted) -> SourceUri | None:
        """Return the address of a source's files; None if this server does not know of it.

        Raises:
            Unavailable, Conflict: it does not answer, or not as it should.
        """
        uri = wanted.uri
        if uri.scheme == "models":
            return self._root("", wanted.model_id)
        if uri.scheme == "runs":
            run_id, path = parse_run_uri(uri)
            root = self._root(run_id, "")
            return root and split_source(posixpath.join(root.text, path).rstrip("/"))
        if uri.scheme == PROXIED:
            root = self._root(wanted.run_id, wanted.model_id)
            return uri if root is not None and uri.within(root.text) else None
        return None

    def folder_of(self, address: SourceUri) -> str | None:
        """Return the path of an address in this server's proxy; None if it lies elsewhere."""
        if address.scheme == PROXIED and not address.host:
            return address.folder
        text = f"{self._url}{_PROXY}/"
        if address.text.startswith(text):
            return split_source(f"{PROXIED}:/{address.text.removeprefix(text)}").folder
        return None

    def files_in(self, folder: str) -> list[FoundFile]:
        """Return all files below a folder of the proxy.

        Raises:
            Unavailable, Conflict: it does not answer, or not as it should.
            LimitExceeded: more files than a version holds.
        """
        found: list[FoundFile] = []
        folders = [""]
        while folders:
            here = folders.pop()
            for child in self._list(posixpath.join(folder, here).rstrip("/")):
                path = posixpath.join(here, _name(child.get("path")))
                names.check_path(path)
                if child.get("is_dir"):
                    folders.append(path)
                else:
                    read = partial(self._read, posixpath.join(folder, path))
                    found.append(FoundFile(path, None, read))
                if len(found) + len(folders) > names.MAX_FILES:
                    raise LimitExceeded(
                        f"There are more than {names.MAX_FILES} files in {folder!r:.300}.",
                        details={"limit": names.MAX_FILES},
                    )
        return found

    # --------------------------------------------------------------------------------------------

    def _root(self, run_id: str, model_id: str) -> SourceUri | None:
        """Return where the files of a logged model, or of a run, lie."""
        if model_id:
            answer = self._get(f"{_API}/logged-models/{quote(model_id, safe='')}")
            keys = ("model", "info", "artifact_uri")
        elif run_id:
            answer = self._get(f"{_API}/runs/get", {"run_id": run_id})
            keys = ("run", "info", "artifact_uri")
        else:
            return None
        for key in keys:
            answer = answer.get(key) if isinstance(answer, dict) else None
        return split_source(answer) if isinstance(answer, str) else None

    def _list(self, folder: str) -> list[dict[str, Any]]:
        answer = self._get(_PROXY, {"path": folder})
        files = answer.get("files", []) if isinstance(answer, dict) else []
        if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
            raise unreadable(self._url, "it lists files in a way of its own")
        return files

    def _get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """Return a JSON answer; None for 404."""
        import httpx

        body = bytearray()
        try:
            with self._client.stream("GET", self._url + path, params=params) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    return None
                self._check(response)
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > _MAX_ANSWER:
                        raise unreadable(self._url, f"its answer has more than {_MAX_ANSWER} bytes")
            return httpx.Response(200, content=bytes(body)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise _failed(self._url, error) from error

    def _read(self, path: str) -> Iterator[bytes]:
        import httpx

        try:
            with self._client.stream("GET", f"{self._url}{_PROXY}/{quote(path)}") as response:
                self._check(response)
                yield from response.iter_raw()
        except httpx.HTTPError as error:
            raise _failed(f"{self._url} {path}", error) from error

    def _check(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise unreadable(
                self._url, f"it answers {response.status_code}", for_now=response.is_server_error
            )


def _failed(what: str, error: Exception) -> MunimentError:
    return unreadable(what, f"{type(error).__name__}: {error}", for_now=True)


def _name(text: object) -> str:
    if not isinstance(text, str) or "/" in text:
        raise InvalidInput(f"The server lists a file named {text!r:.200}.")
    return names.check_path(text)
