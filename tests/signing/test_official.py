"""The official tool of the OpenSSF accepts what we sign, and we accept what it signs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from muniment.client.provenance import manifest_of_folder
from muniment.domain.signatures import SignatureState
from muniment.signing.judging import judge, sign
from muniment.signing.keys import read_signing_key
from tests.signing.people import (
    authority,
    model_folder,
    model_signing,
    pem_of,
    person,
    trusted,
)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_what_we_sign_by_a_key_is_verified_by_the_official_tool(
    tmp_path: Path, curve: ec.EllipticCurve
) -> None:
    model, ada = model_folder(tmp_path), person(tmp_path, curve=curve)
    bundle = tmp_path / "model.sig"
    bundle.write_text(sign(manifest_of_folder(model), "fraud", ada.signing))

    done = model_signing("verify", "key", model, "--signature", bundle, "--public_key", ada.public)
    assert done.returncode == 0, done.stderr + done.stdout

    (model / "model.bin").write_text("other bytes")
    done = model_signing("verify", "key", model, "--signature", bundle, "--public_key", ada.public)
    assert done.returncode != 0


def test_what_the_official_tool_signs_by_a_key_is_verified_by_us(tmp_path: Path) -> None:
    model, ada = model_folder(tmp_path), person(tmp_path)
    bundle = model / "model.sig"  # where people leave it: among the files
    done = model_signing("sign", "key", model, "--private_key", ada.private, "--signature", bundle)
    assert done.returncode == 0, done.stderr

    content = bundle.read_text()
    for manifest in (manifest_of_folder(model), manifest_of_folder(model, but=bundle)):
        judgement = judge(content, manifest, [ada.trusted])
        assert (judgement.state, judgement.key) == (SignatureState.VERIFIED, "ada")
    (model / "more.bin").write_text("more")
    judgement = judge(content, manifest_of_folder(model), [ada.trusted])
    assert judgement.reasons == ("'more.bin': it is there, and was not signed",)


def test_certificates_are_understood_both_ways(tmp_path: Path) -> None:
    model, ada = model_folder(tmp_path), person(tmp_path)
    root = authority()
    between = authority("Between", under=root)
    leaf = between.issue("ada", ada.key.public_key())
    files = {"leaf": pem_of(leaf), "chain": pem_of(between.certificate), "root": root.pem}
    for name, pem in files.items():
        (tmp_path / f"{name}.crt").write_text(pem)
    key = read_signing_key(
        ada.private.read_bytes(), certificate=files["leaf"].encode(), chain=files["chain"].encode()
    )
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"

    ours.write_text(sign(manifest_of_folder(model), "fraud", key))
    done = model_signing(
        "verify", "certificate", model, "--signature", ours,
        "--certificate_chain", tmp_path / "root.crt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout

    done = model_signing(
        "sign", "certificate", model, "--signature", theirs, "--private_key", ada.private,
        "--signing_certificate", tmp_path / "leaf.crt",
        "--certificate_chain", tmp_path / "chain.crt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    judgement = judge(theirs.read_text(), manifest_of_folder(model), [trusted(root.pem, "ca")])
    assert (judgement.state, judgement.key) == (SignatureState.VERIFIED, "ca"), judgement
