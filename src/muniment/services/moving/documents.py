"""What stands on a line of a sheet: entities as documents, without what only a database knows.

    of a model      model, version …, reference …, record …, idempotency …, use …, activity …
    of the rest     workspace, stage …, file …
    with accounts   user …, grant …, token …, webhook …, document …, audit, activity …

Ids of rows are left out: they mean nothing elsewhere. Records keep theirs, by which the history and
comments speak of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from muniment.domain.accounts import HeldGrant, Token, User
from muniment.domain.activities import Activity, ActivityKind, Entry
from muniment.domain.deployments import Use
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Workspace,
)
from muniment.domain.files import StoredFile
from muniment.domain.records import Record, RecordKind
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json
from muniment.domain.webhooks import Webhook
from muniment.errors import InvalidInput
from muniment.storage.documents import Document
from muniment.storage.wholes import Belonging, Remembered

# -- models --------------------------------------------------------------------------------------


def model_line(model: RegisteredModel) -> JsonObject:
    """Return the first line of a model's sheet."""
    document = model.to_json()
    for key in ("id", "aliases"):
        del document[key]
    chain: JsonObject = {
        "activity_count": model.activity_count,
        "activity_head": model.activity_head,
    }
    return {"model": {**document, **chain}}


def model_from(document: Json) -> RegisteredModel:
    """Read what `model_line` wrote; it has no aliases yet."""
    v = as_object(document, "a model")
    model = RegisteredModel.from_json({**v, "id": 0, "aliases": {}})
    return replace(
        model,
        activity_count=cast(int, v["activity_count"]),
        activity_head=cast(str, v["activity_head"]),
    )


def belonging_line(one: Belonging) -> JsonObject:
    """Return the line of something that belongs to a model."""
    match one:
        case ModelVersion():
            document = one.to_json()
            for key in ("id", "workspace", "model", "aliases"):
                del document[key]
            return {"version": document}
        case Reference():
            return {"reference": {**one.to_json(), "kind": one.kind.value}}
        case Record():
            return {
                "record": {
                    "id": one.id,
                    "kind": one.kind.value,
                    "version": one.version,
                    "state": one.state,
                    "keys": list(one.keys),
                    "created_at": time_to_json(one.created_at),
                    "body": one.body,
                }
            }
        case Remembered():
            return {
                "idempotency": {
                    "key": one.key,
                    "request": one.request,
                    "version": one.number,
                    "at": time_to_json(one.at),
                }
            }
        case Use():
            document = one.to_json()
            del document["model"]
            return {"use": document}


def belonging_from(kind: str, document: Json, model: RegisteredModel) -> Belonging:
    """Read what `belonging_line` wrote of something that belongs to `model`."""
    v = as_object(document, f"a {kind}")
    match kind:
        case "version":
            return ModelVersion.from_json(
                {**v, "id": 0, "workspace": model.workspace, "model": model.name, "aliases": []}
            )
        case "reference":
            return replace(Reference.from_json(v), kind=ReferenceKind(cast(str, v["kind"])))
        case "record":
            return Record(
                id=cast(int, v["id"]),
                kind=RecordKind(cast(str, v["kind"])),
                version=cast("int | None", v["version"]),
                state=cast(str, v["state"]),
                keys=tuple(cast("list[str]", v["keys"])),
                created_at=time_from_json(cast(str, v["created_at"])),
                body=as_object(v["body"], "a record"),
            )
        case "idempotency":
            return Remembered(
                cast(str, v["key"]),
                cast(str, v["request"]),
                cast("int | None", v["version"]),
                time_from_json(cast(str, v["at"])),
            )
        case "use":
            return Use.from_json({**v, "model": model.name})
    raise unknown_kind(kind)


def activity_line(activity: Activity) -> JsonObject:
    """Return the line of an entry of a history."""
    return {"activity": activity.to_json()}


def unknown_kind(kind: str) -> InvalidInput:
    """Return the error for a line that says nothing to us."""
    return InvalidInput(
        f"There is a {kind!r:.80} in the archive, of which this Muniment knows nothing.",
        hint="Read the archive with the Muniment that wrote it, or a newer one.",
    )


def entry_of(activity: Activity) -> Entry:
    """Return what was recorded, so that it can be recorded elsewhere."""
    return Entry(
        kind=ActivityKind(activity.kind),
        actor=activity.actor,
        at=activity.at,
        version=activity.version,
        comment=activity.comment,
        details=activity.details,
    )


def parts(lines: Iterator[JsonObject]) -> Iterator[tuple[str, Json]]:
    """Yield the kind and the document of each line."""
    for line in lines:
        ((kind, document),) = line.items()
        yield kind, document


# -- the rest ------------------------------------------------------------------------------------


def workspace_line(workspace: Workspace) -> JsonObject:
    """Return the line of a workspace."""
    return {
        "workspace": {
            "name": workspace.name,
            "uuid": workspace.uuid,
            "created_at": time_to_json(workspace.created_at),
        }
    }


def workspace_from(document: Json) -> Workspace:
    """Read what `workspace_line` wrote."""
    v = as_object(document, "a workspace")
    return Workspace(
        id=0,
        uuid=cast(str, v["uuid"]),
        name=cast(str, v["name"]),
        created_at=time_from_json(cast(str, v["created_at"])),
    )


def file_line(file: StoredFile) -> JsonObject:
    """Return the line of a file; its workspace is the last one before it."""
    return {
        "file": {
            "path": file.path,
            "sha256": file.digest,
            "size": file.size,
            "updated_at": time_to_json(file.updated_at),
            "updated_by": file.updated_by,
        }
    }


def file_from(document: Json, workspace: str) -> StoredFile:
    """Read what `file_line` wrote."""
    v = as_object(document, "a file")
    return StoredFile(
        workspace=workspace,
        path=cast(str, v["path"]),
        digest=cast(str, v["sha256"]),
        size=cast(int, v["size"]),
        updated_at=time_from_json(cast(str, v["updated_at"])),
        updated_by=cast(str, v["updated_by"]),
    )


# -- accounts ------------------------------------------------------------------------------------


def user_line(user: User) -> JsonObject:
    """Return the line of a user, with the hash of the password."""
    document = user.to_json()
    for key in ("id", "has_password"):
        del document[key]
    return {"user": {**document, "password": user.password}}


def user_from(document: Json) -> User:
    """Read what `user_line` wrote."""
    v = as_object(document, "a user")
    user = User.from_json({**v, "id": 0, "has_password": False})
    return replace(user, password=cast("str | None", v["password"]))


def grant_line(grant: HeldGrant) -> JsonObject:
    """Return the line of a grant."""
    document = grant.to_json()
    del document["id"]
    return {"grant": document}


def grant_from(document: Json) -> HeldGrant:
    """Read what `grant_line` wrote."""
    return HeldGrant.from_json({**as_object(document, "a grant"), "id": 0})


def token_line(token: Token) -> JsonObject:
    """Return the line of a token, with the hash of its secret."""
    return {"token": {**token.to_json(), "secret": token.secret}}


def token_from(document: Json) -> Token:
    """Read what `token_line` wrote."""
    v = as_object(document, "a token")
    return replace(Token.from_json(v), secret=cast(str, v["secret"]))


def document_line(workspace: str, document: Document) -> JsonObject:
    """Return the line of what a workspace has settled: whom it trusts, what it checks."""
    return {
        "document": {
            "workspace": workspace,
            "name": document.name,
            "revision": document.revision,
            "body": document.body,
        }
    }


def document_from(value: Json) -> tuple[str, Document]:
    """Read what `document_line` wrote: a workspace, and its document."""
    v = as_object(value, "a document")
    body = as_object(v["body"], "the body of a document")
    document = Document(cast(str, v["name"]), body, cast(int, v["revision"]))
    return cast(str, v["workspace"]), document


def webhook_line(webhook: Webhook) -> JsonObject:
    """Return the line of a webhook, with its secret."""
    document: JsonObject = {
        **webhook.to_json(),
        "workspace": webhook.workspace,
        "secret": webhook.secret,
    }
    return {"webhook": document}


def webhook_from(document: Json) -> Webhook:
    """Read what `webhook_line` wrote."""
    v = as_object(document, "a webhook")
    return replace(
        Webhook.from_json(v), workspace=cast(str, v["workspace"]), secret=cast(str, v["secret"])
    )
