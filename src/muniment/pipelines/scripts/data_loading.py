"""Data loading: bring one file into the pipeline, from a path, over HTTP or out of S3.

    python data_loading.py --source https://example.org/tables/fraud.csv

    output/data/fraud.csv            the file, byte for byte
    output/metadata/metadata.json    {"source", "file", "size", "digest": "sha256:…"}

Credentials for S3 come from the environment, as boto3 finds them. Where S3 is a folder, as in the
local runner, MUNIMENT_S3_FOLDER names it. What an address says of users and signatures is not kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.error import URLError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import urlopen

OPT_ML = Path(os.environ.get("MUNIMENT_OPT_ML", "/opt/ml"))
DATA = OPT_ML / "processing/output/data"
METADATA = OPT_ML / "processing/output/metadata"
PIECE = 1024 * 1024
PATIENCE = 60  # seconds without a byte


class Refused(Exception):
    """What was given is not as it must be."""


def load(source: str, data: Path, metadata: Path) -> dict[str, object]:
    """Copy the file at `source` into `data`, and write what it is into `metadata`."""
    place = urlsplit(source)
    name = _file_name(place)
    data.mkdir(parents=True, exist_ok=True)
    partial = data / f".{name}.part"
    seen = hashlib.sha256()
    size = 0
    try:
        stream, expected = _open(place, source)
        with closing(stream), partial.open("wb") as copy:
            while piece := stream.read(PIECE):
                seen.update(piece)
                size += len(piece)
                copy.write(piece)
        if expected is not None and size != expected:
            raise Refused(f"{_shown(place)} broke off: {size} of {expected} bytes came.")
        if size == 0:
            raise Refused(f"{_shown(place)} is empty; a data set must have some bytes.")
        partial.replace(data / name)
    finally:
        partial.unlink(missing_ok=True)
    found = {
        "source": _shown(place),
        "file": name,
        "size": size,
        "digest": f"sha256:{seen.hexdigest()}",
    }
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "metadata.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return found


def _open(place: SplitResult, source: str) -> tuple[BinaryIO, int | None]:
    """Return a stream, and how many bytes it should give if that is known."""
    if place.scheme in ("http", "https"):
        answer = urlopen(source, timeout=PATIENCE)  # noqa: S310 - the scheme was looked at
        length = answer.headers.get("Content-Length", "")
        return answer, int(length) if length.isdigit() else None
    if place.scheme == "s3":
        return _open_s3(place.netloc, place.path.lstrip("/"))
    if place.scheme in ("", "file"):
        path = Path(unquote(place.path) if place.scheme else source)
        if not path.is_file():
            raise Refused(f"There is no file {str(path.absolute())!r}.")
        return path.open("rb"), path.stat().st_size
    raise Refused(
        f"{_shown(place)} is neither a path, nor an http(s) URL, nor an S3 URI (s3://bucket/key)."
    )


def _open_s3(bucket: str, key: str) -> tuple[BinaryIO, int | None]:
    folder = os.environ.get("MUNIMENT_S3_FOLDER")
    if folder:
        path = Path(folder, bucket, key)
        if ".." in path.parts or not path.is_file():
            raise Refused(f"There is no object s3://{bucket}/{key} in the folder {folder!r}.")
        return path.open("rb"), path.stat().st_size
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise Refused("Reading from S3 needs boto3: pip install boto3.") from None
    try:
        answer = boto3.client("s3").get_object(Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"s3://{bucket}/{key} can't be read: {error}") from error
    return answer["Body"], answer["ContentLength"]


def _file_name(place: SplitResult) -> str:
    path = unquote(place.path) if place.scheme in ("http", "https", "file") else place.path
    name = PurePosixPath(path).name
    if not name or name in (".", "..") or "\0" in name or path.endswith("/"):
        raise Refused(f"{_shown(place)} names no file; it must end in the name of one.")
    return name


def _shown(place: SplitResult) -> str:
    """The address without what may be secret in it."""
    host = place.netloc.rpartition("@")[2]
    return place._replace(netloc=host, query="", fragment="").geturl()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    parser = argparse.ArgumentParser(prog="data_loading", description="Bring in a data set.")
    parser.add_argument("--source", required=True, help="a path, an http(s) URL, or an S3 URI")
    source = parser.parse_args(arguments).source
    try:
        found = load(source, DATA, METADATA)
    except Refused as error:
        print(f"data_loading: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except (URLError, OSError, ValueError) as error:
        shown = _shown(urlsplit(source))
        print(f"data_loading: {shown} can't be read: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{found['file']}: {found['size']} bytes, {found['digest']}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
