"""Signatures, trusted keys and exports over HTTP."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import pytest

from muniment.domain.manifest import Manifest
from muniment.domain.signatures import MAX_BUNDLE_BYTES
from muniment.signing.judging import sign
from muniment.signing.proofs import prove
from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import made
from tests.signing.people import Person, person


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    return person(tmp_path)


def bundle_for(api: httpx.Client, version: str, who: Person) -> str:
    manifest = Manifest.from_json(api.get(f"{version}/manifest").json())
    return sign(manifest, "fraud", who.signing)


def test_a_version_is_signed_and_judged_by_the_keys_that_are_trusted(
    api: httpx.Client, version: str, ada: Person
) -> None:
    address = f"{version}/signatures"
    assert made(api.get(address)) == {"state": "unsigned", "items": []}
    bundle = bundle_for(api, version, ada)
    filed = made(api.post(address, json={"bundle": bundle}), 201)
    assert (filed["state"], filed["key"]) == ("untrusted-key", "")

    key = made(api.put("/keys/release", json={"pem": ada.pem}))
    assert (key["kind"], key["pem"]) == ("public-key", ada.pem)
    assert [one["name"] for one in made(api.get("/keys"))["items"]] == ["release"]
    listed = made(api.get(address))
    assert (listed["state"], listed["items"][0]["key"]) == ("verified", "release")

    one = f"{address}/{filed['id']}"
    answer = api.get(one)
    assert answer.text == bundle
    assert answer.headers["content-type"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert api.delete(one).status_code == 204
    refusal(api.delete(one), 404, "not_found")
    assert api.delete("/keys/release").status_code == 204
    refusal(api.delete("/keys/release"), 404, "not_found")


def test_what_is_no_signature_on_the_version_is_refused(
    api: httpx.Client, version: str, ada: Person
) -> None:
    address = f"{version}/signatures"
    problem = refusal(api.post(address, json={"bundle": "{}"}), 422, "digest_mismatch")
    assert problem["details"]["reasons"]
    bundle = json.loads(bundle_for(api, version, ada))
    bundle["dsseEnvelope"]["payload"] = "e30="
    refusal(api.post(address, json={"bundle": json.dumps(bundle)}), 422, "digest_mismatch")
    refusal(api.post(address, json={"bundle": 5}), 400, "invalid_input")
    refusal(api.post(f"{version}9/signatures", json={"bundle": "{}"}), 404, "not_found")
    large = " " * (MAX_BUNDLE_BYTES + 1)
    refusal(api.post(address, json={"bundle": large}), 413, "limit_exceeded")


def test_what_is_no_public_key_is_not_trusted(api: httpx.Client, ada: Person) -> None:
    problem = refusal(
        api.put("/keys/x", json={"pem": ada.private.read_text()}), 400, "invalid_input"
    )
    assert "private key" in problem["detail"]
    refusal(api.put("/keys/a%2Fb", json={"pem": ada.pem}), 400, "invalid_input")


def test_exports_are_downloads_that_a_browser_saves(api: httpx.Client, version: str) -> None:
    for export, media_type, name in (
        ("card", "text/markdown; charset=utf-8", "README.md"),
        ("bom", "application/vnd.cyclonedx+json", ".cdx.json"),
        ("evidence", "application/zip", "-evidence.zip"),
    ):
        answer = api.get(f"{version}/{export}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert name in answer.headers["content-disposition"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        refusal(api.get(f"{version}9/{export}"), 404, "not_found")
    assert prove(io.BytesIO(answer.content)).problems == ()
