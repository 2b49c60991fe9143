"""An object store that fails: clear errors, retries where they are safe, and no wrong content."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import botocore.session
import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import ConfigurationError, Corrupt, NotFound, StorageFull, Unavailable
from muniment.storage.blobs import BlobStore
from muniment.storage.conformance.blobs import content, put, sweep, write
from muniment.storage.objects import bucket as bucket_module
from muniment.storage.objects import s3 as s3_module
from muniment.storage.objects.parts import MIB
from muniment.storage.objects.remote import open_objects
from tests.parts.s3 import BUCKET, SECRET_ACCESS_KEY, S3Place
from tests.storage.objects import faulty
from tests.storage.objects.faulty import FaultyStore, Rule

SMALL = content(100_000)
LARGE = content(9 * MIB)
ONCE: dict[str, Rule] = {
    "hangs up": faulty.hang_up,
    "500": faulty.status(500),
    "503": faulty.status(503, "SlowDown"),
    "says nothing": faulty.say_nothing,
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {"init_backoff": timedelta(milliseconds=10), "max_backoff": timedelta(milliseconds=20)}
    monkeypatch.setitem(bucket_module.RETRY, "backoff", {**quick, "base": 2})
    monkeypatch.setitem(bucket_module.CLIENT, "read_timeout", timedelta(seconds=1))
    monkeypatch.setattr(s3_module, "PART_SECONDS", 1)


@contextmanager
def behind(place: S3Place) -> Iterator[tuple[BlobStore, FaultyStore]]:
    """Open the store at a place through a network that can be told to fail."""
    target = urlsplit(place.options.endpoint)
    assert target.hostname is not None
    assert target.port is not None
    network = FaultyStore((target.hostname, target.port))
    with network.listening() as endpoint:
        store = open_objects(place.url, replace(place.options, endpoint=endpoint))
        network.seen.clear()
        yield store, network
        network.rules, network.always = [], None
        store.close()


def blob_requests(method: str, path: str) -> bool:
    return method == "GET" and "/sha256/" in path


def unfinished_multiparts(place: S3Place) -> list[str]:
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=place.options.endpoint,
        region_name=place.options.region,
        aws_access_key_id=place.options.access_key_id,
        aws_secret_access_key=place.options.secret_access_key,
    )
    prefix = urlsplit(place.url).path.strip("/")
    found = client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", [])
    client.close()
    return [upload["Key"] for upload in found]


# -- opening -------------------------------------------------------------------------------------


def test_nobody_answers(seaweedfs: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable) as caught:
        open_objects(seaweedfs.url, replace(seaweedfs.options, endpoint="http://127.0.0.1:9"))
    assert f"'{BUCKET}' at http://127.0.0.1:9" in str(caught.value)
    assert SECRET_ACCESS_KEY not in str(caught.value)


def test_the_credentials_are_wrong(minio: S3Place) -> None:
    for wrong in (
        replace(minio.options, secret_access_key="not-the-right-one"),
        replace(minio.options, access_key_id="nobody"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            open_objects(minio.url, wrong)
        assert BUCKET in str(caught.value)
        assert wrong.secret_access_key not in repr(caught.value) + repr(wrong)
        assert "nobody" not in str(caught.value)


def test_a_bucket_is_made(minio: S3Place) -> None:
    store = open_objects("s3://not-yet-there/some/prefix", minio.options)
    assert put(store, SMALL).size == len(SMALL)
    store.close()


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///prefix", "s3://Bad_Name!/x", "ftp://bucket", "s3://bucket?x=1"]
)
def test_an_address_that_is_none_is_refused(minio: S3Place, url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_objects(url, minio.options)


def test_an_endpoint_without_tls_must_be_meant(minio: S3Place) -> None:
    with pytest.raises(ConfigurationError, match="no TLS"):
        open_objects(minio.url, replace(minio.options, endpoint="http://192.0.2.1:9000"))


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [*ONCE.values(), faulty.truncate(0.5), faulty.truncate(0.99)],
    ids=[*ONCE, "half", "nearly all"],
)
@pytest.mark.parametrize("span", [(0, None), (5, 60_000)], ids=["whole", "range"])
def test_what_fails_once_is_read_again(
    seaweedfs: S3Place, rule: Rule, span: tuple[int, int | None]
) -> None:
    with behind(seaweedfs) as (store, network):
        digest = put(store, SMALL).digest
        network.matches, network.rules = blob_requests, [rule]
        assert b"".join(store.read(digest, *span)) == SMALL[slice(*span)]
        assert not network.rules


@pytest.mark.parametrize("rule", [*ONCE.values(), faulty.truncate(0)], ids=[*ONCE, "nothing of it"])
def test_what_fails_always_is_said_to_be_unavailable(seaweedfs: S3Place, rule: Rule) -> None:
    with behind(seaweedfs) as (store, network):
        digest = put(store, SMALL).digest
        network.matches, network.always = blob_requests, rule
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            store.read_all(digest)
        assert BUCKET in str(caught.value)
        assert "muniment-of-tests" not in str(caught.value)
        assert time.monotonic() - began < 60


def test_changed_bytes_are_never_given_as_a_whole_blob(seaweedfs: S3Place) -> None:
    with behind(seaweedfs) as (store, network):
        digest = put(store, LARGE).digest
        network.matches, network.always = blob_requests, faulty.garble
        with pytest.raises(Corrupt, match=digest):
            store.read_all(digest)
        came = bytearray()
        with pytest.raises(Corrupt):
            for piece in store.read(digest):
                came += piece
        assert len(came) < len(LARGE)


def test_a_store_that_forgets_its_bucket_has_not_lost_a_blob(seaweedfs: S3Place) -> None:
    with behind(seaweedfs) as (store, network):
        network.always = faulty.status(404, "NoSuchBucket")
        with pytest.raises(ConfigurationError):
            store.read(sha256_hex(b"x"))
        network.always = None
        with pytest.raises(NotFound):
            store.read(sha256_hex(b"x"))


def test_what_is_refused_quotes_nothing_of_the_answer(seaweedfs: S3Place) -> None:
    with behind(seaweedfs) as (store, network):
        network.always = faulty.status(403, "SignatureDoesNotMatch")
        with pytest.raises(ConfigurationError) as caught:
            store.read(sha256_hex(b"x"))
        assert "AWSAccessKeyId" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        with pytest.raises(Unavailable):
            store.ping()


# -- writing -------------------------------------------------------------------------------------

WRITES: dict[str, Rule] = {**ONCE, "loses the answer": faulty.hang_up_after_doing}


@pytest.mark.parametrize("rule", WRITES.values(), ids=list(WRITES))
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_whatever_request_fails_once_the_blob_is_stored_or_can_be_again(
    seaweedfs: S3Place, rule: Rule, data: bytes
) -> None:
    """Each request of an upload fails in turn; what is then stored is whole."""
    with behind(seaweedfs) as (store, network):
        put(store, data)
        count = len(network.seen)
        for number in range(count):
            store.delete(sha256_hex(data))
            network.matches = _only(number)
            network.rules = [rule]
            try:
                assert put(store, data).size == len(data)
            except Unavailable:
                network.rules.clear()
                assert put(store, data).size == len(data)
            network.rules.clear()
            assert store.read_all(sha256_hex(data)) == data
            sweep(store)
        assert list(store.writers()) == []
    assert unfinished_multiparts(seaweedfs) == []


def _only(number: int) -> Callable[[str, str], bool]:
    left = iter(range(number + 1))
    return lambda method, path: next(left, -1) == number


def test_bytes_that_are_changed_on_the_way_are_not_stored(minio: S3Place) -> None:
    with behind(minio) as (store, network):
        for data in (SMALL, LARGE):
            network.matches = lambda method, path: method == "PUT"
            network.always = faulty.garble_request
            with pytest.raises(Unavailable), store.create_writer() as writer:
                write(writer, data)
                writer.commit(sha256_hex(data))
            network.always = None
            assert store.stat(sha256_hex(data)) is None
            sweep(store)
        assert list(store.list()) == []


def test_a_store_that_compares_no_checksums_is_not_sent_to_directly(seaweedfs: S3Place) -> None:
    with behind(seaweedfs) as (store, network):
        network.matches = lambda method, path: "/probe?" in path
        network.rules = [faulty.status(200, "")]
        asked = {"digest": sha256_hex(SMALL), "size": len(SMALL), "seconds": 60}
        assert store.presign_put("5" * 32, **asked) is None
        assert not network.rules
        assert store.presign_put("5" * 32, **asked) is None


def test_a_full_store_says_so(seaweedfs: S3Place) -> None:
    with behind(seaweedfs) as (store, network):
        network.matches = lambda method, path: method == "PUT"
        network.always = faulty.status(507, "XMinioStorageFull")
        with pytest.raises(StorageFull):
            put(store, SMALL)
