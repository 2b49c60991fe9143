"""Where our server answers otherwise than MLflow's, on purpose.

docs/mlflow.md has the same rows in its table "Differences on purpose", and a test sees to it.
Whatever no entry here covers must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.mlflow.twin import Exchange

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(frozen=True)
class Deliberate:
    """One difference, as a row of the table, and the exchanges (MLflow's, ours) that it covers."""

    theirs: str
    ours: str
    why: str
    covers: Callable[[Exchange, Exchange], bool]
    fields: tuple[str, ...] = ()
    """The names that are not compared; none: nothing of the answer is."""


def _taken_by(theirs: Exchange, ours: Exchange) -> bool:
    """Say whether MLflow took a request that we call wrong."""
    return theirs.status < 400 and ours.status == 400


def _field(exchange: Exchange, name: str) -> Any:
    return exchange.fields.get(name) if isinstance(exchange.fields, dict) else None


_CONTROL = re.compile(r"\\[ntr]|\\x[01][0-9a-f]|\\x7f|%[01][0-9a-fA-F]|%7[fF]")


def _control_characters(theirs: Exchange, ours: Exchange) -> bool:
    if theirs.path.startswith(ARTIFACTS):
        return False
    written = f"{theirs.path}{theirs.fields!r}".replace("\\\\", "")
    return bool(_CONTROL.search(written)) and theirs.status != 400 and ours.status == 400


def _no_page(theirs: Exchange, ours: Exchange) -> bool:
    size = str(_field(theirs, "max_results"))
    return bool(re.fullmatch(r"0|-\d+", size)) and _taken_by(theirs, ours)


def _odd_number(theirs: Exchange, ours: Exchange) -> bool:
    size = _field(theirs, "max_results")
    in_body = re.search(rb'"max_results": (?:true|false|\d+\.\d)', theirs.content)
    odd = size is not None and not re.fullmatch("-?[0-9]+", str(size))
    return (odd or bool(in_body)) and theirs.status == 200


def _no_text_as_value(theirs: Exchange, ours: Exchange) -> bool:
    tags = _field(theirs, "tags")
    if not theirs.path.endswith("/create") or not isinstance(tags, list):
        return False
    values = [tag.get("value") for tag in tags if isinstance(tag, dict)]
    return not all(isinstance(value, str | None) for value in values) and _taken_by(theirs, ours)


def _description_left_out(theirs: Exchange, ours: Exchange) -> bool:
    both = list(zip(_descriptions(theirs.body), _descriptions(ours.body), strict=False))
    return (None, "") in both and all(
        one == other or (one, other) == (None, "") for one, other in both
    )


def _descriptions(body: Any) -> Iterator[str | None]:
    """Yield those of all versions in an answer, None where there is none."""
    if isinstance(body, dict):
        if "current_stage" in body:
            yield body.get("description")
        body = list(body.values())
    if isinstance(body, list):
        for item in body:
            yield from _descriptions(item)


def _event_twice(theirs: Exchange, ours: Exchange) -> bool:
    events = _field(theirs, "events")
    twice = isinstance(events, list) and any(events.count(event) > 1 for event in events)
    return twice and (theirs.error, ours.error) == ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")


def _name_of_the_machine(theirs: Exchange, ours: Exchange) -> bool:
    asked = {"Origin", "Host", "Sec-Fetch-Site"} & theirs.sent.keys()
    return bool(asked) and 403 in (theirs.status, ours.status) and theirs.path != "/version"


def _in_artifacts(exchange: Exchange) -> bool:
    return exchange.path.startswith(ARTIFACTS)


def _empty_folders(theirs: Exchange, ours: Exchange) -> bool:
    if not _in_artifacts(theirs) or not isinstance(theirs.body, dict):
        return False
    if theirs.status != 200 or ours.status != 200 or not isinstance(ours.body, dict):
        return False
    files, own = theirs.body.get("files", []), ours.body.get("files", [])
    more = [file for file in files if file not in own]
    return all(file in files for file in own) and all(file["is_dir"] for file in more)


def _odd_type(theirs: Exchange, ours: Exchange) -> bool:
    return (
        _in_artifacts(theirs)
        and theirs.status == ours.status == 200
        and theirs.headers.get("content-type", "").startswith("chemical/")
    )


DELIBERATE: tuple[Deliberate, ...] = (
    Deliberate(
        "fails on some requests, with status 500",
        "refuses them with 400 or 404, or answers them",
        "whoever asks should learn what was wrong",
        lambda theirs, ours: theirs.status in (0, 500) and ours.status < 500,
    ),
    Deliberate(
        "takes control characters in names, keys, aliases and texts",
        "400",
        "they can't be seen, and not every database can keep them",
        _control_characters,
    ),
    Deliberate(
        "counts rows in a page token, for any search",
        "a token says where the last page ended, and belongs to its search",
        "nothing is shown twice or left out when models come and go meanwhile",
        lambda theirs, ours: bool(_field(theirs, "page_token")) and _taken_by(theirs, ours),
    ),
    Deliberate(
        "searches models with `max_results` of 0 and less",
        "400, as for versions",
        "such pages have no end",
        _no_page,
    ),
    Deliberate(
        "reads `1_0`, `true` and `1.5` as `max_results`",
        "400",
        "a number is written in digits",
        _odd_number,
    ),
    Deliberate(
        "reads `tags.[key]` in a filter",
        "400",
        "backticks and quotes are the way to write such a key",
        lambda theirs, ours: "tags.[" in str(_field(theirs, "filter")) and _taken_by(theirs, ours),
    ),
    Deliberate(
        "stores an empty text for a tag's value that is no text, when something is created",
        "400, as when a tag is set",
        "nothing is lost without a word",
        _no_text_as_value,
    ),
    Deliberate(
        "leaves the description out of a version that was updated without one",
        '`"description": ""`',
        "a version without a description always looks the same",
        _description_left_out,
        ("description",),
    ),
    Deliberate(
        "answers `BAD_REQUEST` to a webhook that names an event twice",
        "`INVALID_PARAMETER_VALUE`",
        "so it says of all other wrong events",
        _event_twice,
        ("error_code",),
    ),
    Deliberate(
        "refuses `APPLICATION/JSON` as Content-Type",
        "takes it",
        "types are the same in any case",
        lambda theirs, ours: theirs.sent.get("Content-Type") == "APPLICATION/JSON",
    ),
    Deliberate(
        "lets pages of every local port write, and answers to every private address as Host",
        "403, but for its own address and `allowed_hosts`, written in any case",
        "another program's page on this machine is another site",
        _name_of_the_machine,
    ),
    Deliberate(
        "answers `OK` at `/health`",
        "JSON",
        "`/health` is Muniment's own",
        lambda theirs, ours: theirs.path == "/health" and theirs.status == ours.status,
    ),
    Deliberate(
        "sends `/version` as HTML",
        "as plain text",
        "it is plain text",
        lambda theirs, ours: theirs.path == "/version",
        ("type",),
    ),
    Deliberate(
        "redirects paths with `//`",
        "404",
        "no client sends them",
        lambda theirs, ours: (
            "//" in theirs.path and not _in_artifacts(theirs) and ours.status == 404
        ),
    ),
    Deliberate(
        "reads no query of a HEAD request",
        "answers HEAD as GET, without the body",
        "so says HTTP",
        lambda theirs, ours: theirs.method == "HEAD",
    ),
    Deliberate(
        "takes URLs of webhooks that nothing can be sent to, and looks names up at once",
        "400 for spaces and impossible ports; a name is looked up when something is sent",
        "a name server that is away is no fault of the webhook",
        lambda theirs, ours: (
            theirs.path.startswith("webhooks")
            and bool(_field(theirs, "url"))
            and _taken_by(theirs, ours)
        ),
    ),
    Deliberate(
        "answers 400 to a `Range` that it can't read",
        "the whole file",
        "as RFC 9110 says",
        lambda theirs, ours: "Range" in theirs.sent and theirs.status != ours.status,
    ),
    Deliberate(
        "keeps empty folders of artifacts",
        "a folder is there while a file is in it",
        "folders are only what paths have in common",
        _empty_folders,
    ),
    Deliberate(
        "replaces a folder of artifacts by a file of its name",
        "409",
        "one upload should not delete many files",
        lambda theirs, ours: _in_artifacts(theirs) and ours.status == 409,
    ),
    Deliberate(
        "takes backslashes and control characters in paths of artifacts",
        "400",
        "another system would read them as separators",
        lambda theirs, ours: (
            _in_artifacts(theirs) and theirs.status in (200, 404) and ours.status == 400
        ),
    ),
    Deliberate(
        "guesses types of files that only a chemist knows",
        "`application/octet-stream`",
        "downloads are saved, not shown",
        _odd_type,
        ("type",),
    ),
)
