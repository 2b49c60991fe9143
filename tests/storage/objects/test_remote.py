"""SeaweedFS and MinIO pass the suite, and what only S3 can get wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import botocore.client
import httpx
import obstore
import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import ConfigurationError, LimitExceeded
from muniment.storage.blobs import BlobStore
from muniment.storage.conformance.blobs import BlobStoreSuite, content, new_id, put, write
from muniment.storage.conformance.crashes import also_watch
from muniment.storage.objects import parts, s3
from muniment.storage.objects.options import ObjectOptions
from muniment.storage.objects.parts import MIB
from muniment.storage.objects.remote import open_objects
from tests.parts.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Place, minio_at, seaweedfs_at

also_watch(obstore, "put", "delete")
also_watch(botocore.client.BaseClient, "_make_api_call")


def open_on_seaweedfs(path: Path) -> BlobStore:
    return open_objects(*seaweedfs_at(path))


def open_on_minio(path: Path) -> BlobStore:
    return open_objects(*minio_at(path))


class TestSeaweedFS(BlobStoreSuite):
    make_store = open_on_seaweedfs
    locks_writers = False
    serves_directly = True
    large = 9 * MIB


class TestMinIO(BlobStoreSuite):
    make_store = open_on_minio
    locks_writers = False
    serves_directly = True
    large = 9 * MIB


# -- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [minio_at, seaweedfs_at], ids=["minio", "seaweedfs"])
def test_what_is_too_large_for_one_copy_is_copied_in_ranges(
    at: Callable[[Path], S3Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "COPY_AT_ONCE", 5 * MIB)
    data, store, writer_id = content(11 * MIB), open_objects(*at(tmp_path)), new_id()
    upload = store.presign_put(writer_id, digest=sha256_hex(data), size=len(data), seconds=60)
    assert upload is not None
    assert httpx.put(upload.url, content=data, headers=dict(upload.headers)).status_code == 200
    with store.resume_writer(writer_id) as writer:
        assert writer.commit(sha256_hex(data)).size == len(data)
    assert store.read_all(sha256_hex(data)) == data
    store.close()


def test_more_than_a_blob_may_have_is_refused(
    minio: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_BYTES", 8 * MIB)
    store = open_objects(*minio)
    with store.create_writer() as writer:
        write(writer, content(8 * MIB))
        with pytest.raises(LimitExceeded):
            writer.write(b"x")
        writer.cancel()
    store.close()


# -- where the settings come from ----------------------------------------------------------------


def test_what_is_not_set_comes_from_amazon_s_own_variables(
    minio: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", minio.options.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    store = open_objects(minio.url, ObjectOptions())
    assert put(store, b"weights").size == 7
    store.close()


def test_what_is_set_wins_over_them(minio: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "else")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "entirely")
    store = open_objects(*minio)
    assert put(store, b"weights").size == 7
    store.close()


def test_without_credentials_it_says_what_to_set(
    minio: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    nobody = replace(minio.options, access_key_id="", secret_access_key="")
    with pytest.raises(ConfigurationError, match="no credentials"):
        open_objects(minio.url, nobody)


@pytest.mark.parametrize("missing", ["obstore", "botocore"])
def test_a_missing_package_is_named_with_its_extra(
    minio: S3Place, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("s3", "bucket", "answers"):
        monkeypatch.delitem(sys.modules, f"muniment.storage.objects.{name}", raising=False)
    with pytest.raises(ConfigurationError, match=r"muniment\[s3\]"):
        open_objects(*minio)
