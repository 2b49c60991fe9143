"""Signatures on versions: filed beside them, judged by the keys that are trusted now.

No byte of a model is read: a bundle is compared with the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.signatures import (
    MAX_BUNDLE_BYTES,
    MAX_SIGNATURES,
    JudgedSignature,
    Judgement,
    Signatures,
    SignatureState,
    TrustedKey,
    VersionSignature,
    check_size,
)
from muniment.domain.values import JsonObject
from muniment.errors import DigestMismatch, LimitExceeded, NotFound, NotReady
from muniment.services.base import Ports, live_version, no_version
from muniment.services.provenance.keys import Keys, trusted_keys
from muniment.services.records import record_in
from muniment.signing.judging import judge
from muniment.storage.metadata import Transaction


class VersionSignatures(Keys):
    """Signatures, for one caller."""

    def signatures(self, model: str, number: int) -> Signatures:
        """Return the signatures of a version, the oldest first, as they are judged now."""
        parent, version = self._readable_version(model, number)
        return self._judged(parent, version)

    def bundle(self, model: str, number: int, signature: int) -> str:
        """Return the bundle of a signature, as it came. Raises NotFound."""
        self._readable_version(model, number)
        found = self._filed(RecordKind.SIGNATURE, signature)
        if found is None or found[1].name != model or found[0].version != number:
            raise _no_signature(signature)
        return VersionSignature.from_record(found[0], model).bundle

    def add_signature(self, model: str, number: int, bundle: str) -> JudgedSignature:
        """File a signature with a version; one that is there already is fine.

        Who made it need not be trusted (yet).

        Raises:
            NotReady: the version has no files.
            DigestMismatch: the signature is about other files, or broken; `details["reasons"]`.
            LimitExceeded: it is too large, or there are too many.
        """
        check_size(bundle, MAX_BUNDLE_BYTES, "The bundle")
        keys = trusted_keys(self._store, self._caller.workspace)

        def decide(tx: Transaction) -> JudgedSignature:
            parent = self._model(tx, model, Verb.UPDATE_VERSION)
            version = live_version(tx, parent, number)
            if version.digest is None:
                raise NotReady(
                    f"{version.ref} has no files that could be signed.",
                    hint="Only versions with content are signed.",
                )
            now = self._now(parent)
            signature = VersionSignature(
                model=parent.name,
                version=number,
                digest=version.digest,
                bundle=bundle,
                created_at=now,
                created_by=self._caller.actor,
                model_id=parent.id,
            )
            judged = judged_signature(self._ports, signature, keys)
            if judged.state is SignatureState.INVALID:
                raise _invalid(version, judged.judgement)
            here = tx.records(RecordKind.SIGNATURE, version=number)
            for record in here:
                if signature.to_record().keys == record.keys:
                    present = VersionSignature.from_record(record, parent.name)
                    return JudgedSignature(present, judged.judgement)
            if len(here) >= MAX_SIGNATURES:
                raise LimitExceeded(
                    f"{version.ref} has {len(here)} signatures already.",
                    hint="Remove those that nobody needs.",
                    details={"limit": MAX_SIGNATURES},
                )
            filed = replace(signature, id=tx.add_record(signature.to_record()).id)
            self._note(tx, ActivityKind.SIGNATURE_ADDED, filed, now)
            return replace(judged, signature=filed)

        return self._store.transact(self._key(model), decide)

    def remove_signature(self, model: str, number: int, signature: int) -> None:
        """Take a signature away; that it was there stays in the history. Raises NotFound."""

        def decide(tx: Transaction) -> None:
            parent = self._model(tx, model, Verb.UPDATE_VERSION)
            live_version(tx, parent, number)
            record = record_in(tx, RecordKind.SIGNATURE, signature)
            if record is None or record.version != number:
                raise _no_signature(signature)
            tx.drop_record(record.id)
            gone = VersionSignature.from_record(record, parent.name)
            self._note(tx, ActivityKind.SIGNATURE_REMOVED, gone, self._now(parent))

        self._store.transact(self._key(model), decide)

    # --------------------------------------------------------------------------------------------

    def _readable_version(self, model: str, number: int) -> tuple[RegisteredModel, ModelVersion]:
        parent = self._readable(model)
        version = self._store.version(self._caller.workspace, model, number)
        if version is None or version.deleted_at is not None:
            raise no_version(model, number, deleted=version is not None)
        return parent, version

    def _judged(self, parent: RegisteredModel, version: ModelVersion) -> Signatures:
        query = RecordQuery(
            self._caller.workspace,
            RecordKind.SIGNATURE,
            model_id=parent.id,
            version=version.version,
            limit=MAX_SIGNATURES,
        )
        return judged_signatures(self._ports, version, self._store.find_records(query))

    def _note(
        self,
        tx: Transaction,
        kind: ActivityKind,
        signature: VersionSignature,
        at: datetime,
    ) -> None:
        details: JsonObject = {
            "signature": signature.id,
            "sha256": signature.sha256,
            "digest": signature.digest,
        }
        tx.record(self._entry(kind, at, version=signature.version, details=details))


def judged_signatures(ports: Ports, version: ModelVersion, records: Iterable[Record]) -> Signatures:
    """Return signatures of a version, judged by the keys that its workspace trusts now."""
    found = [VersionSignature.from_record(record, version.model) for record in records]
    if not found:
        return Signatures.of(())
    keys = trusted_keys(ports.metadata, version.workspace)
    judged = (judged_signature(ports, one, keys) for one in found)
    return Signatures.of([_bound(one, version) for one in judged])


def judged_signature(
    ports: Ports, signature: VersionSignature, keys: Sequence[TrustedKey]
) -> JudgedSignature:
    """Judge one signature. Its certificates must have been valid when it was filed."""
    manifest = ports.read_manifest(signature.digest)
    judgement = judge(signature.bundle, manifest, keys, at=signature.created_at)
    return JudgedSignature(signature, judgement)


def _bound(judged: JudgedSignature, version: ModelVersion) -> JudgedSignature:
    """Return a signature as it is for `version`: about its content, and no other."""
    if judged.signature.digest == version.digest:
        return judged
    reasons = (f"it is about {judged.signature.digest}, the version is {version.digest}",)
    return replace(judged, judgement=Judgement(SignatureState.INVALID, reasons=reasons))


def _invalid(version: ModelVersion, judgement: Judgement) -> DigestMismatch:
    reasons = list(judgement.reasons)
    return DigestMismatch(
        f"That is no signature on {version.ref}: {reasons[0]}"
        + (f" (and {len(reasons) - 1} more)." if len(reasons) > 1 else "."),
        hint="Sign the files as they are in the version: `muniment sign` does.",
        details={"reasons": reasons},
    )


def _no_signature(signature: int) -> NotFound:
    return NotFound(
        f"The version has no signature {signature}.", hint="`muniment signatures` lists them."
    )
