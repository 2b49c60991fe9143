"""Signatures, trusted keys and exports over the native API."""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from muniment.client.backend import ProvenanceBackend
from muniment.client.http.catalog import version_path
from muniment.client.http.connection import Connection
from muniment.client.http.wire import items_of
from muniment.domain.signatures import JudgedSignature, Signatures, TrustedKey, check_key_name


class HttpProvenance(ProvenanceBackend):
    """`ProvenanceBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def signatures(self, model: str, number: int) -> Signatures:
        return Signatures.from_json(self._connection.get(_signatures(model, number)))

    def bundle(self, model: str, number: int, signature: int) -> str:
        return self._whole(f"{_signatures(model, number)}/{signature:d}").decode()

    def add_signature(self, model: str, number: int, bundle: str) -> JudgedSignature:
        path = _signatures(model, number)
        # One that is there already is fine, so it may be tried again.
        answer = self._connection.call("POST", path, {"bundle": bundle}, safe=True)
        return JudgedSignature.from_json(answer)

    def remove_signature(self, model: str, number: int, signature: int) -> None:
        self._connection.call("DELETE", f"{_signatures(model, number)}/{signature:d}")

    def card(self, model: str, number: int) -> str:
        return self._whole(f"{version_path(model, number)}/card").decode()

    def bom(self, model: str, number: int) -> bytes:
        return self._whole(f"{version_path(model, number)}/bom")

    def evidence(self, model: str, number: int) -> Iterator[bytes]:
        with self._connection.stream(f"{version_path(model, number)}/evidence", {}) as response:
            yield from response.iter_raw()

    def keys(self) -> Sequence[TrustedKey]:
        return items_of(self._connection.get("/keys"), TrustedKey.from_json)

    def trust_key(self, name: str, pem: str) -> TrustedKey:
        return TrustedKey.from_json(self._connection.call("PUT", _key(name), {"pem": pem}))

    def drop_key(self, name: str) -> None:
        self._connection.call("DELETE", _key(name))

    def _whole(self, path: str) -> bytes:
        return self._connection.request("GET", path, safe=True).content


def _signatures(model: str, number: int) -> str:
    return f"{version_path(model, number)}/signatures"


def _key(name: str) -> str:
    return f"/keys/{quote(check_key_name(name), safe='')}"
