"""Keys, certificates and models for the tests of signatures; and the official tool."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from muniment.domain.signatures import TrustedKey
from muniment.signing.keys import SigningKey, read_signing_key, read_trusted

NOW = datetime(2026, 11, 21, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass
class Person:
    """Somebody with a private key in `folder / name.pem`, and the public one beside it."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey

    @property
    def private(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def public(self) -> Path:
        return self.folder / f"{self.name}.pub"

    @property
    def pem(self) -> str:
        return self.public.read_text()

    @property
    def signing(self) -> SigningKey:
        return read_signing_key(self.private.read_bytes())

    @property
    def trusted(self) -> TrustedKey:
        return trusted(self.pem, self.name)


def person(folder: Path, name: str = "ada", curve: ec.EllipticCurve | None = None) -> Person:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    made = Person(folder, name, key)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.private.write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made.public.write_bytes(public)
    return made


def trusted(pem: str, name: str = "release") -> TrustedKey:
    kind, key_id, normal = read_trusted(pem)
    return TrustedKey(name, kind, key_id, normal, NOW, "ada")


@dataclass
class Authority:
    """Whoever issues certificates; `pem` is its own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return pem_of(self.certificate)

    def issue(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        ca: bool = False,
        path_length: int | None = None,
        signing: bool = True,
        code_signing: bool = False,
        since: datetime = NOW - YEAR,
        until: datetime = NOW + YEAR,
    ) -> x509.Certificate:
        return _certificate(
            name, key, self.certificate.subject, self.key,
            ca=ca, path_length=path_length, signing=signing, code_signing=code_signing,
            since=since, until=until,
        )  # fmt: skip


def authority(name: str = "Our CA", under: Authority | None = None, **options: object) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    if under is None:
        own = _name(name)
        certificate = _certificate(name, key.public_key(), own, key, ca=True)
    else:
        certificate = under.issue(name, key.public_key(), **{"ca": True, **options})  # type: ignore[arg-type]
    return Authority(key, certificate)


def pem_of(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    name: str,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    by: ec.EllipticCurvePrivateKey,
    *,
    ca: bool = False,
    path_length: int | None = None,
    signing: bool = True,
    code_signing: bool = False,
    since: datetime = NOW - YEAR,
    until: datetime = NOW + YEAR,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=signing and not ca, key_cert_sign=ca, crl_sign=ca,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(usage, critical=True)
    )
    if code_signing:
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        built = built.add_extension(uses, critical=False)
    return built.sign(by, hashes.SHA256())


def model_signing(*args: object) -> subprocess.CompletedProcess[str]:
    """Run the official tool."""
    command = [sys.executable, "-W", "ignore", "-m", "model_signing", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def model_folder(folder: Path) -> Path:
    """A model of a few files, one of them in a folder whose name sorts apart from paths."""
    model = folder / "model"
    (model / "a-b").mkdir(parents=True)
    (model / "a").mkdir()
    for name in ("model.bin", "a/x.txt", "a-b/y.txt", "Ünï.json"):
        (model / name).write_text(f"content of {name}", encoding="utf-8")
    return model
