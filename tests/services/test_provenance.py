from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource

from muniment.domain.access import Grant, Principal, Role, Verb
from muniment.domain.caller import Caller
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.checks import Verdict
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.lineage import Node, NodeKind
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.signatures import MAX_BUNDLE_BYTES, SignatureState
from muniment.domain.stages import Policy, Stage
from muniment.errors import (
    Blocked,
    Conflict,
    DigestMismatch,
    InvalidInput,
    LimitExceeded,
    NotFound,
    NotReady,
    PermissionDenied,
)
from muniment.services import Auditor, Services
from muniment.signing.judging import sign
from muniment.signing.keys import read_signing_key
from muniment.signing.packs import write_pack
from muniment.signing.proofs import PackReport, prove
from tests.services.conftest import House
from tests.services.people import somebody
from tests.signing.people import YEAR, Person, authority, pem_of, person

VERIFIED, UNTRUSTED, INVALID, UNSIGNED = (
    SignatureState.VERIFIED,
    SignatureState.UNTRUSTED,
    SignatureState.INVALID,
    SignatureState.UNSIGNED,
)
README = "---\nlicense: mit\ntags:\n- mine\n---\n# Fraud\n\nWritten by *hand*.\n"


def pushed(house: House, **more: Any) -> Manifest:
    """A version of `fraud` with a few files."""
    texts = {
        "README.md": README,
        "requirements.txt": "xgboost==3.2.0\nnumpy>=2 # any\nscikit_learn[all] == 1.7\n",
        "muniment.json": '{"environment": {"packages": {"pandas": "3.0"}}}',
        "weights/model.bin": "weights",
    }
    stored = {path: house.store(text.encode()) for path, text in texts.items()}
    manifest = Manifest.of(FileEntry(p, one.digest, one.size) for p, one in stored.items())
    house.catalog.create_version("fraud", NewVersion(files=manifest, **more), create_model=True)
    return manifest


def signed_by(house: House, who: Person, number: int = 1) -> int:
    version = house.catalog.version("fraud", number)
    assert version.digest is not None
    manifest = house.ports.read_manifest(version.digest)
    filed = house.provenance.add_signature("fraud", number, sign(manifest, "fraud", who.signing))
    return filed.signature.id


def states(house: House, number: int = 1) -> list[SignatureState]:
    found = house.provenance.signatures("fraud", number)
    return [found.state, *(one.state for one in found.items)]


# -- signatures ----------------------------------------------------------------------------------


def test_a_version_is_unsigned_until_a_trusted_key_signs_it(house: House, tmp_path: Path) -> None:
    pushed(house)
    assert states(house) == [UNSIGNED]
    ada, bob = person(tmp_path), person(tmp_path, "bob")
    signed_by(house, ada)
    assert states(house) == [UNTRUSTED, UNTRUSTED]
    house.provenance.trust_key("bob", bob.pem)
    assert states(house) == [UNTRUSTED, UNTRUSTED]
    signed_by(house, bob)
    assert states(house) == [VERIFIED, UNTRUSTED, VERIFIED]
    house.provenance.trust_key("ada", ada.pem)
    assert house.provenance.signatures("fraud", 1).keys == ("ada", "bob")
    house.provenance.drop_key("bob")
    house.provenance.drop_key("ada")
    assert states(house) == [UNTRUSTED, UNTRUSTED, UNTRUSTED]


def test_a_signature_is_filed_once_and_told_in_the_history(house: House, tmp_path: Path) -> None:
    pushed(house)
    manifest, ada = house.artifacts.manifest("fraud", 1), person(tmp_path)
    bundle = sign(manifest, "fraud", ada.signing)
    first = house.provenance.add_signature("fraud", 1, bundle).signature
    assert house.provenance.add_signature("fraud", 1, bundle).signature == first
    assert house.provenance.bundle("fraud", 1, first.id) == bundle
    house.provenance.remove_signature("fraud", 1, first.id)
    assert states(house) == [UNSIGNED]

    added, removed = house.catalog.history("fraud", newest_first=False).items[-2:]
    assert (added.kind, removed.kind) == ("signature.added", "signature.removed")
    assert added.details == removed.details
    assert (added.details["sha256"], added.at) == (first.sha256, first.created_at)
    assert first.digest == manifest.digest == added.details["digest"]
    with pytest.raises(NotFound, match=f"no signature {first.id}"):
        house.provenance.remove_signature("fraud", 1, first.id)
    with pytest.raises(NotFound, match="no signature"):
        house.provenance.bundle("fraud", 1, first.id)


def test_a_signature_on_other_files_is_not_filed(house: House, tmp_path: Path) -> None:
    pushed(house)
    other = house.files(other=b"other")
    with pytest.raises(DigestMismatch, match="it was signed, and is not there") as refused:
        house.provenance.add_signature("fraud", 1, sign(other, "m", person(tmp_path).signing))
    assert len(refused.value.details["reasons"]) == 5  # type: ignore[arg-type]
    with pytest.raises(DigestMismatch, match="not JSON"):
        house.provenance.add_signature("fraud", 1, "x")
    with pytest.raises(LimitExceeded, match="The bundle has"):
        house.provenance.add_signature("fraud", 1, "x" * (MAX_BUNDLE_BYTES + 1))
    assert states(house) == [UNSIGNED]


def test_a_version_without_files_is_not_signed(house: House) -> None:
    house.catalog.create_version("fraud", NewVersion(source_uri="s3://x"), create_model=True)
    with pytest.raises(NotReady, match="no files"):
        house.provenance.add_signature("fraud", 1, "{}")
    assert states(house) == [UNSIGNED]


def test_signatures_of_other_versions_are_not_found(house: House, tmp_path: Path) -> None:
    pushed(house)
    pushed(house)
    signature = signed_by(house, person(tmp_path))
    for use in (house.provenance.bundle, house.provenance.remove_signature):
        with pytest.raises(NotFound):
            use("fraud", 2, signature)


def test_a_key_that_is_trusted_later_may_show_that_a_signature_is_broken(
    house: House, tmp_path: Path
) -> None:
    manifest, ada, mallory = pushed(house), person(tmp_path), person(tmp_path, "mallory")
    bundle = json.loads(sign(manifest, "fraud", mallory.signing))
    bundle["verificationMaterial"]["publicKey"]["hint"] = ada.trusted.id
    house.provenance.add_signature("fraud", 1, json.dumps(bundle))
    assert states(house) == [UNTRUSTED, UNTRUSTED]
    house.provenance.trust_key("ada", ada.pem)
    assert states(house) == [INVALID, INVALID]


def test_a_certificate_that_ends_later_stays_good(house: House, tmp_path: Path) -> None:
    manifest, ada, root = pushed(house), person(tmp_path), authority()
    leaf = root.issue("ada", ada.key.public_key(), until=house.clock() + YEAR)
    key = read_signing_key(ada.private.read_bytes(), certificate=pem_of(leaf).encode())
    house.provenance.trust_key("ca", root.pem)
    bundle = sign(manifest, "fraud", key)
    house.provenance.add_signature("fraud", 1, bundle)
    house.clock.forward(days=400)
    assert states(house) == [VERIFIED, VERIFIED]
    pushed(house)
    late = house.provenance.add_signature("fraud", 2, bundle)
    assert late.state is UNTRUSTED
    assert "was not valid on" in late.judgement.reasons[0]


# -- keys ----------------------------------------------------------------------------------------


def test_keys_keep_who_added_them_and_when(house: House, tmp_path: Path) -> None:
    auditor = Auditor(house.ports.accounts)  # type: ignore[arg-type]
    house = House(replace(house.ports, auditor=auditor), house.clock)
    ada = person(tmp_path)
    key = house.provenance.trust_key("release", ada.pem)
    assert (key.name, key.added_by, key.id) == ("release", "ada", ada.trusted.id)
    assert house.provenance.trust_key("release", ada.pem) == key  # again is fine
    with pytest.raises(Conflict, match="another key's, which ada added"):
        house.provenance.trust_key("release", person(tmp_path, "bob").pem)
    house.provenance.drop_key("release")
    with pytest.raises(NotFound, match="'release'"):
        house.provenance.drop_key("release")
    for name in ("", "a/b", "x" * 129):
        with pytest.raises(InvalidInput, match="name of a key"):
            house.provenance.trust_key(name, ada.pem)
    assert house.provenance.keys() == ()

    log = house.ports.accounts.audit(after=0, limit=10)  # type: ignore[union-attr]
    told = [(entry.kind, entry.actor, entry.details["key"]) for entry in log]
    assert told == [("key.trusted", "ada", "release"), ("key.dropped", "ada", "release")]


def test_whose_signatures_count_is_not_for_contributors(house: House, tmp_path: Path) -> None:
    pushed(house)
    ada, helper = person(tmp_path), somebody(house, "helper", Role.CONTRIBUTOR)
    with pytest.raises(PermissionDenied):
        helper.provenance.trust_key("mine", ada.pem)
    with pytest.raises(PermissionDenied):
        helper.provenance.drop_key("mine")
    viewer = somebody(house, "viewer", Role.VIEWER)
    assert viewer.provenance.signatures("fraud", 1).state is UNSIGNED
    bundle = sign(house.artifacts.manifest("fraud", 1), "fraud", ada.signing)
    with pytest.raises(PermissionDenied):
        viewer.provenance.add_signature("fraud", 1, bundle)
    assert helper.provenance.add_signature("fraud", 1, bundle).state is UNTRUSTED


# -- policies ------------------------------------------------------------------------------------


def test_a_stage_may_demand_a_signature(house: House, tmp_path: Path) -> None:
    pushed(house)
    house.lifecycle.define_stage(Stage("Production", 200, policies=(Policy(signed=True),)))
    with pytest.raises(Blocked, match="a trusted key has signed the version") as refused:
        house.lifecycle.move_to_stage("fraud", 1, "Production")
    assert refused.value.details["rules"] == ["signed"]
    ada = person(tmp_path)
    signed_by(house, ada)
    (_, demand) = house.lifecycle.requirements("fraud", 1, "Production")
    assert (demand.met, demand.evidence.partition(":")[0]) == (False, "untrusted-key")
    house.provenance.trust_key("release", ada.pem)
    (_, demand) = house.lifecycle.requirements("fraud", 1, "Production")
    assert (demand.met, demand.evidence) == (True, "signed by release")
    assert house.lifecycle.move_to_stage("fraud", 1, "Production").stage == "Production"


# -- exports -------------------------------------------------------------------------------------


def documented(house: House, tmp_path: Path) -> Manifest:
    """A version with everything that is filed beside one, signed and approved."""
    schema = Signature(
        (Variable("amount|€", VariableType.NUMERIC, "float64", (-1, 3)),),
        (Variable("fraud", VariableType.TEXT, optional=True),),
    )
    manifest = pushed(
        house,
        description="Card payments | that <b>will</b> be disputed.",
        metrics={"auc": 0.97, "loss": 5e-324},
        params={"depth": 6},
        tags={"license": "Apache-2.0", "owner": "risk", "task": "tabular-classification"},
        framework="xgboost",
        signature=schema,
        run_id="r1",
        source_uri="s3://bucket/a b",
        label="1.4.0",
    )
    house.lineage.link("fraud", 1, Node(NodeKind.DATASET, "1f8a", "bookings", "s3://lake/x y"))
    house.catalog.create_version("base", NewVersion(files=manifest), create_model=True)
    house.lineage.link("fraud", 1, Node(NodeKind.VERSION, "base/1"), "fine_tuned_from")
    gone = house.lineage.link("fraud", 1, Node(NodeKind.COMMIT, "abc@def"))
    house.lineage.unlink(gone.id)
    house.lifecycle.define_stage(
        Stage("Production", 200, policies=(Policy(approvals=1, signed=True),))
    )
    ada, bob = person(tmp_path), person(tmp_path, "bob")
    house.provenance.trust_key("release", ada.pem)
    signed_by(house, bob)
    signed_by(house, ada)
    house.provenance.remove_signature("fraud", 1, signed_by(house, person(tmp_path, "eve")))
    house.checks.report("fraud", 1, "bias", Verdict.FAIL, findings=("worse for women",))
    house.checks.report("fraud", 1, "bias", Verdict.PASS)
    asked = house.lifecycle.request_transition("fraud", 1, "Production", comment="ours")
    somebody(house, "grace", Role.APPROVER).lifecycle.approve(asked.id, comment="good")
    pushed(house)
    house.lifecycle.request_transition("fraud", 2, "Staging")
    return manifest


def test_a_card_that_came_with_the_files_is_taken_over_and_completed(
    house: House, tmp_path: Path
) -> None:
    documented(house, tmp_path)
    card = house.provenance.card("fraud", 1)
    front, _, body = card.removeprefix("---\n").partition("\n---\n")
    assert front.startswith("license: mit\ntags:\n- mine\n")  # as its author wrote it
    assert 'license: "apache' not in front
    fields = {line.partition(": ")[0]: line.partition(": ")[2] for line in front.splitlines()}
    assert json.loads(fields["library_name"]) == "xgboost"
    assert json.loads(fields["pipeline_tag"]) == "tabular-classification"
    assert json.loads(fields["datasets"]) == ["bookings"]
    assert json.loads(fields["base_model"]) == ["base/1"]
    (entry,) = json.loads(fields["model-index"])
    assert entry["name"] == "fraud"
    (result,) = entry["results"]
    assert result["task"] == {"type": "tabular-classification"}
    assert result["dataset"] == {"name": "bookings", "type": "bookings"}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values == {"auc": 0.97, "loss": 5e-324}
    assert body.lstrip().startswith("# Fraud\n\nWritten by *hand*.\n")
    for line in (
        "| Version | fraud/1 (1.4.0) |",
        "| Signature | verified (release) |",
        "| auc | 0.97 |",
        "| depth | 6 |",
        "| amount\\|€ | float64 | -1x3 |  |",
        "| bias | pass |",
    ):
        assert line in body.splitlines()


def test_a_version_without_a_card_gets_one(house: House) -> None:
    description = "It <script>says</script> | so."
    files = house.files(model=b"m")
    new = NewVersion(files=files, tags={"license": "MIT", "a": "b\u2028c"}, metrics={"auc": 1.0})
    house.catalog.create_version("plain", new, create_model=True)
    house.catalog.update_model("plain", ModelChanges(description=description))
    card = house.provenance.card("plain", 1)
    assert card.startswith('---\nlicense: "mit"\ntags: ["muniment", ')
    assert "# plain\n\nIt \\<script\\>says\\</script\\> \\| so.\n" in card
    assert "\u2028" not in card.partition("\n---\n")[0]
    assert house.provenance.card("plain", 1) == card


def bom_validator() -> Draft7Validator:
    """The official schema of CycloneDX 1.6."""
    folder = files("cyclonedx.schema") / "_res"
    schemas = {
        name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8"))
        for name in ("bom-1.6", "spdx", "jsf-0.82")
    }
    registry: Registry[Any] = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", Resource.from_contents(schema))
        for name, schema in schemas.items()
    )
    schema = schemas["bom-1.6"]
    return validator_for(schema)(schema, registry=registry)  # type: ignore[no-any-return]


def test_a_bill_of_materials_keeps_to_the_schema(house: House, tmp_path: Path) -> None:
    documented(house, tmp_path)
    house.catalog.create_version("empty", NewVersion(source_uri="x:y z"), create_model=True)
    house.catalog.update_version("empty", 1, VersionChanges(tags={"license": "our own"}))
    validator = bom_validator()
    for name, number in (("fraud", 1), ("fraud", 2), ("empty", 1), ("base", 1)):
        bom = json.loads(house.provenance.bom(name, number))
        assert [error.message for error in validator.iter_errors(bom)] == []
    assert list(validator.iter_errors({**bom, "components": [{}]}))  # it can fail


def test_a_bill_of_materials_names_model_files_data_packages_and_ancestors(
    house: House, tmp_path: Path
) -> None:
    manifest = documented(house, tmp_path)
    content = house.provenance.bom("fraud", 1)
    assert house.provenance.bom("fraud", 1) == content
    bom = json.loads(content)
    model = bom["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == (
        "machine-learning-model",
        "fraud",
        "1.4.0",
    )
    assert model["hashes"] == [{"alg": "SHA-256", "content": manifest.digest}]
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert model["pedigree"]["ancestors"][0]["name"] == "base/1"
    card = model["modelCard"]
    assert card["modelParameters"]["datasets"] == [{"ref": "dataset:1f8a"}]
    assert card["quantitativeAnalysis"]["performanceMetrics"][0] == {
        "type": "auc",
        "value": "0.97",
    }
    kinds: dict[str, list[str]] = {}
    for component in bom["components"]:
        kinds.setdefault(component["type"], []).append(component["name"])
    assert kinds["file"] == [file.path for file in manifest.files]
    assert kinds["data"] == ["bookings"]
    assert kinds["library"] == ["pandas", "scikit_learn", "xgboost"]
    refs = [component["bom-ref"] for component in bom["components"]]
    assert bom["dependencies"] == [{"ref": "fraud/1", "dependsOn": refs}]


def test_who_may_not_download_reads_nothing_out_of_files(house: House, tmp_path: Path) -> None:
    documented(house, tmp_path)
    grant = Grant(verbs=frozenset({Verb.READ}))
    looker = Services(house.ports, Caller("looker", principal=Principal("looker", (grant,))))
    assert "Written by *hand*" not in looker.provenance.card("fraud", 1)
    assert b"pandas" not in looker.provenance.bom("fraud", 1)


# -- evidence ------------------------------------------------------------------------------------


def packed(house: House, number: int = 1) -> bytes:
    return b"".join(house.provenance.evidence("fraud", number))


def proved(content: bytes, *people: Person) -> PackReport:
    return prove(io.BytesIO(content), [one.trusted for one in people])


def test_an_evidence_pack_proves_itself(house: House, tmp_path: Path) -> None:
    manifest = documented(house, tmp_path)
    content = packed(house)
    assert packed(house) == content  # the same facts, the same bytes

    report = proved(content)
    assert report.problems == ()
    model = house.catalog.model("fraud")
    assert (report.ref, report.digest) == ("fraud/1", manifest.digest)
    assert (report.activities, report.head) == (model.activity_count, model.activity_head)
    assert (report.signatures, report.keys) == (VERIFIED, ("release",))
    for number in (1, 2):
        assert proved(packed(house, number)).problems == ()


def test_an_evidence_pack_is_proved_by_the_keys_of_whoever_asks(
    house: House, tmp_path: Path
) -> None:
    documented(house, tmp_path)
    ada, bob, eve = (Person(tmp_path, name, None) for name in ("ada", "bob", "eve"))  # type: ignore[arg-type]
    assert proved(packed(house), ada).keys == ("ada",)
    assert proved(packed(house), bob).problems == ()
    report = proved(packed(house), eve)
    assert report.problems == ("none of the keys that were given has signed the version",)


def test_a_version_that_only_points_elsewhere_has_evidence_too(house: House) -> None:
    house.catalog.create_version("fraud", NewVersion(source_uri="s3://x"), create_model=True)
    report = proved(packed(house))
    assert (report.problems, report.digest, report.signatures) == ((), None, UNSIGNED)


def test_every_changed_byte_is_found_and_named(house: House, tmp_path: Path) -> None:
    documented(house, tmp_path)
    content = packed(house)
    places = {
        info.filename: info.header_offset + 30 + len(info.filename)
        for info in zipfile.ZipFile(io.BytesIO(content)).infolist()
    }
    sizes = {i.filename: i.file_size for i in zipfile.ZipFile(io.BytesIO(content)).infolist()}
    for name, start in places.items():
        for at in (start, start + sizes[name] // 2, start + sizes[name] - 1):
            changed = bytearray(content)
            changed[at] ^= 1
            try:
                report = proved(bytes(changed))
            except InvalidInput as refused:
                assert name == "index.json", (name, refused)
                continue
            assert any(name in problem for problem in report.problems), (name, report.problems)


@pytest.mark.embedded
def test_a_byte_that_is_changed_in_the_zip_itself_is_found(house: House, tmp_path: Path) -> None:
    pushed(house)
    content = packed(house)
    body = sum(info.file_size for info in zipfile.ZipFile(io.BytesIO(content)).infolist())
    step = max((len(content) - body) // 60, 1) | 1
    for at in range(0, len(content), step):
        changed = bytearray(content)
        changed[at] ^= 0x20
        try:
            assert proved(bytes(changed)).problems, at
        except InvalidInput:
            continue
    for longer in (content + b"x", b"x" + content):
        try:
            assert proved(longer).problems
        except InvalidInput:
            continue


def repacked(content: bytes, edit: Callable[[dict[str, bytes]], None]) -> bytes:
    """Make a pack of other contents, with an index that fits."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    members = {name: archive.read(name) for name in archive.namelist()}
    index = json.loads(members.pop("index.json"))
    about = {key: value for key, value in index.items() if key not in ("files", "schema")}
    edit(members)
    with write_pack({name: [data] for name, data in members.items()}, about) as pack:
        return pack.read()


def _replaced(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def edit(members: dict[str, bytes]) -> None:
        assert old in members[name]
        members[name] = members[name].replace(old, new)

    return edit


LIES: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "a check": (_replaced("checks.json", b'"fail"', b'"pass"'), "checks: the history"),
    "an approval": (_replaced("requests.json", b'"by":"grace"', b'"by":"heidi"'), "approvals: "),
    "a request": (_replaced("requests.json", b'by":"ada"', b'by":"eve"'), "requests: the history"),
    "an origin": (_replaced("lineage.json", b"1f8a", b"1f8b"), "lineage.json: the history knows"),
    "a stage": (_replaced("version.json", b'"Production"', b'"Staging"'), "its stage is Staging"),
    "an entry": (_replaced("activities.jsonl", b'"pass"', b'"fail"'), "was changed"),
    "the files": (_replaced("manifest.json", b"model.bin", b"modem.bin"), "manifest.json: its di"),
    "a state": (
        _replaced("signatures.json", b'"untrusted-key"', b'"verified"'),
        "signatures/1.sigstore.json: it is untrusted-key",
    ),
    "who signed": (_replaced("signatures.json", b'by":"ada"', b'by":"eve"'), "signatures: the hi"),
    "a bundle": (
        _replaced("signatures/2.sigstore.json", b'"keyid":""', b'"keyid":"x"'),
        "signatures: the history",
    ),
    "no keys": (lambda m: m.update({"keys.json": b'{"keys":[]}'}), "signatures/2.sigstore.json"),
    "no checks": (lambda m: m.update({"checks.json": b'{"items":[]}'}), "which is missing"),
    "no card": (lambda m: m.pop("checks.json") and None, "checks.json: it is missing"),
    "nonsense": (lambda m: m.update({"checks.json": b"[]"}), "checks.json"),
    "no history": (lambda m: m.update({"activities.jsonl": b""}), "entries were recorded, 0 are"),
    "another model": (_replaced("model.json", b'"uuid":"', b'"uuid":"x'), "another"),
}


@pytest.mark.embedded
@pytest.mark.parametrize(("edit", "said"), LIES.values(), ids=LIES.keys())
def test_a_pack_that_was_made_anew_with_a_lie_in_it_contradicts_itself(
    house: House, tmp_path: Path, edit: Callable[[dict[str, bytes]], None], said: str
) -> None:
    documented(house, tmp_path)
    problems = proved(repacked(packed(house), edit)).problems
    assert any(said in problem for problem in problems), problems


def test_what_is_no_pack_is_refused() -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x", "y")
    compressed = io.BytesIO()
    with zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.json", "{}" * 100)
    for content in (b"", b"PK", other.getvalue(), compressed.getvalue()):
        with pytest.raises(InvalidInput, match="no evidence pack"):
            proved(content)
