"""Bytes that come and go by presigned URLs, past whoever asked the store for them."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from muniment.domain.values import sha256_hex
from muniment.errors import NotFound
from muniment.storage.blobs import BlobStore, DirectUpload
from muniment.storage.conformance.blobs.contract import Contract, content, new_id, put, sweep

_SECONDS = 60


class DirectSuite(Contract):
    """Presigned requests, sent as a client sends them."""

    def test_a_presigned_url_is_a_url(self, store: BlobStore) -> None:
        digest = put(store, b"weights").digest
        url = store.presign_get(digest, seconds=_SECONDS, filename='m"ödel;.pkl')
        assert (url is not None) == self.serves_directly
        assert url is None or urlsplit(url).scheme in ("http", "https")

    def test_a_blob_is_served_whole_and_in_ranges_as_a_file_to_save(self, store: BlobStore) -> None:
        data = content(self.large)
        url = store.presign_get(put(store, data).digest, seconds=_SECONDS, filename='m"ö.pkl')
        if url is None:
            return
        whole = httpx.get(url)
        assert whole.content == data
        assert whole.headers["Content-Disposition"].startswith("attachment;")
        assert "filename*=UTF-8''m%22%C3%B6.pkl" in whole.headers["Content-Disposition"]
        assert httpx.get(url, headers={"Range": "bytes=5-9"}).content == data[5:10]

    def test_a_url_serves_nothing_else(self, store: BlobStore) -> None:
        stored, other = put(store, b"weights"), put(store, b"secrets")
        url = store.presign_get(stored.digest, seconds=_SECONDS, filename="f")
        if url is None:
            return
        turned = url.replace(stored.digest, other.digest).replace(
            f"/{stored.digest[:2]}/", f"/{other.digest[:2]}/"
        )
        assert httpx.get(turned).status_code == 403
        assert httpx.put(url, content=b"other").status_code == 403

    def test_what_was_sent_directly_is_what_the_writer_holds(
        self, store: BlobStore, place: Path
    ) -> None:
        data, writer_id = content(self.large), new_id()
        store.create_writer(writer_id).close()
        upload = self._presigned(store, writer_id, data)
        if upload is None:
            return
        assert store.offset(writer_id) == 0
        assert _send(upload, data) == 200
        elsewhere = self.open(place)
        assert elsewhere.offset(writer_id) == len(data)
        with elsewhere.resume_writer(writer_id) as writer:
            assert writer.offset == len(data)
            assert writer.digest() == sha256_hex(data)
            assert writer.commit(sha256_hex(data)).size == len(data)
        assert store.read_all(sha256_hex(data)) == data
        assert list(store.writers()) == []
        elsewhere.close()

    @pytest.mark.parametrize("what", ["others", "fewer", "more", "unannounced"])
    def test_other_bytes_are_not_taken(self, store: BlobStore, what: str) -> None:
        data, writer_id = content(1_000), new_id()
        store.create_writer(writer_id).close()
        upload = self._presigned(store, writer_id, data)
        if upload is None:
            return
        if what == "unannounced":
            upload = DirectUpload(upload.url, {})
        sent = {"others": content(1_000, 1), "fewer": data[:-1], "more": data + b"x"}
        assert _send(upload, sent.get(what, content(1_000, 2))) in (400, 403)
        assert store.offset(writer_id) == 0
        sweep(store)

    def test_what_is_sent_again_after_the_end_is_swept(self, store: BlobStore) -> None:
        data, writer_id = content(1_000), new_id()
        store.create_writer(writer_id).close()
        upload = self._presigned(store, writer_id, data)
        if upload is None:
            return
        assert _send(upload, data) == 200
        with store.resume_writer(writer_id) as writer:
            writer.commit(sha256_hex(data))
        assert _send(upload, data) == 200
        assert [found for found, _ in store.writers()] == [writer_id]
        sweep(store)
        with pytest.raises(NotFound):
            store.resume_writer(writer_id)

    def _presigned(self, store: BlobStore, writer_id: str, data: bytes) -> DirectUpload | None:
        upload = store.presign_put(
            writer_id, digest=sha256_hex(data), size=len(data), seconds=_SECONDS
        )
        assert (upload is not None) == self.serves_directly
        return upload


def _send(upload: DirectUpload, data: bytes) -> int:
    headers = {**upload.headers, "Content-Length": str(len(data))}
    return httpx.put(upload.url, content=data, headers=headers).status_code
