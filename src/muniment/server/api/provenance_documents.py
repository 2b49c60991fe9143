"""Bodies and answers about signatures and trusted keys; see `bodies` and `documents`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from muniment.domain.signatures import MAX_BUNDLE_BYTES, MAX_PEM_BYTES
from muniment.server.api.base_bodies import Body, _example, _limit
from muniment.server.api.documents import Document
from muniment.server.api.examples import MANIFEST_SHA256, SHA256, TIME

_PEM: Final = "-----BEGIN PUBLIC KEY-----\nMFkw…\n-----END PUBLIC KEY-----\n"
_SIGNATURE: Final[dict[str, Any]] = {
    "id": 12,
    "model": "fraud",
    "version": 3,
    "digest": MANIFEST_SHA256,
    "sha256": SHA256,
    "created_at": TIME,
    "created_by": "ada",
    "state": "verified",
    "key": "release",
    "reasons": [],
}
_KEY: Final[dict[str, Any]] = {
    "name": "release",
    "kind": "public-key",
    "id": SHA256,
    "pem": _PEM,
    "added_at": TIME,
    "added_by": "ada",
}


class NewSignature(Body):
    """A bundle, as `muniment sign` and `model_signing sign` write it: the text of the file."""

    model_config = _example(bundle='{"mediaType": …}')

    bundle: Annotated[str, _limit(minLength=2, maxLength=MAX_BUNDLE_BYTES)]


class NewKey(Body):
    """A public key, or a certificate whose holders are trusted: the text of the PEM file."""

    model_config = _example(pem=_PEM)

    pem: Annotated[str, _limit(minLength=1, maxLength=MAX_PEM_BYTES)]


class VersionSignature(Document):
    """A signature on a version: `digest` is its manifest's, `sha256` the bundle's own.

    `key` is the trusted key that has verified it; `reasons` say why none has.
    """

    model_config = _example(**_SIGNATURE)

    id: int
    model: str
    version: int
    digest: str
    sha256: str
    created_at: str
    created_by: str
    state: Literal["verified", "untrusted-key", "invalid"]
    key: str
    reasons: list[str]


class VersionSignatures(Document):
    """All signatures of a version, and what they are worth together: one verified is enough."""

    model_config = _example(state="verified", items=[_SIGNATURE])

    state: Literal["verified", "untrusted-key", "invalid", "unsigned"]
    items: list[VersionSignature]


class TrustedKey(Document):
    """A key that the workspace trusts; `id` is what bundles name it by."""

    model_config = _example(**_KEY)

    name: str
    kind: Literal["public-key", "certificate"]
    id: str
    pem: str
    added_at: str
    added_by: str


class TrustedKeys(Document):
    """All keys that the workspace trusts, by their names."""

    model_config = _example(items=[_KEY])

    items: list[TrustedKey]
