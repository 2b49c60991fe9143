"""SeaweedFS and MinIO pass the suite, and what only an object store can get wrong."""

from __future__ import annotations

from pathlib import Path

import botocore.client
import obstore

from muniment.storage.blobs import BlobStore
from muniment.storage.conformance.blobs import BlobStoreSuite
from muniment.storage.conformance.crashes import also_watch
from muniment.storage.objects.parts import MIB
from muniment.storage.objects.remote import open_objects
from tests.parts.s3 import minio_at, seaweedfs_at

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
