"""A session without AWS: pipelines are compiled and reviewed where nobody can sign in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import boto3

from muniment.errors import ConfigurationError
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.sdk.names import PipelineSession

_CONFIG: Final = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


@dataclass(frozen=True)
class Upload:
    """What would have been put to S3: a file, or a text."""

    bucket: str
    key: str
    source: Path | str

    def save(self, root: Path) -> Path:
        """Write it to `root/bucket/key`."""
        key = PurePosixPath(self.bucket, self.key)
        if key.is_absolute() or ".." in key.parts:
            raise InvalidPipeline(f"s3://{key} is no place to write to; it must not hold '..'.")
        target = root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(self.source, Path):
            shutil.copyfile(self.source, target)
        else:
            target.write_text(self.source, "utf-8")
        return target


class OfflinePipelineSession(PipelineSession):  # type: ignore[misc]  # the SDK has no types
    """A PipelineSession that calls nobody: no AWS, no telemetry.

    What a definition would have uploaded (scripts, configurations) is kept in `uploads`, and
    `save_uploads` writes it to a folder, which is the S3 of the local runner. Any call that is
    tried nevertheless is refused.

    Args:
        region: the AWS region to compile for.
        bucket: the default bucket, where scripts and configurations go.
        account: the account of roles that are given by name.
    """

    def __init__(
        self,
        region: str = "us-east-1",
        *,
        bucket: str = "offline-pipelines",
        account: str = "000000000000",
    ) -> None:
        signed_in = boto3.Session("offline", "offline", region_name=region)
        signed_in.events.register("before-send", _refuse)
        super().__init__(boto_session=signed_in, default_bucket=bucket, sagemaker_config=_CONFIG)
        self._bucket_name = bucket
        self._account = account
        self._uploads: dict[tuple[str, str], Upload] = {}

    @property
    def uploads(self) -> list[Upload]:
        """What would have been put to S3, in order."""
        return list(self._uploads.values())

    def save_uploads(self, root: str | Path) -> list[Path]:
        """Write all uploads to `root/<bucket>/<key>`, and return where they are."""
        return [upload.save(Path(root)) for upload in self.uploads]

    def default_bucket(self) -> str:
        """Return the bucket that was given."""
        return self._bucket_name

    def account_id(self) -> str:
        """Return the account that was given."""
        return self._account

    def expand_role(self, role: str) -> str:
        """Return the ARN of a role, without looking it up."""
        return role if "/" in role else f"arn:aws:iam::{self._account}:role/{role}"

    def upload_data(
        self,
        path: str,
        bucket: str | None = None,
        key_prefix: str = "data",
        callback: Any = None,
        extra_args: Any = None,
    ) -> str:
        """Note a file, or all files of a folder; return the URI that a PipelineSession would."""
        bucket = bucket or self._bucket_name
        local = Path(path)
        if not local.is_dir():
            return self._note(bucket, f"{key_prefix}/{local.name}", local)
        for file in sorted(local.rglob("*")):
            if file.is_file():
                self._note(bucket, f"{key_prefix}/{file.relative_to(local).as_posix()}", file)
        return f"s3://{bucket}/{key_prefix}"

    def upload_string_as_file_body(
        self, body: str, bucket: str, key: str, kms_key: str | None = None
    ) -> str:
        """Note a text; return its URI."""
        return self._note(bucket or self._bucket_name, key, body)

    def _note(self, bucket: str, key: str, source: Path | str) -> str:
        self._uploads[bucket, key] = Upload(bucket, key, source)
        return f"s3://{bucket}/{key}"


@contextmanager
def without_defaults(session: Any) -> Iterator[None]:
    """Take its defaults from an offline session, for a while.

    They only say that there is no telemetry, but the SDK checks them against a schema, a dozen
    times and for seconds per step. What runs in here must not report by itself.
    """
    if not isinstance(session, OfflinePipelineSession):
        yield
        return
    defaults, session.sagemaker_config = session.sagemaker_config, {}
    try:
        yield
    finally:
        session.sagemaker_config = defaults


def _refuse(request: Any, **_: Any) -> None:
    raise ConfigurationError(
        f"An OfflinePipelineSession calls nobody, and {request.url} was about to be called.",
        hint="Use a PipelineSession of the SageMaker SDK where AWS is needed.",
    )
