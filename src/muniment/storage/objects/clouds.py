"""Buckets of Google and containers of Azure: what obstore can do with them, and no more.

Blobs are made of parts by reading and writing them again, and nothing is presigned: bytes pass the
server.
"""

from __future__ import annotations

from itertools import islice

from obstore.store import AzureStore, GCSStore

from muniment.errors import ConfigurationError
from muniment.storage.objects.bucket import CLIENT, RETRY, Bucket


def open_google(bucket: str, prefix: str) -> Bucket:
    """Return a bucket of Google Cloud Storage; credentials come from GOOGLE_* and the machine."""
    shown = f"the bucket {bucket!r} of Google"
    try:
        store = GCSStore(bucket, prefix=prefix or None, client_options=CLIENT, retry_config=RETRY)
    except ValueError as error:
        raise _not_usable(shown, "GOOGLE_APPLICATION_CREDENTIALS") from error
    return _looked_at(Bucket(store, shown))


def open_azure(container: str, prefix: str) -> Bucket:
    """Return a container of Azure Blob Storage; account and credentials come from AZURE_*."""
    shown = f"the container {container!r} of Azure"
    try:
        store = AzureStore(
            container, prefix=prefix or None, client_options=CLIENT, retry_config=RETRY
        )
    except ValueError as error:
        raise _not_usable(shown, "AZURE_STORAGE_ACCOUNT_NAME and its key") from error
    return _looked_at(Bucket(store, shown))


def _looked_at(bucket: Bucket) -> Bucket:
    """Look into a bucket once, so that what is wrong with it is said at the start."""
    try:
        list(islice(bucket.list("sha256/"), 1))
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no {bucket.shown.removeprefix('the ')}.", hint="Make it first."
        ) from None
    return bucket


def _not_usable(shown: str, setting: str) -> ConfigurationError:
    return ConfigurationError(f"{shown} can't be used as it is set.", hint=f"Check {setting}.")
