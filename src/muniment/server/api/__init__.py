"""The native REST API, `/api/v1`: parse, call one service, render.

One flat table of routes: a router inside a router would match every request twice.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from muniment.server.api import (
    activities,
    aliases,
    audit,
    blobs,
    files,
    grants,
    housekeeping,
    models,
    push,
    sessions,
    tokens,
    uploads,
    users,
    versions,
)

__all__ = ["TAGS", "router"]

TAGS: Final = {
    "models": "Registered models: names with a description, tags and versions.",
    "versions": "Versions of models: created, sealed, changed, searched, moved between stages.",
    "aliases": "Movable names for versions, with compare-and-swap.",
    "files": "What versions are made of: manifests and files.",
    "push": "A new version in one request, for curl.",
    "blobs": "Bytes by their digest, in one piece.",
    "uploads": "Bytes by their digest, in pieces, resumed after a lost connection.",
    "activities": "The history of a model: who did what, hash-chained.",
    "sessions": "Who one is; one's password; signing in and out in a browser.",
    "users": "People who sign in, and service accounts.",
    "tokens": "What programs sign in with: limited, expiring, revoked at once.",
    "grants": "Who may do what: roles or verbs, limited to some models, aliases or stages.",
    "audit": "Sign-ins, refusals, reads of artifacts, administration: hash-chained.",
    "housekeeping": "Garbage collection, totals and limits.",
}
"""The parts of the API, in the order in which a reader wants them."""

router = APIRouter()
for _part in (
    models,
    versions,
    aliases,
    files,
    push,
    blobs,
    uploads,
    activities,
    sessions,
    users,
    tokens,
    grants,
    audit,
    housekeeping,
):
    router.routes.extend(_part.router.routes)
