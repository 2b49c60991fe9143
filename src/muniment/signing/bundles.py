"""The envelope: a sigstore bundle (JSON) around a DSSE envelope around a statement.

{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
 "verificationMaterial": {"publicKey": {"hint": …}}           who: a key, by its SHA-256
                       | {"x509CertificateChain": …},         or a certificate, and its issuers
 "dsseEnvelope": {"payload": …, "payloadType": "application/vnd.in-toto+json",
                  "signatures": [{"sig": …}]}}
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from muniment.domain.values import Json, JsonObject, as_object, canonical_json
from muniment.errors import InvalidInput

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_MAX_CERTIFICATES: Final = 10


@dataclass(frozen=True, slots=True)
class Bundle:
    """A signature over `payload`, and who made it.

    Either a key, of which `hint` is the id ("" if it says none), or the holder of the first of
    `certificates` (DER), which those behind it vouch for.
    """

    payload: bytes
    signature: bytes
    hint: str = ""
    certificates: tuple[bytes, ...] = ()

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over: DSSE's encoding of type and payload."""
        return signed_bytes(self.payload)

    def to_bytes(self) -> bytes:
        """Return the file."""
        material: JsonObject = {"tlogEntries": []}
        if self.certificates:
            listed: list[Json] = [{"rawBytes": _encoded(one)} for one in self.certificates]
            material["x509CertificateChain"] = {"certificates": listed}
        else:
            material["publicKey"] = {"hint": self.hint}
        return canonical_json(
            {
                "mediaType": MEDIA_TYPE,
                "verificationMaterial": material,
                "dsseEnvelope": {
                    "payload": _encoded(self.payload),
                    "payloadType": PAYLOAD_TYPE,
                    "signatures": [{"sig": _encoded(self.signature), "keyid": ""}],
                },
            }
        )


def signed_bytes(payload: bytes) -> bytes:
    """Return what is signed for a statement: its type and length are signed with it."""
    head = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} "
    return head.encode() + payload


def read_bundle(content: bytes | str) -> Bundle:
    """Read a bundle.

    Raises:
        InvalidInput: it is none, or of a kind that can't be verified without a network.
    """
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput(
            "The bundle is not JSON.", hint="`muniment sign` and `model_signing sign` make bundles."
        ) from None
    bundle = as_object(value, "a bundle")
    if bundle.get("mediaType") != MEDIA_TYPE:
        raise InvalidInput(f"The bundle is {bundle.get('mediaType')!r:.100}, not {MEDIA_TYPE!r}.")
    material = as_object(bundle.get("verificationMaterial"), "verificationMaterial")
    envelope = as_object(bundle.get("dsseEnvelope"), "dsseEnvelope")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise InvalidInput(f"It signs {envelope.get('payloadType')!r:.100}, not {PAYLOAD_TYPE!r}.")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise InvalidInput("A bundle holds exactly one signature.")
    hint, certificates = _signer(material)
    return Bundle(
        payload=_decoded(envelope.get("payload"), "payload"),
        signature=_decoded(as_object(signatures[0], "a signature").get("sig"), "sig"),
        hint=hint,
        certificates=certificates,
    )


def _signer(material: JsonObject) -> tuple[str, tuple[bytes, ...]]:
    if "x509CertificateChain" in material:
        chain = as_object(material["x509CertificateChain"], "x509CertificateChain")
        listed = chain.get("certificates")
        if not isinstance(listed, list) or not 1 <= len(listed) <= _MAX_CERTIFICATES:
            raise InvalidInput(f"A chain has 1 to {_MAX_CERTIFICATES} certificates.")
        return "", tuple(
            _decoded(as_object(one, "a certificate").get("rawBytes"), "rawBytes") for one in listed
        )
    if "publicKey" in material:
        hint = as_object(material["publicKey"], "publicKey").get("hint") or ""
        if not isinstance(hint, str):
            raise InvalidInput(f"The hint {hint!r:.80} of the bundle is not a text.")
        return hint, ()
    raise InvalidInput(
        "The bundle names neither a key nor a chain of certificates.",
        hint="What was signed without a key needs a service to be verified; sign with a key.",
    )


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(value: Json, what: str) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass  # told below
    raise InvalidInput(f"The {what} of the bundle is not base64.")
