"""Evidence packs: everything that a registry knows of a version, as `signing.packs` draws it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from muniment.domain.activities import Activity
from muniment.domain.signatures import TrustedKey, keys_document
from muniment.domain.values import JsonObject, canonical_json
from muniment.services.provenance.boms import bom_of
from muniment.services.provenance.cards import card_of
from muniment.services.provenance.facts import Facts
from muniment.signing import packs


def pack_of(facts: Facts, keys: Sequence[TrustedKey], history: Iterable[Activity]) -> IO[bytes]:
    """Return the pack of a version, at its beginning; closing it removes it.

    `history` is the model's whole, as long as `facts.model` says that it is.
    """
    model, version, manifest = facts.model, facts.version, facts.manifest
    members: dict[str, Iterable[bytes]] = {
        packs.MODEL: [canonical_json(model.to_json())],
        packs.VERSION: [canonical_json(version.to_json())],
        packs.SIGNATURES: [canonical_json(facts.signatures.to_json())],
        packs.KEYS: [canonical_json(keys_document(keys))],
        packs.CHECKS: [_items(check.to_json() for check in facts.checks)],
        packs.REQUESTS: [_items(request.to_json() for request in facts.requests)],
        packs.LINEAGE: [_items(edge.to_json() for edge in facts.lineage)],
        packs.ACTIVITIES: _lines(history),
        packs.CARD: [card_of(facts).encode()],
        packs.BOM: [bom_of(facts)],
    }
    if manifest is not None:
        members[packs.MANIFEST] = [manifest.content]
    for number, one in enumerate(facts.signatures.items, 1):
        members[packs.bundle_path(number)] = [one.signature.bundle.encode()]
    about: JsonObject = {
        "workspace": version.workspace,
        "model": version.model,
        "model_uuid": model.uuid,
        "version": version.version,
        "digest": version.digest,
    }
    head: JsonObject = {"count": model.activity_count, "head": model.activity_head}
    return packs.write_pack(members, {"about": about, "history": head})


def _items(documents: Iterable[JsonObject]) -> bytes:
    return canonical_json({"items": [*documents]})


def _lines(history: Iterable[Activity]) -> Iterator[bytes]:
    for activity in history:
        yield canonical_json(activity.to_json()) + b"\n"
