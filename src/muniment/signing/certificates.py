"""Whether certificates that are trusted vouch for the one that a bundle was signed with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from muniment.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.x509 import Certificate
    from cryptography.x509.verification import ExtensionPolicy, Policy


def read_chain(certificates: Sequence[bytes]) -> list[Certificate]:
    """Read a bundle's certificates (DER), the signer's first. Raises InvalidInput."""
    from cryptography import x509

    try:
        return [x509.load_der_x509_certificate(content) for content in certificates]
    except ValueError:
        raise InvalidInput("A certificate of the bundle can't be read.") from None


def signer_of(chain: Sequence[Certificate]) -> EllipticCurvePublicKey:
    """Return the key that a chain is about.

    Raises:
        InvalidInput: it is of another kind, or its certificate is not for signing.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    leaf = chain[0]
    key = leaf.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.key_size not in (256, 384, 521):
        raise InvalidInput("The certificate's key is not on P-256, P-384 or P-521.")
    try:
        extensions = leaf.extensions
    except ValueError:
        raise InvalidInput("The extensions of the certificate can't be read.") from None
    for_signing = any(
        (isinstance(value, x509.KeyUsage) and value.digital_signature)
        or (isinstance(value, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.CODE_SIGNING in value)
        for value in (extension.value for extension in extensions)
    )
    if not for_signing:
        raise InvalidInput("The certificate is not for signing: its key usage does not say so.")
    return key


def why_not_trusted(
    chain: Sequence[Certificate], trusted: Sequence[Certificate], at: datetime | None
) -> str:
    """Return why no trusted certificate vouches for the first of `chain`; "" if one does.

    `at` is when all of them must be valid: by default when the first became so, for nobody else
    tells when a signature was made.
    """
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    leaf = chain[0]
    at = at or leaf.not_valid_before_utc
    if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
        return (
            f"the certificate was not valid on {at:%Y-%m-%d}: it is from "
            f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        )
    if leaf in trusted:
        return ""
    if not trusted:
        return "no certificate is trusted"
    verifier = (
        PolicyBuilder()
        .store(Store(list(trusted)))
        .time(at)
        .extension_policies(ca_policy=_issuers(), ee_policy=_signers())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, [one for one in chain[1:] if one not in trusted])
    except VerificationError as error:
        return f"no trusted certificate vouches for it ({str(error).partition(chr(10))[0][:200]})"
    return ""


def _issuers() -> ExtensionPolicy:
    """Return what an issuer's certificate must say: that it is one, and may sign others."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy

    def may_issue(policy: Policy, issuer: Certificate, said: x509.BasicConstraints) -> None:
        if not said.ca:
            raise ValueError("it is no authority")

    def may_sign(policy: Policy, issuer: Certificate, said: x509.KeyUsage | None) -> None:
        if said is not None and not said.key_cert_sign:
            raise ValueError("its key is not for signing certificates")

    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, may_issue)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, may_sign)
    )


def _signers() -> ExtensionPolicy:
    from cryptography.x509.verification import ExtensionPolicy

    return ExtensionPolicy.permit_all()  # `signer_of` has looked at its usage
