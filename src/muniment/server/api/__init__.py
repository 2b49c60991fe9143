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
    checks,
    comments,
    consumers,
    deployments,
    files,
    grants,
    housekeeping,
    lineage,
    models,
    provenance,
    push,
    requests,
    sessions,
    stages,
    timeline,
    tokens,
    uploads,
    users,
    versions,
    webhooks,
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
    "stages": "Where versions stand in their lives, and what each stage demands.",
    "requests": "Transition requests: asked for, reviewed, carried out with the last approval.",
    "timeline": "Who held which stage or alias, and when; the way back.",
    "checks": "Verdicts on versions, which stages may demand.",
    "provenance": "Signatures, the keys that are trusted, and what is exported of versions.",
    "comments": "What people say of models, versions and requests.",
    "activities": "What happened: the history of each model, hash-chained, and all of them as one.",
    "lineage": "What versions came from, and what came from them.",
    "deployments": "Where versions run, and whether that is what they should run.",
    "consumers": "Who resolved and downloaded which versions, as observed.",
    "webhooks": "Who is told of what happens, and what became of the telling.",
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
    stages,
    requests,
    timeline,
    checks,
    provenance,
    comments,
    activities,
    lineage,
    deployments,
    consumers,
    webhooks,
    sessions,
    users,
    tokens,
    grants,
    audit,
    housekeeping,
):
    router.routes.extend(_part.router.routes)
