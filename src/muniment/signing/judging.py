"""What a signature is worth: are these the files, is it whole, who made it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from muniment.domain.manifest import Manifest
from muniment.domain.signatures import Judgement, KeyKind, SignatureState, TrustedKey
from muniment.domain.values import sha256_hex
from muniment.errors import InvalidInput
from muniment.signing.bundles import Bundle, read_bundle, signed_bytes
from muniment.signing.certificates import read_chain, signer_of, why_not_trusted
from muniment.signing.keys import (
    SigningKey,
    hash_of,
    need_cryptography,
    public_pem,
    read_certificates,
    read_public_key,
)
from muniment.signing.statements import differences, read_statement, statement_of

_INVALID = SignatureState.INVALID
_UNTRUSTED = SignatureState.UNTRUSTED
_VERIFIED = SignatureState.VERIFIED


def sign(manifest: Manifest, name: str, key: SigningKey) -> str:
    """Return the bundle of a signature on the files of `manifest`; `name` is for people."""
    payload = statement_of(manifest, name)
    signature = key.sign(signed_bytes(payload))
    hint = "" if key.certificates else key.id
    return Bundle(payload, signature, hint, key.certificates).to_bytes().decode()


def judge(
    content: str, manifest: Manifest, keys: Sequence[TrustedKey], *, at: datetime | None = None
) -> Judgement:
    """Judge a bundle by the files that it should be about and by the keys that are trusted.

    `at` is when certificates must have been valid; see `certificates.why_not_trusted`.

    Raises:
        ConfigurationError: what verifies signatures is not installed.
    """
    need_cryptography()
    try:
        bundle = read_bundle(content)
        statement = read_statement(bundle.payload)
        found = tuple(differences(statement, manifest, but=sha256_hex(content.encode())))
        if found:
            return Judgement(_INVALID, reasons=found)
        if bundle.certificates:
            return _by_certificate(bundle, keys, at)
        return _by_key(bundle, keys)
    except InvalidInput as error:
        return Judgement(_INVALID, reasons=(error.message,))


def _by_key(bundle: Bundle, keys: Sequence[TrustedKey]) -> Judgement:
    candidates = [
        key
        for key in keys
        if key.kind is KeyKind.PUBLIC_KEY and (not bundle.hint or key.id == bundle.hint)
    ]
    for key in candidates:
        if _is_by(bundle, key.pem):
            return Judgement(_VERIFIED, key.name)
    if candidates and bundle.hint:
        return Judgement(
            _INVALID, reasons=(f"it is not by the key {candidates[0].name!r}, which it names",)
        )
    named = f"{bundle.hint[:64]}" if bundle.hint else "that it does not name"
    return Judgement(_UNTRUSTED, reasons=(f"the key {named} is not trusted",))


def _is_by(bundle: Bundle, pem: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    key = read_public_key(pem)
    try:
        key.verify(bundle.signature, bundle.signed, ec.ECDSA(hash_of(key)))
    except InvalidSignature:
        return False
    return True


def _by_certificate(bundle: Bundle, keys: Sequence[TrustedKey], at: datetime | None) -> Judgement:
    chain = read_chain(bundle.certificates)
    signer = signer_of(chain)
    if not _is_by(bundle, public_pem(signer).decode()):
        return Judgement(_INVALID, reasons=("it is not by the holder of its certificate",))
    reason = "no certificate is trusted"
    for key in keys:
        if key.kind is KeyKind.CERTIFICATE:
            reason = why_not_trusted(chain, read_certificates(key.pem.encode()), at)
            if not reason:
                return Judgement(_VERIFIED, key.name)
    return Judgement(_UNTRUSTED, reasons=(f"{chain[0].subject.rfc4514_string()!r:.200}: {reason}",))
