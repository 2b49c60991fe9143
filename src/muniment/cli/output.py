"""The one place where the command speaks.

    form    stdout                                       stderr
    human   tables and pages, coloured on a terminal     progress, notes, hints, `error: …`
    json    the API's entity forms                       one JSON object for an error
    quiet   one identifier per line                      `error: …`

Each method takes one kind of result and knows its three forms. Lists are JSON arrays.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

from muniment.cli import account_pages, blocking, pages, reports, words
from muniment.cli.draw import Block, Heading, Scene, Styled, draw
from muniment.domain.access import Decision
from muniment.domain.accounts import HeldGrant, Token, User, WhoAmI
from muniment.domain.activities import Activity
from muniment.domain.entities import ModelVersion, Reference, RegisteredModel
from muniment.domain.garbage import GarbageReport
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.signatures import Signatures
from muniment.domain.values import Json, JsonObject, Value
from muniment.errors import Blocked, Detail, MunimentError

if TYPE_CHECKING:
    from muniment.client.difference import Diff
    from muniment.client.verification import VerifyReport
    from muniment.ml.doctor import Report
    from muniment.server.settings import Setting


class Entity(Protocol):
    """Whatever the API has a form for."""

    def to_json(self) -> JsonObject:
        """Return that form."""


E = TypeVar("E", bound=Entity)


class Form(StrEnum):
    """How results are written."""

    HUMAN = "human"
    JSON = "json"
    QUIET = "quiet"


class Output:
    """Where results, notes and errors go. Streams are looked up when they are used."""

    def __init__(self, form: Form = Form.HUMAN) -> None:
        self.form = form

    @property
    def human(self) -> bool:
        """True if a person reads it."""
        return self.form is Form.HUMAN

    # -- results ---------------------------------------------------------------------------------

    def models(self, models: Sequence[RegisteredModel]) -> None:
        """A list of models."""
        self._emit(
            [m.to_json() for m in models], [m.name for m in models], lambda: pages.models(models)
        )

    def versions(self, versions: Sequence[ModelVersion], *, of_one_model: bool) -> None:
        """A list of versions."""
        self._emit(
            [v.to_json() for v in versions],
            [v.ref for v in versions],
            lambda: pages.versions(versions, of_one_model=of_one_model),
        )

    def model(self, model: RegisteredModel, versions: Sequence[ModelVersion]) -> None:
        """One model with its newest versions."""
        document: JsonObject = {**model.to_json(), "versions": [v.to_json() for v in versions]}
        self._emit(document, [model.name], lambda: pages.model(model, versions))

    def version(
        self, version: ModelVersion, manifest: Manifest | None, signatures: Signatures
    ) -> None:
        """One version with its files, None if it has none, and whether it is signed."""
        files: Sequence[FileEntry] = () if manifest is None else manifest.files
        document: JsonObject = {
            **version.to_json(),
            "signed": signatures.state.value,
            "files": [f.to_json() for f in files],
        }
        self._emit(document, [version.ref], lambda: pages.version(version, files, signatures))

    def activities(self, activities: Sequence[Activity]) -> None:
        """A piece of a model's history."""
        lines = [f"{a.sequence} {a.hash}" for a in activities]
        self._emit([a.to_json() for a in activities], lines, lambda: pages.activities(activities))

    def aliases(self, model: str, aliases: Sequence[Reference]) -> None:
        """A model's aliases."""
        refs = [f"{model}@{alias.name}" for alias in aliases]
        self._emit([a.to_json() for a in aliases], refs, lambda: pages.aliases(aliases))

    def tags(self, tags: Mapping[str, Value]) -> None:
        """The tags of one entity."""
        self._emit({**tags}, list(tags), lambda: pages.values(tags))

    def diff(self, diff: Diff) -> None:
        """What two versions differ in; quiet: the names of what does, such as `metrics.auc`."""
        names = [f"{group}.{change.name}" for group, change in reports.changes(diff)]
        names += [f"files.{change.path}" for change in diff.files]
        self._emit(diff.to_json(), names, lambda: reports.diff(diff))

    def verified(self, found: Sequence[VerifyReport]) -> None:
        """What was verified; quiet: only what is not sound."""
        bad = [report.ref for report in found if not report.ok]
        self._emit([r.to_json() for r in found], bad, lambda: reports.verified(found))

    def chains(self, found: Sequence[reports.Chain]) -> None:
        """Which histories were verified, the audit log first; quiet: those that are not sound."""
        bad = [reports.chain_name(chain) for chain in found if not chain.ok]
        audit, *models = (chain.to_json() for chain in found)
        document: JsonObject = {
            "ok": all(chain.ok for chain in found),
            "entries": audit["entries"],
            "problems": audit["problems"],
            "models": [*models],
        }
        self._emit(document, bad, lambda: reports.chains(found))

    def examined(self, report: Report) -> None:
        """What `mlflow doctor` found; quiet: the names of the checks that failed."""
        bad = [finding.check for finding in report.findings if finding.verdict == "fail"]
        self._emit(report.to_json(), bad, lambda: reports.examined(report))

    def garbage(self, report: GarbageReport) -> None:
        """What a garbage collection did; quiet: the bytes it freed."""
        self._emit(report.to_json(), [str(report.bytes)], lambda: reports.garbage(report))

    def entities(
        self,
        found: Sequence[E],
        line: Callable[[E], str],
        page: Callable[[Sequence[E]], Sequence[Block]],
    ) -> None:
        """A list of anything: the API's forms, a quiet line for each, a page for all."""
        self._emit([one.to_json() for one in found], [*map(line, found)], lambda: page(found))

    def entity(self, found: E, line: str, page: Callable[[E], Sequence[Block]]) -> None:
        """One of anything."""
        self._emit(found.to_json(), [line] if line else [], lambda: page(found))

    def document(self, document: Json, lines: Iterable[str], page: Sequence[Block]) -> None:
        """What is no entity of the API by itself."""
        self._emit(document, lines, lambda: page)

    def users(self, users: Sequence[User]) -> None:
        """A list of users."""
        self._emit(
            [u.to_json() for u in users],
            [u.name for u in users],
            lambda: account_pages.users(users),
        )

    def user(self, user: User, held: Sequence[HeldGrant] | None) -> None:
        """One user, with what they hold (None: not for the caller to know)."""
        grants: Json = None if held is None else [grant.to_json() for grant in held]
        self._emit(
            {**user.to_json(), "grants": grants},
            [user.name],
            lambda: account_pages.user(user, held),
        )

    def tokens(self, tokens: Sequence[Token]) -> None:
        """A list of tokens."""
        self._emit(
            [t.to_json() for t in tokens],
            [t.id for t in tokens],
            lambda: account_pages.tokens(tokens),
        )

    def grants(self, grants: Sequence[HeldGrant]) -> None:
        """A list of grants."""
        ids = [str(grant.id) for grant in grants]
        self._emit([g.to_json() for g in grants], ids, lambda: account_pages.grants(grants))

    def whoami(self, me: WhoAmI, address: str) -> None:
        """Who the registry takes the caller for."""
        self._emit(me.to_json(), [me.name], lambda: account_pages.whoami(me, address))

    def decision(self, decision: Decision) -> None:
        """Whether something is allowed, and why."""
        verdict = "yes" if decision else "no"
        self._emit(decision.to_json(), [verdict], lambda: account_pages.decision(decision))

    def secret(self, document: JsonObject, secret: str, sentence: str) -> None:
        """A secret, shown once: in its document, alone on a quiet line, or below a sentence."""
        self._emit(document, [secret], lambda: account_pages.secret(sentence, secret))

    def settings(self, settings: Sequence[Setting]) -> None:
        """Settings in force; quiet: as lines of an environment file."""
        document: list[Json] = [asdict(setting) for setting in settings]
        lines = [f"{setting.variable}={setting.value}" for setting in settings]
        self._emit(document, lines, lambda: reports.settings(settings))

    def done(self, entity: ModelVersion | RegisteredModel, sentence: str) -> None:
        """One entity after a change, said in a sentence for people."""
        name = entity.ref if isinstance(entity, ModelVersion) else entity.name
        self._emit(entity.to_json(), [name], lambda: reports.sentence(sentence))

    def said(self, document: JsonObject, line: str, sentence: str) -> None:
        """Anything small: as JSON, as one quiet line (nothing if empty), and as a sentence."""
        self._emit(document, [line] if line else [], lambda: reports.sentence(sentence))

    def pushed(self, version: ModelVersion, seconds: float) -> None:
        """A new version, and how long that took."""
        self._emit(version.to_json(), [version.ref], lambda: reports.pushed(version, seconds))

    def pulled(self, version: ModelVersion, folder: Path, files: Sequence[FileEntry]) -> None:
        """The files of a version that are in `folder` now; quiet: the folder."""
        document: JsonObject = {
            "version": version.to_json(),
            "folder": str(folder),
            "files": [f.to_json() for f in files],
        }
        self._emit(document, [str(folder)], lambda: reports.pulled(version, folder, files))

    def scene(self, title: str, *lines: str) -> None:
        """A piece of a story, told at once; for people only."""
        if self.human:
            draw([Scene(title, lines)], sys.stdout)
            sys.stdout.flush()

    # -- beside the results ----------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Something that a person should know; on stderr, in the human form only."""
        if self.human:
            _say("note", text)

    def hint(self, text: str) -> None:
        """What to do next; on stderr, in the human form only."""
        if self.human:
            _say("hint", text)

    def error(self, error: MunimentError) -> None:
        """A failure and the next step, on stderr in every form."""
        if isinstance(error, Blocked) and self.form is not Form.JSON:
            draw(blocking.blocked(error), sys.stderr)
            return
        details: JsonObject = {key: _json(detail) for key, detail in error.details.items()}
        pointer = details.pop("pointer", None) if self.form is not Form.JSON else None
        self.failure(error.message, error.hint, error.code, details, error.request_id)
        if isinstance(pointer, str):
            _line(sys.stderr, words.printable(pointer))

    def failure(
        self,
        message: str,
        hint: str = "",
        code: str = "usage",
        details: JsonObject | None = None,
        request_id: str | None = None,
    ) -> None:
        """A failure that is not (yet) one of the error tree."""
        if self.form is Form.JSON:
            document: JsonObject = {"code": code, "message": message, "hint": hint}
            if details:
                document["details"] = details
            if request_id:
                document["request_id"] = request_id
            _line(sys.stderr, _dumped({"error": document}, sys.stderr))
            return
        _say("error", message)
        if hint:
            _say("hint", hint)

    # -- writing ---------------------------------------------------------------------------------

    def _emit(
        self, document: Json, lines: Iterable[str], page: Callable[[], Sequence[Block]]
    ) -> None:
        if self.form is Form.JSON:
            _line(sys.stdout, _dumped(document, sys.stdout, indent=2))
        elif self.form is Form.QUIET:
            for line in lines:
                _line(sys.stdout, line)
        else:
            draw(page(), sys.stdout)


def _say(kind: str, text: str) -> None:
    style = {"error": "bold red", "hint": "cyan", "note": "dim"}[kind]
    draw([Heading([Styled(f"{kind}:", style), text], gap=" ")], sys.stderr)


def _json(detail: Detail) -> Json:
    return [*detail] if isinstance(detail, list) else detail


def _dumped(document: Json, stream: TextIO, indent: int | None = None) -> str:
    """Return JSON that the stream can carry."""
    unicode = stream.encoding.lower().startswith("utf")
    return json.dumps(document, ensure_ascii=not unicode, indent=indent)


def _line(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
