"""What happened, in words: "moved version 3 from Staging to Production"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from muniment.domain.activities import Activity, ActivityKind
from muniment.domain.values import JsonObject

_ID: Final = re.compile("[0-9a-f]{20,}")
"""What runs and commits are called: the beginning says as much."""
_Telling = Callable[[str, JsonObject], str]


def told(activity: Activity) -> str:
    """Return what somebody did, behind their name; the kind itself if it is none of ours."""
    version = f"version {activity.version}" if activity.version else "it"
    tell = _TOLD.get(activity.kind)
    return activity.kind if tell is None else tell(version, activity.details)


def _stage_changed(version: str, details: JsonObject) -> str:
    back = "rolled" if details.get("rollback") else "moved"
    return f"{back} {version} from {details.get('from')} to {details.get('to')}"


def _updated(version: str, details: JsonObject) -> str:
    fields = ", ".join(sorted(details)) or "nothing"
    return f"changed {version}: {fields}"


def _linked(version: str, details: JsonObject) -> str:
    node = details.get("node")
    known = node if isinstance(node, dict) else {}
    relation = str(details.get("relation", "")).replace("_", " ")
    name = str(known.get("name") or known.get("id"))
    return f"noted that {version} was {relation} {name[:12] if _ID.fullmatch(name) else name}"


def _deployment(verb: str) -> _Telling:
    def tell(version: str, details: JsonObject) -> str:
        return f"{verb} the deployment {details.get('name')} in {details.get('environment')}"

    return tell


def _of_version(verb: str) -> _Telling:
    return lambda version, details: f"{verb} {version}"


def _of_model(verb: str) -> _Telling:
    return lambda version, details: f"{verb} the model"


def _request(verb: str) -> _Telling:
    return lambda version, details: f"{verb} the request for {details.get('to')} of {version}"


_TOLD: Final[Mapping[str, _Telling]] = {
    ActivityKind.MODEL_CREATED: _of_model("created"),
    ActivityKind.MODEL_UPDATED: _updated,
    ActivityKind.MODEL_RENAMED: lambda v, d: f"renamed it from {d.get('from')} to {d.get('to')}",
    ActivityKind.MODEL_DELETED: _of_model("deleted"),
    ActivityKind.MODEL_RESTORED: _of_model("restored"),
    ActivityKind.VERSION_CREATED: _of_version("registered"),
    ActivityKind.VERSION_SEALED: _of_version("sealed"),
    ActivityKind.VERSION_FAILED: _of_version("gave up on"),
    ActivityKind.VERSION_UPDATED: _updated,
    ActivityKind.VERSION_DELETED: _of_version("deleted"),
    ActivityKind.VERSION_RESTORED: _of_version("restored"),
    ActivityKind.VERSION_PURGED: _of_version("removed for good"),
    ActivityKind.ALIAS_SET: lambda v, d: f"pointed @{d.get('alias')} at {v}",
    ActivityKind.ALIAS_DELETED: lambda v, d: f"removed @{d.get('alias')}",
    ActivityKind.STAGE_CHANGED: _stage_changed,
    ActivityKind.REQUEST_CREATED: lambda v, d: f"requested {d.get('to')} for {v}",
    ActivityKind.REQUEST_APPROVED: _request("approved"),
    ActivityKind.REQUEST_REJECTED: _request("rejected"),
    ActivityKind.REQUEST_CANCELLED: _request("took back"),
    ActivityKind.REQUEST_EXPIRED: _request("closed, overdue,"),
    ActivityKind.COMMENT_ADDED: _of_version("commented on"),
    ActivityKind.COMMENT_EDITED: _of_version("edited a comment on"),
    ActivityKind.COMMENT_DELETED: _of_version("deleted a comment on"),
    ActivityKind.CHECK_REPORTED: lambda v, d: f"checked {v}: {d.get('check')} {d.get('verdict')}",
    ActivityKind.SIGNATURE_ADDED: _of_version("signed"),
    ActivityKind.SIGNATURE_REMOVED: _of_version("took a signature away from"),
    ActivityKind.LINEAGE_ADDED: _linked,
    ActivityKind.LINEAGE_REMOVED: _of_version("took back where it came from for"),
    ActivityKind.DEPLOYMENT_DECLARED: _deployment("declared"),
    ActivityKind.DEPLOYMENT_CHANGED: _deployment("changed"),
    ActivityKind.DEPLOYMENT_RETIRED: _deployment("retired"),
}
