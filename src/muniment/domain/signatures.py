"""Signatures on versions, and the keys that a workspace trusts.

A signature is a bundle (see `muniment.signing`) filed beside a version, bound to the digest of its
manifest; it is no part of the manifest, whose digest it would change. What it is worth depends on
the keys that are trusted when somebody asks:

    verified        it covers every file, and a trusted key made it
    untrusted-key   it covers every file, but who made it is not trusted here
    invalid         it is about other files, or it is broken
    unsigned        there is none
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from muniment.domain.records import Record, RecordKind
from muniment.domain.values import (
    Json,
    JsonObject,
    as_object,
    sha256_hex,
    time_from_json,
    time_to_json,
)
from muniment.errors import InvalidInput, LimitExceeded

MAX_BUNDLE_BYTES: Final = 8 * 2**20
"""Enough for some 40,000 files; MongoDB holds no document above 16 MiB."""
MAX_SIGNATURES: Final = 100
MAX_KEYS: Final = 200
MAX_PEM_BYTES: Final = 64 * 2**10
KEYS_DOCUMENT: Final = "keys"
"""The document of a workspace that lists the keys it trusts."""
_KEY_NAME: Final = re.compile(r"\w[\w.@+-]{0,127}")


class SignatureState(StrEnum):
    """What a signature is worth, or all signatures of a version together; see the module."""

    VERIFIED = "verified"
    UNTRUSTED = "untrusted-key"
    INVALID = "invalid"
    UNSIGNED = "unsigned"


_BEST_FIRST: Final = (
    SignatureState.VERIFIED,
    SignatureState.INVALID,
    SignatureState.UNTRUSTED,
)


def together(states: Iterable[SignatureState]) -> SignatureState:
    """Return what several signatures are worth: one that is verified is enough.

    Without one, something that is wrong is told before something that is only unknown.
    """
    found = set(states)
    return next((state for state in _BEST_FIRST if state in found), SignatureState.UNSIGNED)


class KeyKind(StrEnum):
    """What is trusted: one key, or whatever a certificate vouches for."""

    PUBLIC_KEY = "public-key"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that is trusted, under the name that people gave it.

    `id` is the SHA-256 of the public key (its PEM), or of the certificate (its DER), in hex.
    """

    name: str
    kind: KeyKind
    id: str
    pem: str
    added_at: datetime
    added_by: str

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "id": self.id,
            "pem": self.pem,
            "added_at": time_to_json(self.added_at),
            "added_by": self.added_by,
        }

    @classmethod
    def from_json(cls, value: Json) -> TrustedKey:
        """Read what `to_json` wrote."""
        v = as_object(value, "a trusted key")
        return cls(
            name=cast(str, v["name"]),
            kind=KeyKind(cast(str, v["kind"])),
            id=cast(str, v["id"]),
            pem=cast(str, v["pem"]),
            added_at=time_from_json(cast(str, v["added_at"])),
            added_by=cast(str, v["added_by"]),
        )


def keys_of(body: JsonObject) -> tuple[TrustedKey, ...]:
    """Read the document of a workspace's keys."""
    return tuple(TrustedKey.from_json(item) for item in cast("list[Json]", body["keys"]))


def keys_document(keys: Iterable[TrustedKey]) -> JsonObject:
    """Return the document that `keys_of` reads; keys by their names."""
    return {"keys": [key.to_json() for key in sorted(keys, key=lambda key: key.name)]}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a signature is worth: by which trusted key it is verified, or why it is not."""

    state: SignatureState
    key: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionSignature:
    """A bundle, filed with the version whose manifest had `digest`."""

    model: str
    version: int
    digest: str
    bundle: str
    created_at: datetime
    created_by: str
    id: int = 0
    model_id: int = 0

    @property
    def sha256(self) -> str:
        """The digest of the bundle: what the history says of it."""
        return sha256_hex(self.bundle.encode())

    def to_json(self) -> JsonObject:
        """Return all but the bundle."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "digest": self.digest,
            "sha256": self.sha256,
            "created_at": time_to_json(self.created_at),
            "created_by": self.created_by,
        }

    def to_record(self) -> Record:
        """Return what a store keeps."""
        return Record(
            kind=RecordKind.SIGNATURE,
            created_at=self.created_at,
            body={"digest": self.digest, "bundle": self.bundle, "created_by": self.created_by},
            version=self.version,
            keys=(f"bundle:{self.sha256}",),
            id=self.id,
            model_id=self.model_id,
        )

    @classmethod
    def from_record(cls, record: Record, model: str) -> VersionSignature:
        """Read a record of the model that is called `model` now."""
        return cls(
            model=model,
            version=cast(int, record.version),
            digest=cast(str, record.body["digest"]),
            bundle=cast(str, record.body["bundle"]),
            created_at=record.created_at,
            created_by=cast(str, record.body["created_by"]),
            id=record.id,
            model_id=record.model_id,
        )


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """A signature, as it is judged now; the bundle itself is not in its JSON."""

    signature: VersionSignature
    judgement: Judgement

    @property
    def state(self) -> SignatureState:
        """What it is worth."""
        return self.judgement.state

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            **self.signature.to_json(),
            "state": self.judgement.state.value,
            "key": self.judgement.key,
            "reasons": list(self.judgement.reasons),
        }

    @classmethod
    def from_json(cls, value: Json) -> JudgedSignature:
        """Read what `to_json` wrote; the bundle is fetched apart."""
        v = as_object(value, "a signature")
        signature = VersionSignature(
            model=cast(str, v["model"]),
            version=cast(int, v["version"]),
            digest=cast(str, v["digest"]),
            bundle="",
            created_at=time_from_json(cast(str, v["created_at"])),
            created_by=cast(str, v["created_by"]),
            id=cast(int, v["id"]),
        )
        judgement = Judgement(
            SignatureState(cast(str, v["state"])),
            cast(str, v["key"]),
            tuple(cast("list[str]", v["reasons"])),
        )
        return cls(signature, judgement)


@dataclass(frozen=True, slots=True)
class Signatures:
    """All signatures of a version, the oldest first, and what they are worth together."""

    state: SignatureState
    items: tuple[JudgedSignature, ...]

    @classmethod
    def of(cls, items: Sequence[JudgedSignature]) -> Signatures:
        """Return signatures as they are together."""
        return cls(together(item.state for item in items), tuple(items))

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the trusted keys that have signed."""
        return tuple(dict.fromkeys(item.judgement.key for item in self.items if item.judgement.key))

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {"state": self.state.value, "items": [item.to_json() for item in self.items]}

    @classmethod
    def from_json(cls, value: Json) -> Signatures:
        """Read what `to_json` wrote."""
        v = as_object(value, "signatures")
        items = tuple(JudgedSignature.from_json(item) for item in cast("list[Json]", v["items"]))
        return cls(SignatureState(cast(str, v["state"])), items)


NO_SIGNATURES: Final = Signatures(SignatureState.UNSIGNED, ())


def check_key_name(name: str) -> str:
    """Trusted key: 1 to 128 word characters, `.`, `@`, `+` and `-`. Raises InvalidInput."""
    if not _KEY_NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r:.200} can't be the name of a key.",
            hint="Use letters, digits, '_', '.', '@', '+' and '-', at most 128.",
            details={"field": "key"},
        )
    return name


def check_size(text: str, limit: int, what: str) -> str:
    """Return `text` if it has at most `limit` bytes. Raises LimitExceeded."""
    if len(text) > limit or len(text.encode()) > limit:
        raise LimitExceeded(
            f"{what} has {len(text):,} characters; at most {limit:,} bytes are kept.",
            details={"limit": limit},
        )
    return text


def added_to(keys: Sequence[TrustedKey], key: TrustedKey) -> tuple[TrustedKey, ...]:
    """Return `keys` with `key`, in place of the one of that name. Raises LimitExceeded."""
    others = [one for one in keys if one.name != key.name]
    if len(others) >= MAX_KEYS:
        raise LimitExceeded(
            f"A workspace trusts at most {MAX_KEYS} keys.", details={"limit": MAX_KEYS}
        )
    return (*others, key)
