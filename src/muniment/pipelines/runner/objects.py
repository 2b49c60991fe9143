"""S3, as the runner sees it: a folder, or an endpoint that speaks the protocol."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import urlsplit

from muniment.errors import ConfigurationError, NotFound, Unavailable
from muniment.pipelines.errors import InvalidPipeline


class Objects(Protocol):
    """Where inputs come from, and outputs go to. Places are S3 URIs: an object, or a folder."""

    def fetch(self, uri: str, folder: Path) -> int:
        """Bring an object, or all that is below a prefix, into a folder; return how many.

        Raises:
            NotFound: there is nothing.
        """

    def store(self, source: Path, uri: str) -> int:
        """Put a file to a URI, or all files of a folder below it; return how many."""

    def exists(self, uri: str) -> bool:
        """Say whether there is an object, or something below a prefix."""

    def environment(self) -> dict[str, str]:
        """Return the variables that tell a script where S3 is."""

    def close(self) -> None:
        """Let go of connections."""


class FolderObjects:
    """S3 as a folder: `root/BUCKET/KEY`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def fetch(self, uri: str, folder: Path) -> int:
        """Copy what there is; see `Objects.fetch`."""
        place = self._place(uri)
        files = {PurePosixPath(place.name): place} if place.is_file() else _files(place)
        if not files:
            raise _nothing(uri)
        for path, file in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        return len(files)

    def store(self, source: Path, uri: str) -> int:
        """Copy files here; see `Objects.store`."""
        place = self._place(uri)
        files = {PurePosixPath(): source} if source.is_file() else _files(source)
        for path, file in files.items():
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        return len(files)

    def exists(self, uri: str) -> bool:
        """Say whether there is something; see `Objects.exists`."""
        place = self._place(uri)
        return place.is_file() or bool(_files(place))

    def environment(self) -> dict[str, str]:
        """Where the folder is."""
        return {"MUNIMENT_S3_FOLDER": str(self.root)}

    def close(self) -> None:
        """There is nothing to let go of."""

    def _place(self, uri: str) -> Path:
        bucket, key = parse(uri)
        return self.root / bucket / key


class S3Objects:
    """S3 behind an endpoint; credentials and region as boto3 finds them."""

    def __init__(self, endpoint: str) -> None:
        try:
            import boto3
        except ImportError:
            raise ConfigurationError(
                "An S3 endpoint needs boto3, which is not installed.",
                hint="pip install 'muniment[sagemaker]'.",
            ) from None
        self.endpoint = endpoint
        with _answering(endpoint):
            self._client: Any = boto3.client("s3", endpoint_url=endpoint)

    def fetch(self, uri: str, folder: Path) -> int:
        """Download what there is; see `Objects.fetch`."""
        bucket, prefix = parse(uri)
        with _answering(uri):
            found = {
                key: PurePosixPath(key[len(prefix) :].lstrip("/") or PurePosixPath(key).name)
                for key in self._keys(bucket, prefix)
            }
            for key, path in found.items():
                parse(f"s3://{bucket}/{key}")  # names in a bucket are anybody's
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                self._client.download_file(bucket, key, str(target))
        if not found:
            raise _nothing(uri)
        return len(found)

    def store(self, source: Path, uri: str) -> int:
        """Upload files; see `Objects.store`."""
        bucket, key = parse(uri)
        files = {PurePosixPath(): source} if source.is_file() else _files(source)
        with _answering(uri):
            for path, file in files.items():
                self._client.upload_file(str(file), bucket, str(PurePosixPath(key, path)))
        return len(files)

    def exists(self, uri: str) -> bool:
        """Say whether there is something; see `Objects.exists`."""
        with _answering(uri):
            return next(self._keys(*parse(uri)), None) is not None

    def environment(self) -> dict[str, str]:
        """Where the endpoint is."""
        return {"AWS_ENDPOINT_URL_S3": self.endpoint}

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Yield the object of that name, else all that are below it."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                key: str = entry["Key"]
                if key == prefix and not key.endswith("/"):
                    yield key
                    return
                if key.startswith(f"{prefix.rstrip('/')}/") and not key.endswith("/"):
                    yield key


def parse(uri: Any) -> tuple[str, str]:
    """Return bucket and key of an S3 URI, normalised.

    Raises:
        InvalidPipeline: it is none, or its key would lead out of the bucket.
    """
    parts = urlsplit(uri) if isinstance(uri, str) else None
    if parts is None or parts.scheme != "s3" or not parts.netloc:
        raise InvalidPipeline(f"{uri!r:.200} is no S3 URI; it must be like s3://bucket/key.")
    bucket, key = uri.removeprefix("s3://").partition("/")[::2]
    names = [name for name in key.split("/") if name not in ("", ".")]
    if ".." in names or bucket in (".", "..") or "\\" in uri or "\0" in uri:
        raise InvalidPipeline(f"{uri!r:.200} leads out of its bucket; it must not hold '..'.")
    return bucket, "/".join(names)


def _files(folder: Path) -> dict[PurePosixPath, Path]:
    """All files below a folder by their paths in it. Links are left: they may lead anywhere."""
    if not folder.is_dir():
        return {}
    return {
        PurePosixPath(file.relative_to(folder).as_posix()): file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


def _nothing(uri: str) -> NotFound:
    return NotFound(
        f"There is nothing at {uri}.",
        hint="Did the step before it write something? Were scripts and configurations uploaded?",
    )


@contextmanager
def _answering(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        if isinstance(error, InvalidPipeline):
            raise
        raise Unavailable(f"S3 refused, or did not answer, for {what}: {error}.") from error
