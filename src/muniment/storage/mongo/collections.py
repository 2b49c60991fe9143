"""What is kept where. A document whose `_id` is a text made of ids can be found by it alone.

    collection   _id                          what
    ----------   --------------------------   ----------------------------------------------------
    meta         "schema"                     the version of this layout
    counters     "model", "version", …        the last id that was given out
    workspaces   name
    names        workspace/name/x             which model has (or is about to take) a name
                 workspace/slug/x             … a slug
    commits      model id/sequence            all writes of one change of a model: see `commits`
    documents    workspace/name
    models       model id                     with its references; `seq` is the last commit in it
    versions     model id/number              `seq` is the last commit that changed it
    records      id                           likewise
    activities   model id/sequence
    remembered   model id/key                 idempotency keys
    stages       workspace/key
    uses         model id/number/kind/who     counted; see `uses`
    use_batches  number
    blobs        digest                       see `blobs`
    manifests    digest
    files        workspace/path
    uploads      id

Times are integer milliseconds. Tags, params and metrics stand twice: as JSON, which keeps every
bit, and as `terms`, which an index serves (see `terms`). A version or record that was removed
for good leaves a stone behind, `{_id, seq, gone}`, on which a late writer stumbles.

For webhooks, a model also has `behind` (true whenever something was recorded) and `dispatched`,
which commits leave alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from pymongo import ASCENDING, DESCENDING, IndexModel, errors

from muniment.domain.values import Json, canonical_json, sha256_hex
from muniment.errors import ConfigurationError
from muniment.storage.mongo.connection import Connection
from muniment.storage.mongo.layouts import LAYOUT, bring_forward


def _index(*fields: str) -> IndexModel:
    """Return an index; a field with a minus before it is in descending order."""
    return IndexModel([(f.lstrip("-"), DESCENDING if f[0] == "-" else ASCENDING) for f in fields])


INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    "commits": [_index("pending")],
    "models": [
        _index("id"),
        _index("uuid"),
        _index("workspace", "live", "id"),
        _index("workspace", "live", "name", "id"),
        _index("workspace", "live", "slug", "id"),
        _index("workspace", "live", "created_at", "id"),
        _index("workspace", "live", "updated_at", "id"),
        _index("workspace", "live", "created_by", "id"),
        _index("workspace", "terms"),
        _index("workspace", "refs.name"),
        _index("deleted_at", "id"),
        _index("behind", "id"),
    ],
    "versions": [
        _index("workspace", "live", "id"),
        _index("workspace", "live", "-id"),
        _index("workspace", "live", "created_at", "id"),
        _index("workspace", "live", "updated_at", "id"),
        _index("workspace", "live", "stage_key", "updated_at", "id"),
        _index("workspace", "live", "stage_key", "stage_since", "id"),
        _index("workspace", "live", "stage_key", "id"),
        _index("workspace", "live", "status", "updated_at", "id"),
        _index("workspace", "live", "status", "id"),
        _index("workspace", "live", "framework", "id"),
        _index("workspace", "live", "checks", "id"),
        _index("workspace", "terms"),
        _index("model_id", "number"),
        _index("model_id", "live", "number"),
        _index("model_id", "live", "id"),
        _index("model_id", "live", "created_at", "id"),
        _index("model_id", "live", "updated_at", "id"),
        _index("model_id", "live", "stage_key", "number"),
        _index("label", "model_id"),
        _index("uuid"),
        _index("run_id"),
        _index("digest"),
        _index("deleted_at", "id"),
    ],
    "records": [
        _index("workspace", "kind", "id"),
        _index("workspace", "kind", "state", "id"),
        _index("workspace", "kind", "keys", "id"),
        _index("model_id", "kind", "id"),
        _index("model_id", "kind", "state", "id"),
        _index("model_id", "kind", "keys", "id"),
        _index("model_id", "number"),
    ],
    "activities": [
        _index("model_id", "sequence"),
        _index("model_id", "kind", "sequence"),
        _index("model_id", "version", "sequence"),
        _index("workspace", "at", "model_id", "sequence"),
        _index("workspace", "kind", "at", "model_id", "sequence"),
        _index("workspace", "actor", "at", "model_id", "sequence"),
    ],
    "remembered": [_index("model_id", "key")],
    "stages": [_index("workspace")],
    "documents": [_index("workspace", "name")],
    "uses": [
        _index("workspace", "-last_at", "model_id", "number", "consumer", "kind"),
        _index("workspace", "consumer", "-last_at"),
        _index("model_id", "number"),
    ],
    "blobs": [_index("leased_at", "_id")],
    "manifests": [_index("blobs")],
    "files": [_index("workspace", "path"), _index("digest"), _index("next.digest")],
    "uploads": [_index("workspace", "created_by", "digest"), _index("created_at")],
}


def prepare(connection: Connection, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
    """Bring a database to today's layout. Raises ConfigurationError if it has a newer one."""
    with connection.guarded():
        found = connection["meta"].find_one({"_id": "schema"})
    if found is not None and found["layout"] > LAYOUT:
        raise ConfigurationError(
            f"The database {connection.where} was written by a newer Muniment (layout "
            f"{found['layout']}; this one knows {LAYOUT}).",
            hint="Use that version of Muniment, or newer.",
        )
    made = {"layout": LAYOUT, "indexes": _fingerprint(indexes)}
    if found is not None and {key: found.get(key) for key in made} == made:
        return
    connection.create_indexes(indexes)
    if found is not None:
        bring_forward(connection, found["layout"])
    with connection.guarded():
        try:
            connection["meta"].update_one({"_id": "schema"}, {"$set": made}, upsert=True)
        except errors.DuplicateKeyError:
            return  # another process has done the same


def _fingerprint(indexes: Mapping[str, Sequence[IndexModel]]) -> str:
    named = {name: sorted(m.document["name"] for m in models) for name, models in indexes.items()}
    return sha256_hex(canonical_json(cast(Json, named)))
