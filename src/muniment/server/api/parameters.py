"""What stands in paths, query strings and headers: each read once, each checked by its rule.

The checks raise errors of the one tree, which pass through the framework's validation untouched.
"""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, TypeAlias, cast

from fastapi import Depends, Header, Path, Query
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BeforeValidator
from starlette.requests import Request

from muniment.domain import names
from muniment.domain.deployments import check_deployment_name, check_environment
from muniment.domain.signatures import check_key_name
from muniment.domain.stages import check_stage_name
from muniment.domain.values import time_from_json
from muniment.errors import InvalidInput
from muniment.server.api import examples
from muniment.server.api.routing import PREFIX
from muniment.server.context import WORKSPACE_HEADER, acting_services
from muniment.services import Services

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_TOKEN = re.compile(r"[0-9a-f]{16}")
_UPLOAD = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")


Workspace: TypeAlias = Annotated[
    str | None,
    Header(
        alias=WORKSPACE_HEADER,
        description="The workspace to act in; `default` if it is left out.",
        examples=["default"],
    ),
]


async def _services(request: Request, workspace: Workspace = None) -> Services:
    """Return the services, acting for the caller. Asynchronous, so that no thread is taken."""
    services = await acting_services(request)
    _refuse_unknown(request)
    return services


def _refuse_unknown(request: Request) -> None:
    """Raise InvalidInput for a query parameter that an operation of this API does not have."""
    if not request.query_params:
        return
    route = cast(APIRoute, request.scope["route"])
    if not route.path.startswith(PREFIX):
        return  # a protocol of others, whose clients may send more than we know
    known = {field.alias for field in route.dependant.query_params}
    for name in request.query_params:
        if name not in known:
            near = get_close_matches(name[:100], known, n=1)
            raise InvalidInput(
                f"There is no query parameter {name!r:.200} here.",
                hint=f"Did you mean {near[0]!r}?" if near else "The reference (/docs) lists them.",
                details={"field": name[:200]},
            )


Acting: TypeAlias = Annotated[Services, Depends(_services)]


def _number(text: object) -> int:
    if isinstance(text, str) and _NUMBER.fullmatch(text):
        return int(text)
    raise InvalidInput(
        f"{text!r:.80} is not a number from 1 on.", hint="Write it in decimal digits, such as 3."
    )


def _upload_id(text: str) -> str:
    if not _UPLOAD.fullmatch(text):
        raise InvalidInput(f"{text!r:.80} is not the id of an upload.")
    return text


def _token_id(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise InvalidInput(
            f"{text!r:.20} is not the id of a token.", hint="`muniment token ls` lists them."
        )
    return text


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise InvalidInput(
            f"{text!r:.80} is not the id of a webhook or delivery.",
            hint="Such an id is a UUID; lists name them.",
        )
    return text


def _moment(text: object) -> datetime | None:
    return None if text is None else time_from_json(str(text))


def _idempotency_key(key: str | None) -> str | None:
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidInput(
            f"{key!r:.80} can't be an idempotency key.",
            hint="Use 1 to 255 printable ASCII characters, such as a UUID.",
        )
    return key


ModelName: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_model_name),
    Path(description="The model's name, percent-encoded.", examples=["fraud"]),
]
VersionNumber: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The version's number.", ge=1, examples=[3]),
]
ModelId: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The id of a deleted model, as `DELETE` answered it.", ge=1, examples=[7]),
]
Alias: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_alias),
    Path(description="The alias.", examples=["champion"]),
]
Digest: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_digest),
    Path(
        description="The SHA-256 of the blob: 64 lower-case hex digits.",
        examples=["2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"],
    ),
]
Direct: TypeAlias = Annotated[
    bool,
    Header(
        alias="X-Muniment-Direct",
        description="Whether a redirect (307) to the object store is welcome. Whoever follows it "
        "must not send their credentials there.",
    ),
]
FilePath: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_path),
    Path(description="The file's path in the version.", examples=["model.pkl"]),
]
UserName: TypeAlias = Annotated[
    str,
    AfterValidator(names.check_user_name),
    Path(description="The user's name.", examples=["ada"]),
]
TokenId: TypeAlias = Annotated[
    str,
    AfterValidator(_token_id),
    Path(description="What stands between `mun_` and the next `_`.", examples=[examples.TOKEN_ID]),
]
GrantId: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The grant's id.", ge=1, examples=[5]),
]
UploadId: TypeAlias = Annotated[
    str,
    AfterValidator(_upload_id),
    Path(
        description="The id that the upload was begun with.",
        examples=["0b9d6d0f1a2c4e5f8a7b6c5d4e3f2a1b"],
    ),
]
StageName: TypeAlias = Annotated[
    str,
    AfterValidator(check_stage_name),
    Path(description="The stage, in any case of its letters.", examples=["Production"]),
]
RequestId: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The transition request's id.", ge=1, examples=[21]),
]
CommentId: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The comment's id.", ge=1, examples=[34]),
]
SignatureId: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The signature's id.", ge=1, examples=[12]),
]
KeyName: TypeAlias = Annotated[
    str,
    AfterValidator(check_key_name),
    Path(description="What the key is called here.", examples=["release"]),
]
EdgeId: TypeAlias = Annotated[
    int,
    BeforeValidator(_number),
    Path(description="The id of an edge of a lineage.", ge=1, examples=[89]),
]
Environment: TypeAlias = Annotated[
    str,
    AfterValidator(check_environment),
    Path(description="Where it runs.", examples=["prod"]),
]
DeploymentName: TypeAlias = Annotated[
    str,
    AfterValidator(check_deployment_name),
    Path(description="The job, service or endpoint.", examples=["scoring"]),
]
WebhookId: TypeAlias = Annotated[
    str,
    AfterValidator(_uuid),
    Path(description="The webhook's id.", examples=[examples.HYPHENATED]),
]
DeliveryId: TypeAlias = Annotated[
    str,
    AfterValidator(_uuid),
    Path(description="The delivery's id.", examples=[examples.HYPHENATED]),
]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    AfterValidator(_idempotency_key),
    Header(
        alias="Idempotency-Key",
        description="Repeating the request with the same key answers what the first one made.",
        examples=["5f1c1a52-7f8e-4d55-9a53-6f1f5d0a2f64"],
    ),
]

Filter: TypeAlias = Annotated[
    str,
    Query(
        description="What to search for; see the documentation of the search language.",
        examples=["tags.team = 'risk'"],
        json_schema_extra={"maxLength": names.MAX_FILTER_CHARS},
    ),
]
OrderBy: TypeAlias = Annotated[
    list[str],
    Query(description="Sort keys, most important first.", examples=[["updated_at DESC"]]),
]
PageSize: TypeAlias = Annotated[
    int | None,
    Query(
        description=f"How many items a page holds; {names.DEFAULT_PAGE_SIZE} if it is left out.",
        examples=[100],
        json_schema_extra={"minimum": 1, "maximum": names.MAX_PAGE_SIZE},
    ),
]
PageToken: TypeAlias = Annotated[
    str | None,
    Query(description="`next_page_token` of the page before, for the same search."),
]
Force: TypeAlias = Annotated[
    bool, Query(description="Delete it even if it is deployed, or a job used it lately.")
]
Kinds: TypeAlias = Annotated[
    list[str],
    Query(
        alias="kind",
        description="Only activities of this kind, or of these.",
        examples=[["stage.changed"]],
    ),
]
OfModel: TypeAlias = Annotated[
    str | None,
    AfterValidator(lambda name: name if name is None else names.check_model_name(name)),
    Query(description="Of this model; of all, if it is left out.", examples=["fraud"]),
]
OfVersion: TypeAlias = Annotated[
    int | None,
    BeforeValidator(lambda number: number if number is None else _number(number)),
    Query(description="Of this version.", ge=1, examples=[3]),
]
Moment: TypeAlias = Annotated[datetime | None, BeforeValidator(_moment)]
"""A time in a query string; say there which one."""
Deleted: TypeAlias = Annotated[
    bool, Query(description="Search what was deleted and can still be restored, instead.")
]
