"""Signing, verifying and exporting from the command."""

from __future__ import annotations

import json
import stat
import uuid
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.client import servers
from tests.signing.people import authority, pem_of, person


@pytest.fixture(params=["folder", "server"])
def ref(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    muniment: Command,
    model_folder: Path,
) -> str:
    """A version, in a registry in a folder and in one behind a server."""
    if request.param == "server":
        started: servers.Server = request.getfixturevalue("server")
        monkeypatch.setenv("MUNIMENT_REGISTRY", started.url)
    model = f"model-{uuid.uuid4().hex[:8]}"
    muniment("push", model, model_folder, "--metric", "auc=0.97")
    return f"{model}/1"


@pytest.fixture
def key(muniment: Command) -> str:
    """The name of a new key, of which `key.pem` and `key.pub` are the halves."""
    muniment("keys", "generate", "key.pem")
    return f"key-{uuid.uuid4().hex[:8]}"


def test_a_version_is_signed_and_verified(ref: str, key: str, muniment: Command) -> None:
    assert "unsigned" in muniment("show", ref).out
    assert muniment("show", ref, "-o", "json").json["signed"] == "unsigned"
    assert "untrusted-key" in muniment("sign", ref, "--key", "key.pem").out
    muniment("keys", "trust", key, "key.pub")
    assert key in muniment("keys", "-q").lines
    assert f"verified by {key}" in muniment("show", ref).out
    (report,) = muniment("verify", ref, "-o", "json").json
    assert (report["signed"], report["keys"], report["problems"]) == ("verified", [key], [])
    assert "verified by key.pub" in muniment("verify", ref, "--key", "key.pub").out

    muniment("keys", "generate", "other.pem")
    refused = muniment("verify", ref, "--key", "other.pub", code=7)
    assert "none of the keys that were given" in refused.out.replace("\n", " ")

    listed = muniment("signatures", ref, "-o", "json").json
    signature = listed["items"][0]["id"]
    bundle = muniment("signatures", ref, "--get", signature).out
    assert json.loads(bundle)["mediaType"].startswith("application/vnd.dev.sigstore")
    muniment("signatures", ref, "--remove", signature)
    assert muniment("signatures", ref).out == "It is unsigned.\n"
    Path("model.sig").write_text(bundle)
    muniment("sign", ref, "--bundle", "model.sig")
    assert muniment("signatures", ref, "-q").lines[0].endswith(" verified")
    muniment("keys", "drop", key)
    assert "is not trusted" in muniment("signatures", ref).out


def test_a_certificate_signs_for_whom_it_is(ref: str, muniment: Command, tmp_path: Path) -> None:
    root, ada, name = authority(), person(tmp_path), f"ca-{uuid.uuid4().hex[:8]}"
    Path("ca.crt").write_text(root.pem)
    Path("ada.crt").write_text(pem_of(root.issue("ada", ada.key.public_key())))
    muniment("keys", "trust", name, "ca.crt")
    signing = ("sign", ref, "--key", ada.private, "--certificate", "ada.crt")
    assert f"verified by {name}" in muniment(*signing).out
    muniment("keys", "drop", name)


def test_a_folder_is_signed_and_verified_without_a_registry(
    key: str, muniment: Command, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", "http://127.0.0.1:1")
    bundle = model_folder / "model.sig"
    muniment("sign", model_folder, "--key", "key.pem", "--to", bundle)
    checked = ("verify", model_folder, "--signature", bundle, "--key", "key.pub")
    assert "2 files, verified by key.pub" in muniment(*checked).out.replace("\n", " ")
    (model_folder / "config.json").write_text("{}")
    assert "'config.json': other bytes were signed" in muniment(*checked, code=7).out
    muniment("verify", model_folder, "--signature", bundle, code=2)
    muniment("verify", "nowhere", "--signature", bundle, "--key", "key.pub", code=2)


def test_an_evidence_pack_is_proved_without_a_registry(
    ref: str, key: str, muniment: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    muniment("sign", ref, "--key", "key.pem")
    muniment("evidence", ref)
    pack = Path(f"{ref.replace('/', '-')}-evidence.zip")
    monkeypatch.setenv("MUNIMENT_REGISTRY", "http://127.0.0.1:1")
    report = muniment("verify", pack, "--key", "key.pub", "-o", "json").json
    assert (report["ok"], report["ref"], report["signatures"]) == (True, ref, "verified")
    assert "sound" in muniment("verify", pack).out
    changed = bytearray(pack.read_bytes())
    changed[changed.index(b"auc")] ^= 1
    pack.write_bytes(changed)
    assert "NOT SOUND" in muniment("verify", pack, code=7).out


def test_cards_and_bills_are_written_as_they_are(ref: str, muniment: Command) -> None:
    card = muniment("card", ref).out
    assert card.startswith("---\n")
    muniment("card", ref, "--to", "README.md")
    assert Path("README.md").read_text() == card
    bom = json.loads(muniment("sbom", ref).out)
    assert bom["bomFormat"] == "CycloneDX"
    muniment("sbom", ref, "--to", "bom.json")
    assert json.loads(Path("bom.json").read_text()) == bom


def test_a_stage_demands_a_signature(ref: str, key: str, muniment: Command) -> None:
    stage = f"Signed {uuid.uuid4().hex[:8]}"
    muniment("stages", "set", stage, "--order", "150")
    assert "a signature by a trusted key" in muniment("policy", "set", stage, "--signed").out
    blocked = muniment("promote", ref, stage, code=4)
    assert "muniment sign" in blocked.err
    muniment("sign", ref, "--key", "key.pem")
    muniment("keys", "trust", key, "key.pub")
    muniment("promote", ref, stage)


def test_a_private_key_is_for_its_owner_alone(muniment: Command) -> None:
    Path("secret").write_text("open sesame\n")
    muniment("keys", "generate", "key.pem", "--password-file", "secret")
    assert stat.S_IMODE(Path("key.pem").stat().st_mode) == 0o600
    assert "ENCRYPTED" in Path("key.pem").read_text()
    muniment("keys", "generate", "key.pem", code=4)
    Path("model.bin").write_text("m")
    muniment("push", "fraud", "model.bin")
    assert "pass its password" in muniment("sign", "fraud", "--key", "key.pem", code=2).err
    muniment("sign", "fraud", "--key", "key.pem", "--password-file", "secret")


def test_what_can_not_be_meant_is_refused(muniment: Command) -> None:
    for args in (
        ("sign", "fraud/1"),
        ("sign", "fraud/1", "--key", "k", "--bundle", "b"),
        ("sign", "fraud/1", "--bundle", "b", "--to", "t"),
        ("sign", "fraud/1", "--key", "nowhere.pem", "--to", "t"),
        ("signatures", "fraud/1", "--get", "1", "--remove", "1"),
        ("verify", "--key", "k"),
    ):
        muniment(*args, code=2)
