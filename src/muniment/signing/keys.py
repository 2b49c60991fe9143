"""Keys and certificates: what signs, and what is trusted. EC keys on P-256, P-384 and P-521."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from muniment.domain.signatures import MAX_PEM_BYTES, KeyKind, check_size
from muniment.errors import ConfigurationError, InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_MAKE_ONE: Final = "`muniment keys generate key.pem` makes a pair."


def need_cryptography() -> None:
    """Raise ConfigurationError unless signatures can be made and verified here."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "Signatures need the package cryptography.",
            hint="pip install 'muniment[signing]'",
        ) from None


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the certificates (leaf first, DER) that say whose it is, if there are."""

    private: EllipticCurvePrivateKey
    certificates: tuple[bytes, ...] = ()

    @property
    def id(self) -> str:
        """The SHA-256 of the public key's PEM."""
        return key_id(self.private.public_key())

    def sign(self, content: bytes) -> bytes:
        """Return the signature (DER) over some bytes."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return self.private.sign(content, ec.ECDSA(hash_of(self.private.public_key())))


def read_signing_key(
    pem: bytes,
    *,
    password: str | None = None,
    certificate: bytes | None = None,
    chain: bytes = b"",
) -> SigningKey:
    """Read a private key (PEM), its certificate (PEM) and those that vouch for it (PEM).

    Raises:
        InvalidInput: something is not what it should be, or the certificate is for another key.
    """
    need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    try:
        key = load_pem_private_key(pem, None if password is None else password.encode())
    except TypeError:
        said = "is encrypted: pass its password" if password is None else "is not encrypted"
        raise InvalidInput(f"The private key {said}.") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput(
            f"The private key can't be read: {_said(error)}.", hint=_MAKE_ONE
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInput("The private key is not on an elliptic curve.", hint=_MAKE_ONE)
    _check_curve(key.public_key())
    if certificate is None:
        if chain:
            raise InvalidInput("A chain vouches for a certificate, and there is none.")
        return SigningKey(key)
    leaf = read_certificates(certificate)[0]
    if leaf.public_key() != key.public_key():
        raise InvalidInput("The certificate is for another key than the private one.")
    all_of_it = (leaf, *(read_certificates(chain) if chain else ()))
    return SigningKey(key, tuple(one.public_bytes(Encoding.DER) for one in all_of_it))


def generate_key_pair(password: str | None = None) -> tuple[bytes, bytes]:
    """Return a new key on P-256 as PEM: the private one (encrypted by a password), the public."""
    need_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return private, public_pem(key.public_key())


def read_trusted(pem: str) -> tuple[KeyKind, str, str]:
    """Read what is to be trusted: kind, id, and its PEM in the usual form.

    Raises:
        InvalidInput: it is neither a public key nor one certificate; a private key above all.
    """
    need_cryptography()
    from cryptography.hazmat.primitives.serialization import Encoding

    check_size(pem, MAX_PEM_BYTES, "The key")
    if "PRIVATE KEY" in pem:
        raise InvalidInput(
            "That is a private key: keep it to yourself, and replace it if it was sent anywhere.",
            hint="Trust its public half: `openssl ec -in key.pem -pubout`.",
        )
    if "BEGIN CERTIFICATE" in pem:
        certificates = read_certificates(pem.encode())
        if len(certificates) != 1:
            raise InvalidInput(
                f"There are {len(certificates)} certificates.", hint="Trust each by its own name."
            )
        der = certificates[0].public_bytes(Encoding.DER)
        normal = certificates[0].public_bytes(Encoding.PEM).decode()
        return KeyKind.CERTIFICATE, hashlib.sha256(der).hexdigest(), normal
    key = read_public_key(pem)
    return KeyKind.PUBLIC_KEY, key_id(key), public_pem(key).decode()


def read_public_key(pem: str) -> EllipticCurvePublicKey:
    """Read a public key. Raises InvalidInput."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput(
            f"The public key can't be read: {_said(error)}.",
            hint="It is a PEM file: -----BEGIN PUBLIC KEY-----, or a certificate.",
        ) from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidInput("The public key is not on an elliptic curve.", hint=_MAKE_ONE)
    return _check_curve(key)


def read_certificates(pem: bytes) -> list[Certificate]:
    """Read certificates, one after the other. Raises InvalidInput."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise InvalidInput(f"The certificate can't be read: {_said(error)}.") from None


def key_id(key: EllipticCurvePublicKey) -> str:
    """Return what bundles name a key by: the SHA-256 of its PEM."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def public_pem(key: EllipticCurvePublicKey) -> bytes:
    """Return a public key as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hash_of(key: EllipticCurvePublicKey) -> HashAlgorithm:
    """Return the hash that goes with a key: as long as the key is."""
    from cryptography.hazmat.primitives import hashes

    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]


def _check_curve(key: EllipticCurvePublicKey) -> EllipticCurvePublicKey:
    if key.curve.name not in _CURVES:
        raise InvalidInput(
            f"The key is on the curve {key.curve.name}.", hint=f"Use {', '.join(_CURVES)}."
        )
    return key


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0][:200].rstrip(".")
