from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.signatures import SignatureState
from muniment.errors import InvalidInput
from muniment.signing.bundles import read_bundle, signed_bytes
from muniment.signing.judging import judge, sign
from muniment.signing.keys import (
    SigningKey,
    generate_key_pair,
    read_signing_key,
    read_trusted,
)
from muniment.signing.statements import read_statement, statement_of
from tests.signing.people import (
    NOW,
    YEAR,
    Authority,
    Person,
    authority,
    pem_of,
    person,
    trusted,
)

VERIFIED, UNTRUSTED, INVALID = (
    SignatureState.VERIFIED,
    SignatureState.UNTRUSTED,
    SignatureState.INVALID,
)


def manifest_of(**digests: str) -> Manifest:
    files = digests or {"model": "a", "config": "b"}
    return Manifest.of(FileEntry(f"{name}.bin", digit * 64, 1) for name, digit in files.items())


def edited(bundle: str, edit: Callable[[Any], None]) -> str:
    document = json.loads(bundle)
    edit(document)
    return json.dumps(document)


def signed_anew(key: SigningKey, bundle: str, edit: Callable[[Any], None]) -> str:
    """Sign another statement than the one in a bundle."""
    made = read_bundle(bundle)
    payload = edited(made.payload.decode(), edit).encode()
    again = replace(made, payload=payload, signature=key.sign(signed_bytes(payload)))
    return again.to_bytes().decode()


# -- by a key ------------------------------------------------------------------------------------


def test_a_trusted_key_is_found_by_the_name_it_was_given(tmp_path: Path) -> None:
    ada, bob = person(tmp_path), person(tmp_path, "bob")
    bundle = sign(manifest_of(), "fraud", bob.signing)

    judgement = judge(bundle, manifest_of(), [ada.trusted, bob.trusted])
    assert (judgement.state, judgement.key, judgement.reasons) == (VERIFIED, "bob", ())


def test_an_unknown_key_is_not_trusted_and_named(tmp_path: Path) -> None:
    ada, bob = person(tmp_path), person(tmp_path, "bob")
    bundle = sign(manifest_of(), "fraud", ada.signing)

    for keys in ([], [bob.trusted]):
        judgement = judge(bundle, manifest_of(), keys)
        assert (judgement.state, judgement.key) == (UNTRUSTED, "")
        assert ada.trusted.id in judgement.reasons[0]


def test_a_bundle_that_names_no_key_is_tried_with_all(tmp_path: Path) -> None:
    ada, bob = person(tmp_path), person(tmp_path, "bob")
    bundle = sign(manifest_of(), "fraud", ada.signing)

    def forget(document: Any) -> None:
        document["verificationMaterial"]["publicKey"] = {}

    unnamed = edited(bundle, forget)
    assert judge(unnamed, manifest_of(), [bob.trusted, ada.trusted]).key == "ada"
    assert judge(unnamed, manifest_of(), [bob.trusted]).state is UNTRUSTED


def test_a_signature_of_another_than_it_names_is_invalid(tmp_path: Path) -> None:
    ada, bob = person(tmp_path), person(tmp_path, "bob")
    bundle = sign(manifest_of(), "fraud", bob.signing)

    def pretend(document: Any) -> None:
        document["verificationMaterial"]["publicKey"]["hint"] = ada.trusted.id

    judgement = judge(edited(bundle, pretend), manifest_of(), [ada.trusted])
    assert judgement.state is INVALID
    assert judgement.reasons == ("it is not by the key 'ada', which it names",)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"model": "c", "config": "b"}, "'model.bin': other bytes were signed"),
        ({"model": "a"}, "'config.bin': it was signed, and is not there"),
        (
            {"model": "a", "config": "b", "more": "c"},
            "'more.bin': it is there, and was not signed",
        ),
    ],
)
def test_a_signature_on_other_files_is_invalid_and_says_which(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    ada = person(tmp_path)
    bundle = sign(manifest_of(), "fraud", ada.signing)
    judgement = judge(bundle, manifest_of(**files), [ada.trusted])
    assert (judgement.state, judgement.reasons) == (INVALID, (reason,))


def test_many_differences_are_counted(tmp_path: Path) -> None:
    ada = person(tmp_path)
    many = Manifest.of(FileEntry(f"{n:02}", "a" * 64, 1) for n in range(20))
    judgement = judge(sign(many, "m", ada.signing), manifest_of(), [ada.trusted])
    assert "and 15 more files: it was signed, and is not there" in judgement.reasons


# -- hostile bundles -----------------------------------------------------------------------------


def _payload(text: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document["dsseEnvelope"]["payload"] = base64.b64encode(text.encode()).decode()

    return change


HOSTILE: dict[str, Callable[[Any], None]] = {
    "another type": lambda d: d.update(mediaType="application/json"),
    "no material": lambda d: d.update(verificationMaterial=None),
    "a keyless one": lambda d: d.update(verificationMaterial={"certificate": {"rawBytes": ""}}),
    "an empty chain": lambda d: d.update(
        verificationMaterial={"x509CertificateChain": {"certificates": []}}
    ),
    "no certificate": lambda d: d.update(
        verificationMaterial={"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}}
    ),
    "a hint of another type": lambda d: d["verificationMaterial"].update(publicKey={"hint": 5}),
    "another payload type": lambda d: d["dsseEnvelope"].update(payloadType="text/plain"),
    "no signature": lambda d: d["dsseEnvelope"].update(signatures=[]),
    "two signatures": lambda d: d["dsseEnvelope"]["signatures"].append({"sig": ""}),
    "no base64": lambda d: d["dsseEnvelope"].update(payload="ü"),
    "no DER": lambda d: d["dsseEnvelope"]["signatures"][0].update(sig="AAAA"),
    "a payload that is no JSON": _payload("{"),
    "a payload that is a list": _payload("[]"),
    "a payload without end": _payload("[" * 100_000),
    "another statement": _payload('{"_type": "https://in-toto.io/Statement/v0.1"}'),
    "another predicate": _payload('{"_type": "https://in-toto.io/Statement/v1"}'),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_bundle_is_invalid(tmp_path: Path, edit: Callable[[Any], None]) -> None:
    ada = person(tmp_path)
    bundle = edited(sign(manifest_of(), "fraud", ada.signing), edit)
    judgement = judge(bundle, manifest_of(), [ada.trusted])
    assert judgement.state is INVALID
    assert judgement.reasons


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "\ud800", "[" * 100_000])
def test_what_is_no_json_object_is_no_bundle(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_bundle(text)


def test_a_changed_byte_of_payload_or_signature_breaks_it(tmp_path: Path) -> None:
    ada = person(tmp_path)
    made = read_bundle(sign(manifest_of(), "fraud", ada.signing))
    renamed = made.payload.replace(b'"fraud"', b'"fraus"')
    assert renamed != made.payload
    flipped = made.signature[:-1] + bytes([made.signature[-1] ^ 1])
    for broken in (replace(made, payload=renamed), replace(made, signature=flipped)):
        judgement = judge(broken.to_bytes().decode(), manifest_of(), [ada.trusted])
        assert judgement.state is INVALID


WRONG: dict[str, tuple[Callable[[Any], None], str]] = {
    "shards": (lambda s: s["predicate"]["serialization"].update(method="shards"), "as 'shards'"),
    "blake3": (
        lambda s: s["predicate"]["serialization"].update(hash_type="blake3"),
        "by 'blake3'",
    ),
    "a file by blake2": (
        lambda s: s["predicate"]["resources"][0].update(algorithm="blake2b"),
        "by 'blake2b'",
    ),
    "no digest": (lambda s: s["predicate"]["resources"][0].update(digest="AB"), "no SHA-256"),
    "twice": (
        lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]),
        "twice",
    ),
    "another root": (
        lambda s: s["subject"][0].update(digest={"sha256": "0" * 64}),
        "contradicts itself",
    ),
    "two subjects": (lambda s: s["subject"].append(s["subject"][0]), "exactly one model"),
    "no resources": (lambda s: s["predicate"].update(resources={}), "lists no files"),
}


@pytest.mark.parametrize(("edit", "why"), WRONG.values(), ids=WRONG.keys())
def test_a_signed_statement_that_is_not_about_whole_files_is_invalid(
    tmp_path: Path, edit: Callable[[Any], None], why: str
) -> None:
    ada = person(tmp_path)
    bundle = signed_anew(ada.signing, sign(manifest_of(), "fraud", ada.signing), edit)
    judgement = judge(bundle, manifest_of(), [ada.trusted])
    assert judgement.state is INVALID
    assert why in judgement.reasons[0]


def test_statements_of_the_first_versions_of_the_format_are_read() -> None:
    old = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://model_signing/Digests/v0.1",
        "subject": [{"name": "model.bin", "digest": {"sha256": "a" * 64}}],
    }
    assert read_statement(json.dumps(old).encode()).digests == {"model.bin": "a" * 64}


def test_the_same_files_give_the_same_statement() -> None:
    assert statement_of(manifest_of(), "m") == statement_of(manifest_of(), "m")


# -- by a certificate ----------------------------------------------------------------------------


def certified(ada: Person, issuer: Authority, *between: Authority, **options: Any) -> str:
    leaf = issuer.issue("ada", ada.key.public_key(), **options)
    chain = "".join(one.pem for one in between).encode()
    key = read_signing_key(ada.private.read_bytes(), certificate=pem_of(leaf).encode(), chain=chain)
    return sign(manifest_of(), "fraud", key)


def test_a_trusted_authority_vouches_for_whom_it_certified(tmp_path: Path) -> None:
    ada, root, other = person(tmp_path), authority(), authority("Another CA")
    bundle = certified(ada, root)
    keys = [ada.trusted, trusted(other.pem, "other"), trusted(root.pem, "ca")]
    assert judge(bundle, manifest_of(), keys, at=NOW).key == "ca"
    judgement = judge(bundle, manifest_of(), keys[:2], at=NOW)
    assert judgement.state is UNTRUSTED
    assert "no trusted certificate vouches for it" in judgement.reasons[0]
    assert "no certificate is trusted" in judge(bundle, manifest_of(), []).reasons[0]


def test_a_certificate_may_be_trusted_by_itself(tmp_path: Path) -> None:
    ada, root = person(tmp_path), authority()
    leaf = root.issue("ada", ada.key.public_key())
    key = read_signing_key(ada.private.read_bytes(), certificate=pem_of(leaf).encode())
    bundle = sign(manifest_of(), "fraud", key)
    assert judge(bundle, manifest_of(), [trusted(pem_of(leaf), "ada's")], at=NOW).key == "ada's"


def test_issuers_in_between_come_with_the_bundle(tmp_path: Path) -> None:
    ada, root = person(tmp_path), authority()
    between = authority("Between", under=root)
    keys = [trusted(root.pem, "ca")]
    assert judge(certified(ada, between, between), manifest_of(), keys, at=NOW).state is VERIFIED
    assert judge(certified(ada, between), manifest_of(), keys, at=NOW).state is UNTRUSTED


def test_who_is_no_authority_vouches_for_nobody(tmp_path: Path) -> None:
    ada, root = person(tmp_path), authority()
    no_authority = authority("Mallory", under=root, ca=False)
    bundle = certified(ada, no_authority, no_authority)
    assert judge(bundle, manifest_of(), [trusted(root.pem)], at=NOW).state is UNTRUSTED


def test_an_authority_is_not_followed_further_than_it_may_go(tmp_path: Path) -> None:
    ada, root = person(tmp_path), authority()
    last = authority("Last", under=root, path_length=0)
    beyond = authority("Beyond", under=last)
    keys = [trusted(root.pem)]
    assert judge(certified(ada, last, last), manifest_of(), keys, at=NOW).state is VERIFIED
    bundle = certified(ada, beyond, beyond, last)
    assert judge(bundle, manifest_of(), keys, at=NOW).state is UNTRUSTED


def test_a_certificate_must_be_for_signing(tmp_path: Path) -> None:
    ada, root = person(tmp_path), authority()
    keys = [trusted(root.pem)]
    assert judge(certified(ada, root, signing=False), manifest_of(), keys).state is INVALID
    bundle = certified(ada, root, signing=False, code_signing=True)
    assert judge(bundle, manifest_of(), keys).state is VERIFIED


def test_a_certificate_must_have_been_valid_when_the_signature_was_filed(tmp_path: Path) -> None:
    ada, root = person(tmp_path), authority()
    bundle = certified(ada, root, since=NOW - YEAR / 2, until=NOW - YEAR / 4)
    keys = [trusted(root.pem)]
    assert judge(bundle, manifest_of(), keys, at=NOW - YEAR / 3).state is VERIFIED
    judgement = judge(bundle, manifest_of(), keys, at=NOW)
    assert judgement.state is UNTRUSTED
    assert "was not valid on 2026-11-21" in judgement.reasons[0]
    assert judge(bundle, manifest_of(), keys).state is VERIFIED  # nobody says when: as it began


def test_a_stolen_certificate_without_its_key_is_worth_nothing(tmp_path: Path) -> None:
    ada, mallory, root = person(tmp_path), person(tmp_path, "mallory"), authority()
    leaf = root.issue("ada", ada.key.public_key())
    stolen = SigningKey(mallory.key, (leaf.public_bytes(Encoding.DER),))
    judgement = judge(sign(manifest_of(), "m", stolen), manifest_of(), [trusted(root.pem)])
    assert judgement.state is INVALID
    with pytest.raises(InvalidInput, match="for another key"):
        read_signing_key(mallory.private.read_bytes(), certificate=pem_of(leaf).encode())


# -- keys ----------------------------------------------------------------------------------------


def test_a_generated_pair_signs_and_is_trusted() -> None:
    private, public = generate_key_pair("secret")
    with pytest.raises(InvalidInput, match="pass its password"):
        read_signing_key(private)
    with pytest.raises(InvalidInput, match="can't be read"):
        read_signing_key(private, password="wrong")
    key = read_signing_key(private, password="secret")
    bundle = sign(manifest_of(), "fraud", key)
    assert judge(bundle, manifest_of(), [trusted(public.decode())]).state is VERIFIED


def test_private_keys_are_never_trusted(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="private key"):
        read_trusted(person(tmp_path).private.read_text())


@pytest.mark.parametrize("pem", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END"])
def test_what_is_no_key_is_refused(pem: str) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        read_trusted(pem)


def test_several_certificates_are_trusted_one_by_one() -> None:
    with pytest.raises(InvalidInput, match="There are 2 certificates"):
        read_trusted(authority().pem + authority("B").pem)


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    pem = [
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for key in (
            rsa.generate_private_key(65537, 2048),
            ec.generate_private_key(ec.SECP256K1()),
        )
    ]
    for one, why in zip(pem, ("not on an elliptic curve", "secp256k1"), strict=True):
        with pytest.raises(InvalidInput, match=why):
            read_signing_key(one)
