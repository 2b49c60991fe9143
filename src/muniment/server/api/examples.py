"""The example that the whole API reference tells: a fraud model with one small file."""

from __future__ import annotations

from typing import Any

SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
MANIFEST_SHA256 = "5a2b8cbd0ce8b8d6a8a7b1cbb2ff1d0f8c0f5c2b5b3fd9e2e8b6a5f0b8c1d2e3"
UUID = "0b9d6d0f1a2c4e5f8a7b6c5d4e3f2a1b"
HYPHENATED = "0b9d6d0f-1a2c-4e5f-8a7b-6c5d4e3f2a1b"
UPLOAD = "6d0f1a2c4e5f8a7b6c5d4e3f2a1b0b9d"
TIME = "2026-11-21T11:33:00.123Z"

FILE: dict[str, Any] = {
    "path": "model.pkl",
    "sha256": SHA256,
    "size": 5,
    "media_type": "application/octet-stream",
}
SIGNATURE: dict[str, Any] = {
    "input": {"variables": [{"name": "amount", "type": "NUMERIC", "dtype": "float64"}]},
    "output": {"variables": [{"name": "fraud", "type": "NUMERIC", "dtype": "int64"}]},
}
TAGS: dict[str, Any] = {"team": "risk", "reviewed": True}
PARAMS: dict[str, Any] = {"n_estimators": 100, "max_depth": 8}
METRICS: dict[str, Any] = {"auc": 0.97}

MODEL: dict[str, Any] = {
    "id": 7,
    "uuid": UUID,
    "workspace": "default",
    "name": "fraud",
    "slug": "fraud",
    "description": "Card fraud, per booking.",
    "tags": TAGS,
    "aliases": {"champion": 3},
    "latest": 3,
    "last_number": 3,
    "version_count": 3,
    "created_at": TIME,
    "updated_at": TIME,
    "created_by": "anonymous",
    "deleted_at": None,
    "revision": 5,
}
VERSION: dict[str, Any] = {
    "id": 12,
    "uuid": UUID,
    "workspace": "default",
    "model": "fraud",
    "version": 3,
    "label": "1.0.0",
    "status": "READY",
    "status_message": "",
    "stage": "Production",
    "stage_since": TIME,
    "aliases": ["champion"],
    "description": "Retrained on July.",
    "tags": TAGS,
    "params": PARAMS,
    "metrics": METRICS,
    "framework": "scikit-learn",
    "signature": SIGNATURE,
    "source_uri": "",
    "location": "",
    "run_id": "",
    "run_link": "",
    "digest": MANIFEST_SHA256,
    "size": 5,
    "file_count": 1,
    "snapshot": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "parent": None,
    "checks": "passed",
    "created_at": TIME,
    "updated_at": TIME,
    "created_by": "anonymous",
    "deleted_at": None,
    "revision": 2,
}
ALIAS: dict[str, Any] = {
    "alias": "champion",
    "version": 3,
    "protected": False,
    "updated_at": TIME,
    "updated_by": "anonymous",
    "revision": 1,
}
ACTIVITY: dict[str, Any] = {
    "model_uuid": UUID,
    "sequence": 4,
    "kind": "alias.set",
    "actor": "anonymous",
    "at": TIME,
    "version": 3,
    "comment": "",
    "details": {"alias": "champion", "from": None, "to": 3, "protected": False},
    "previous": MANIFEST_SHA256,
    "hash": SHA256,
}

YEAR = 31_536_000
TOKEN_ID = "3f9c1a527f8e4d55"  # noqa: S105  # what names a token, not one
USER: dict[str, Any] = {
    "id": 2,
    "name": "ada",
    "kind": "person",
    "display_name": "Ada Lovelace",
    "active": True,
    "has_password": True,
    "must_change": False,
    "subject": None,
    "groups": [],
    "created_at": TIME,
    "revision": 1,
}
NARROW_GRANT: dict[str, Any] = {
    "verbs": ["alias.move"],
    "models": "fraud-*",
    "alias": "champion",
    "stage": "*",
    "tag": "",
}
ROLE_GRANT: dict[str, Any] = {
    "role": "contributor",
    "models": "fraud-*",
    "alias": "*",
    "stage": "*",
    "tag": "",
}
HELD_GRANT: dict[str, Any] = {
    "id": 5,
    "workspace": "default",
    "subject": "user:ada",
    **NARROW_GRANT,
    "created_at": TIME,
    "created_by": "root",
}
TOKEN: dict[str, Any] = {
    "id": TOKEN_ID,
    "user": "ada",
    "description": "CI of the fraud team",
    "automation": True,
    "scopes": [ROLE_GRANT],
    "created_at": TIME,
    "expires_at": TIME,
    "last_used_at": None,
    "revoked_at": None,
}
AUDIT_ENTRY: dict[str, Any] = {
    "model_uuid": "audit",
    "sequence": 17,
    "kind": "sign_in",
    "actor": "ada",
    "at": TIME,
    "version": None,
    "comment": "",
    "details": {"workspace": "*", "address": "127.0.0.1", "by": "password"},
    "previous": MANIFEST_SHA256,
    "hash": SHA256,
}
