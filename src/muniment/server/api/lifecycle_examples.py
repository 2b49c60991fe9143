"""What became of the model of `examples`: asked for, reviewed, deployed, used."""

from __future__ import annotations

import json
from typing import Any

from muniment.server.api.examples import ACTIVITY, HYPHENATED, TIME, UUID, VERSION

POLICY: dict[str, Any] = {
    "models": "fraud-*",
    "approvals": 1,
    "approver": "approver",
    "checks": ["bias"],
    "metrics": [{"metric": "auc", "at_least": 0.9}],
    "request_days": 14,
}
STAGE: dict[str, Any] = {
    "name": "Production",
    "order": 200,
    "colour": "#2aa147",
    "description": "What customers meet.",
    "policies": [POLICY],
    "predefined": True,
    "revision": 1,
}
REQUIREMENT: dict[str, Any] = {
    "rule": "metric",
    "text": "auc is at least 0.9",
    "met": True,
    "evidence": "it is 0.97",
}
REQUEST: dict[str, Any] = {
    "id": 21,
    "model": "fraud",
    "version": 3,
    "to_stage": "Production",
    "from_stage": "Staging",
    "state": "open",
    "requested_by": "ada",
    "created_at": TIME,
    "comment": "Beats version 2.",
    "archive_existing": True,
    "automation": False,
    "expires_at": TIME,
    "approvals": [],
    "closed_by": "",
    "closed_at": None,
    "closing_comment": "",
    "revision": 1,
}
REVIEWED: dict[str, Any] = {**REQUEST, "requirements": [REQUIREMENT]}
TENURE: dict[str, Any] = {
    "post": "stage",
    "name": "Production",
    "version": 3,
    "since": TIME,
    "until": None,
    "by": "grace",
    "comment": "Beats version 2.",
    "sequence": 9,
    "ended": None,
}
UNDONE: dict[str, Any] = {
    "post": "stage",
    "name": "Production",
    "versions": [2],
    "instead_of": [3],
}
DUE: dict[str, Any] = {"due": TIME, "version": VERSION}
HAPPENED: dict[str, Any] = {"model": "fraud", **ACTIVITY}
COMMENT: dict[str, Any] = {
    "id": 34,
    "model": "fraud",
    "version": 3,
    "request": 21,
    "text": "Looks good, @ada.",
    "author": "grace",
    "mentions": ["ada"],
    "created_at": TIME,
    "edited_at": None,
    "deleted": False,
    "revision": 1,
}
CHECK: dict[str, Any] = {
    "id": 55,
    "model": "fraud",
    "version": 3,
    "name": "bias",
    "verdict": "pass",
    "findings": ["No group differs by more than 1 %."],
    "url": "https://ci.example.com/runs/17",
    "created_at": TIME,
    "created_by": "robot",
    "digest": "",
    "check_version": "",
}
CHECK_CONFIGURATION: dict[str, Any] = {
    "checks": ["integrity", "formats", "serialization", "archives"],
    "seconds": 600,
    "memory": 4294967296,
    "revision": 2,
}
NODE: dict[str, Any] = {
    "kind": "dataset",
    "id": "bookings-2026-07",
    "name": "bookings",
    "uri": "s3://data/bookings/2026-07",
    "digest": "",
    "properties": {"rows": 1_204_113},
}
EDGE: dict[str, Any] = {
    "id": 89,
    "model": "fraud",
    "version": 3,
    "relation": "trained_on",
    "node": NODE,
    "source": "mlflow",
    "created_at": TIME,
    "created_by": "robot",
}
_HERE = f"node:version:{UUID}"
_DATA = "node:dataset:bookings-2026-07"
GRAPH: dict[str, Any] = {
    "start": _HERE,
    "nodes": [
        {
            "key": _HERE,
            "kind": "version",
            "id": UUID,
            "name": "fraud/3",
            "uri": "",
            "digest": VERSION["digest"],
            "properties": {},
            "label": "fraud/3",
            "hops": 0,
            "model": "fraud",
            "version": 3,
            "stage": "Production",
            "status": "READY",
        },
        {
            "key": _DATA,
            **NODE,
            "label": "bookings",
            "hops": 1,
            "model": None,
            "version": None,
            "stage": "",
            "status": "",
        },
    ],
    "edges": [{"child": _HERE, "parent": _DATA, "relation": "trained_on", "id": 89}],
    "truncated": False,
}
DEPLOYMENT: dict[str, Any] = {
    "id": 144,
    "model": "fraud",
    "environment": "prod",
    "name": "scoring",
    "target": "fraud@champion",
    "version": None,
    "alias": "champion",
    "stage": None,
    "running": 3,
    "status": "running",
    "url": "https://scoring.example.com",
    "comment": "",
    "created_at": TIME,
    "created_by": "robot",
    "updated_at": TIME,
    "updated_by": "robot",
    "revision": 1,
}
DRIFT: dict[str, Any] = {
    "deployment": {**DEPLOYMENT, "running": 2},
    "reference": "champion",
    "runs": 2,
    "expected": 3,
    "drifted": True,
    "reason": "runs 2, but champion is 3",
    "since": TIME,
}
USE: dict[str, Any] = {
    "model": "fraud",
    "version": 3,
    "consumer": "nightly-scoring",
    "named": True,
    "kind": "download",
    "first_at": TIME,
    "last_at": TIME,
    "count": 30,
}
WEBHOOK: dict[str, Any] = {
    "id": HYPHENATED,
    "name": "promotions",
    "url": "https://hooks.example.com/muniment",
    "events": ["request.created", "stage.changed"],
    "description": "Tells the team.",
    "status": "ACTIVE",
    "models": "fraud-*",
    "stage": "Production",
    "signed": True,
    "created_at": TIME,
    "updated_at": TIME,
}
DELIVERY: dict[str, Any] = {
    "id": HYPHENATED,
    "event": "stage.changed",
    "state": "DELIVERED",
    "created_at": TIME,
    "expires_at": TIME,
    "next_at": None,
    "finished_at": TIME,
    "body": json.dumps({"entity": "stage", "action": "changed", "timestamp": TIME, "data": {}}),
    "attempts": [
        {"at": TIME, "milliseconds": 12, "status": 200, "answer": "ok", "error": ""},
    ],
}
