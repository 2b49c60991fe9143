"""A prefix of a bucket on S3, or on a server that speaks like it.

Bytes go through obstore. What it has no call for goes through botocore, Amazon's own client, which
knows the signatures and every place that credentials may come from:

    the bucket        looked up at the start, and made if it is not there
    compose           copies within the store, piece by piece: no byte comes here
    presigned URLs    with a file name on the way out; bound to digest and size on the way in
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import botocore.config
import botocore.exceptions
import botocore.session
import httpx
from obstore.store import S3Store

from muniment.domain.filenames import attachment
from muniment.domain.values import utcnow
from muniment.errors import ConfigurationError
from muniment.storage.blobs import DirectUpload
from muniment.storage.objects.answers import no_answer, refusal
from muniment.storage.objects.bucket import CLIENT, CONNECT_SECONDS, RETRY, TRIES, Bucket
from muniment.storage.objects.options import ObjectOptions
from muniment.storage.objects.parts import MIB, Part
from muniment.storage.objects.refusals import Precondition

if TYPE_CHECKING:
    from obstore.store import S3Credential

MAX_PUT: Final = 5 * 1024 * MIB
"""Bytes that one request may put."""
COPY_AT_ONCE: Final = 256 * MIB
"""Bytes that one request copies at most, so that each is answered in good time."""
PART_SECONDS: Final = 120
COPIES: Final = 8
"""Copies under way at the same time."""
PROBE: Final = "probe"


def open_s3(bucket: str, prefix: str, options: ObjectOptions) -> S3Bucket:
    """Return the bucket, which is made if there is none.

    Raises:
        ConfigurationError: it can't be made or used with these credentials; names it.
        Unavailable: nobody answers at the endpoint.
    """
    session = botocore.session.get_session()
    if options.access_key_id:
        session.set_credentials(
            options.access_key_id, options.secret_access_key, options.session_token or None
        )
    client = _client(session, options, options.endpoint)
    endpoint = client.meta.endpoint_url
    shown = f"the bucket {bucket!r} at {endpoint}"
    if session.get_credentials() is None:
        raise ConfigurationError(
            f"There are no credentials for {shown}.",
            hint="Set MUNIMENT_S3_ACCESS_KEY_ID and MUNIMENT_S3_SECRET_ACCESS_KEY, or what "
            "Amazon's own tools read.",
        )
    _check_transport(endpoint, options)
    objects = S3Store(
        bucket,
        prefix=prefix or None,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,  # else a variable of this name would win
        region=client.meta.region_name,
        virtual_hosted_style_request=False,
        # The store compares what arrives with this, and refuses what was changed on the way.
        checksum_algorithm="SHA256",
        credential_provider=_Credentials(session),
        client_options={**CLIENT, "allow_http": endpoint.startswith("http:")},
        retry_config=RETRY,
    )
    public = (
        _client(session, options, options.public_endpoint) if options.public_endpoint else client
    )
    made = S3Bucket(objects, shown, bucket, prefix, client, public, direct=options.direct)
    made.make()
    return made


class S3Bucket(Bucket):
    """`Bucket`, and what only S3 can do."""

    def __init__(
        self,
        objects: S3Store,
        shown: str,
        bucket: str,
        prefix: str,
        client: Any,
        public: Any,
        *,
        direct: bool,
    ) -> None:
        super().__init__(objects, shown)
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = client
        self._public = public
        self._direct = direct
        self._copying = ThreadPoolExecutor(COPIES, thread_name_prefix="blob-copy")

    def make(self) -> None:
        """Look the bucket up; make it if there is none."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except botocore.exceptions.ClientError as error:
            if _status(error) != 404:
                raise refusal(self.shown, _status(error), _code(error)) from None
        except botocore.exceptions.BotoCoreError as error:
            raise no_answer(self.shown, str(error)) from None
        else:
            return
        region = self._client.meta.region_name
        where = (
            {}
            if region == "us-east-1"  # the one that must not be named
            else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        try:
            self._client.create_bucket(Bucket=self._bucket, **where)
        except botocore.exceptions.ClientError as error:
            if _code(error) == "BucketAlreadyOwnedByYou":  # by another process, this very moment
                return
            raise ConfigurationError(
                f"There is no {self.shown.removeprefix('the ')}, and it can't be made: "
                f"{_code(error)} ({_status(error)}).",
                hint="Make it, or name one that these credentials may use.",
            ) from None
        except botocore.exceptions.BotoCoreError as error:
            raise no_answer(self.shown, str(error)) from None

    # -- copies ----------------------------------------------------------------------------------

    def compose(self, parts: Sequence[Part], path: str, note: str) -> None:
        """See Bucket. Nothing comes here: the store copies."""
        if len(parts) == 1 and parts[0].end <= COPY_AT_ONCE:
            with self._explaining():
                self._client.copy_object(**self._target(path), **self._source(parts[0]))
            return
        with self._explaining():
            upload = self._client.create_multipart_upload(**self._target(path))["UploadId"]
        try:
            self.put(note, f"{upload}\n{path}".encode())
            copied = self._copying.map(
                lambda piece: self._copy(path, upload, *piece), enumerate(_cut(parts), 1)
            )
            with self._explaining():
                self._client.complete_multipart_upload(
                    **self._target(path),
                    UploadId=upload,
                    MultipartUpload={"Parts": list(copied)},
                )
            self.delete([note])
        except BaseException:
            self._abort(path, upload)
            raise

    def _copy(self, path: str, upload: str, number: int, piece: tuple[Part, int, int]) -> object:
        part, start, end = piece
        size = part.end - part.start
        cut = {} if end - start == size else {"CopySourceRange": f"bytes={start}-{end - 1}"}
        with self._explaining():
            copied = self._client.upload_part_copy(
                **self._target(path),
                **self._source(part),
                **cut,
                UploadId=upload,
                PartNumber=number,
            )
        return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

    def call_off(self, note: str) -> None:
        """See Bucket."""
        try:
            noted = b"".join(self.open(note).pieces).decode()
        except FileNotFoundError:
            return
        upload, _, target = noted.partition("\n")
        self._abort(target, upload)

    def _abort(self, path: str, upload: str) -> None:
        # What is finished, or was aborted by somebody else, is fine; what can't be reached now
        # stays noted, and is called off when the upload is swept.
        with suppress(botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            self._client.abort_multipart_upload(**self._target(path), UploadId=upload)

    def _target(self, path: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + path}

    def _source(self, part: Part) -> dict[str, object]:
        pinned = {} if part.etag is None else {"CopySourceIfMatch": part.etag}
        return {"CopySource": self._target(part.path), **pinned}

    # -- without us ------------------------------------------------------------------------------

    def presign_get(self, path: str, *, seconds: int, filename: str) -> str | None:
        """See Bucket."""
        if not self._direct:
            return None
        answered_with = {
            "ResponseContentDisposition": attachment(filename),
            "ResponseContentType": "application/octet-stream",
        }
        return self._presign("get_object", seconds, **self._target(path), **answered_with)

    def presign_put(
        self, path: str, *, digest: str, size: int, seconds: int
    ) -> DirectUpload | None:
        """See Bucket. A store that takes bytes with another checksum is not trusted with this."""
        if not self._direct or size > MAX_PUT or not self._compares_checksums:
            return None
        return self._sign_put(self._public, path, digest, size, seconds)

    def proven_digest(self, part: Part) -> str | None:
        """See Bucket."""
        if part.promised is None or not self._compares_checksums:
            return None
        pinned = {} if part.etag is None else {"IfMatch": part.etag}
        with self._explaining():
            found = self._client.head_object(
                **self._target(part.path), **pinned, ChecksumMode="ENABLED"
            )
        if found["ContentLength"] != part.end - part.start:
            return None
        return part.promised if found.get("ChecksumSHA256") == _base64(part.promised) else None

    @cached_property
    def _compares_checksums(self) -> bool:
        """Whether the store refuses bytes that have another SHA-256 than their URL is good for."""
        right, wrong = b"right", b"wrong"
        signed = self._sign_put(
            self._client, PROBE, hashlib.sha256(right).hexdigest(), len(wrong), 60
        )
        try:
            answer = httpx.put(
                signed.url, content=wrong, headers=dict(signed.headers), timeout=CONNECT_SECONDS * 2
            )
        except httpx.TransportError as error:
            raise no_answer(self.shown, str(error)) from None
        if answer.status_code >= 500:
            raise refusal(self.shown, answer.status_code, "")
        return answer.status_code == 400

    def _sign_put(
        self, client: Any, path: str, digest: str, size: int, seconds: int
    ) -> DirectUpload:
        checksum = _base64(digest)
        url = client.generate_presigned_url(
            "put_object",
            Params={**self._target(path), "ChecksumSHA256": checksum, "ContentLength": size},
            ExpiresIn=seconds,
        )
        return DirectUpload(url, {"Content-Length": str(size), "x-amz-checksum-sha256": checksum})

    def _presign(self, operation: str, seconds: int, **params: object) -> str:
        url: str = self._public.generate_presigned_url(operation, Params=params, ExpiresIn=seconds)
        return url

    # --------------------------------------------------------------------------------------------

    def close(self) -> None:
        """See Bucket."""
        self._copying.shutdown()
        for client in {self._client, self._public}:
            client.close()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """`explaining`, for botocore."""
        try:
            yield
        except botocore.exceptions.ClientError as error:
            code, status = _code(error), _status(error)
            if status == 412:
                raise Precondition from None
            if code in ("NoSuchKey", "404"):
                raise FileNotFoundError from None
            raise refusal(self.shown, status, code) from None
        except botocore.exceptions.BotoCoreError as error:
            raise no_answer(self.shown, str(error)) from None


class _Credentials:
    """What botocore has found, for obstore, which asks again before they expire."""

    def __init__(self, session: botocore.session.Session) -> None:
        self._session = session

    def __call__(self) -> S3Credential:
        found = self._session.get_credentials().get_frozen_credentials()
        return {
            "access_key_id": found.access_key,
            "secret_access_key": found.secret_key,
            "token": found.token,
            # botocore renews what is to expire within ten minutes: half of that is always good.
            "expires_at": utcnow() + timedelta(minutes=5),
        }


def _client(session: botocore.session.Session, options: ObjectOptions, endpoint: str) -> Any:
    try:
        region = options.region or session.get_config_variable("region") or "us-east-1"
        return session.create_client(
            "s3",
            region_name=region,
            endpoint_url=endpoint or None,
            config=botocore.config.Config(
                signature_version="s3v4",
                connect_timeout=CONNECT_SECONDS,
                read_timeout=PART_SECONDS,
                retries={"mode": "standard", "total_max_attempts": TRIES},
                max_pool_connections=2 * COPIES,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
            ),
        )
    except (ValueError, botocore.exceptions.BotoCoreError) as error:
        raise ConfigurationError(
            f"S3 can't be reached as it is set: {error}.",
            hint="An endpoint is written like https://minio.example.com:9000.",
        ) from None


def _check_transport(endpoint: str, options: ObjectOptions) -> None:
    address = urlsplit(endpoint)
    if address.scheme == "https" or options.allow_http or _is_loopback(address.hostname or ""):
        return
    raise ConfigurationError(
        f"The endpoint {endpoint} has no TLS: everybody in between could read the models.",
        hint="Write https://, or allow http.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cut(parts: Sequence[Part]) -> Iterator[tuple[Part, int, int]]:
    """Yield each part's bytes [start, end), counted from its own beginning, in copyable pieces."""
    for part in parts:
        size = part.end - part.start
        for start in range(0, size, COPY_AT_ONCE):
            yield part, start, min(start + COPY_AT_ONCE, size)


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: botocore.exceptions.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
