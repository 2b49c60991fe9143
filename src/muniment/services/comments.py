"""Comments on models, versions and transition requests.

add ──> edit ──> edit ──> delete     a deleted comment keeps its place, without its text

The history tells who said, changed and took back something, and the digests of the texts; not the
texts themselves: it can't be changed, and what was taken back is to be gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from muniment.domain.access import Asked, Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.comments import Comment, check_comment
from muniment.domain.entities import Page, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.values import JsonObject, sha256_hex
from muniment.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from muniment.services.base import check_revision, live_version, no_version
from muniment.services.pages import page_size_of
from muniment.services.records import Records, record_in
from muniment.storage.metadata import ModelId, Transaction


class Comments(Records):
    """Comments, for one caller."""

    def add(
        self, model: str, text: str, *, version: int | None = None, request: int | None = None
    ) -> Comment:
        """Say something of a model, of one of its versions, or of a transition request.

        Raises:
            NotFound: there is no such model, version or request.
            InvalidInput: the text is blank, or the request is about another version.
        """
        check_comment(text)

        def decide(tx: Transaction) -> Comment:
            parent = self._model(tx, model, Verb.COMMENT)
            number = version if request is None else _version_of(tx, parent, request, version)
            if request is None and number is not None:
                live_version(tx, parent, number)
            comment = Comment(
                model=parent.name,
                text=text,
                author=self._caller.actor,
                created_at=self._now(parent),
                version=number,
                request=request,
            )
            kept = tx.add_record(comment.to_record())
            comment = replace(comment, id=kept.id, model_id=parent.id)
            self._note(tx, ActivityKind.COMMENT_ADDED, comment, comment.created_at)
            return comment

        return self._store.transact(self._key(model), decide)

    def edit(self, comment_id: int, text: str, *, if_match: int | None = None) -> Comment:
        """Change the text of a comment: for its author, and for who manages the stages.

        Raises:
            Conflict: it was deleted.
        """
        check_comment(text)

        def change(comment: Comment, now: datetime) -> Comment:
            if comment.deleted:
                raise Conflict(f"The comment {comment_id} was deleted.", hint="Write a new one.")
            if text == comment.text:
                return comment
            return replace(comment, text=text, edited_at=now)

        return self._change(comment_id, if_match, ActivityKind.COMMENT_EDITED, change)

    def delete(self, comment_id: int, *, if_match: int | None = None) -> Comment:
        """Take a comment back: for its author, and for who manages the stages. Again is fine."""

        def change(comment: Comment, now: datetime) -> Comment:
            return comment if comment.deleted else replace(comment, text="", deleted=True)

        return self._change(comment_id, if_match, ActivityKind.COMMENT_DELETED, change)

    def may_change(self, comment: Comment) -> bool:
        """Say whether the caller may edit and delete a comment."""
        model = self._store.model(ModelId(self._caller.workspace, comment.model_id))
        verb = self._verb_to_change(comment)
        return model is not None and self._caller.principal.may(verb, Asked.about(model))

    def comment(self, comment_id: int) -> Comment:
        """Return a comment. Raises NotFound."""
        found = self._filed(RecordKind.COMMENT, comment_id)
        if found is None:
            raise _no_comment(comment_id)
        return _comment(*found)

    def comments(
        self,
        model: str,
        *,
        version: int | None = None,
        request: int | None = None,
        everything: bool = False,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = False,
    ) -> Page[Comment]:
        """Return what was said of a model itself, of one of its versions or of one request.

        With `everything` also what was said of the model's versions and their requests, or of the
        version's requests.

        Raises:
            NotFound: there is no such model, version or request.
        """
        parent = self._readable(model)
        if version is not None:
            self._check_version(parent, version)
        if request is not None:
            self._check_request(parent, request)
        key = None
        if request is not None:
            key = f"request:{request}"
        elif not everything:
            key = "about:model" if version is None else "about:version"
        query = RecordQuery(
            self._caller.workspace,
            RecordKind.COMMENT,
            model_id=parent.id,
            version=version,
            key=key,
            newest_first=newest_first,
        )
        return self._page(
            query,
            _comment,
            size=page_size_of(page_size),
            token=page_token,
            search=f"comments {parent.uuid} {version} {key} {newest_first}",
        )

    def mentions(
        self, name: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Page[Comment]:
        """Return the comments that name somebody with an `@`, newest first."""
        self._require(Verb.READ)
        query = RecordQuery(
            self._caller.workspace, RecordKind.COMMENT, key=f"mention:{name}", newest_first=True
        )
        return self._page(
            query,
            _comment,
            size=page_size_of(page_size),
            token=page_token,
            search=f"mentions {name}",
        )

    # --------------------------------------------------------------------------------------------

    def _change(
        self,
        comment_id: int,
        if_match: int | None,
        kind: ActivityKind,
        change: Callable[[Comment, datetime], Comment],
    ) -> Comment:
        """Save what `change` makes of a comment, with its activity, unless nothing changed."""
        before = self.comment(comment_id)

        def decide(tx: Transaction) -> Comment:
            parent = self._model(tx, before.model, Verb.READ)
            record = record_in(tx, RecordKind.COMMENT, comment_id)
            if record is None:
                raise _no_comment(comment_id)
            comment = _comment(record, parent)
            self._check_author(parent, comment)
            check_revision(comment, if_match)
            now = self._now(parent)
            changed = change(comment, now)
            if changed == comment:
                return comment
            changed = replace(changed, revision=comment.revision + 1)
            tx.save_record(changed.to_record())
            self._note(tx, kind, changed, now, before=comment)
            return changed

        return self._store.transact(ModelId(self._caller.workspace, before.model_id), decide)

    def _check_author(self, model: RegisteredModel, comment: Comment) -> None:
        """Raise PermissionDenied unless the caller may change a comment."""
        verb = self._verb_to_change(comment)
        if verb is Verb.COMMENT:
            self._permitted(verb, model)
        elif not self._caller.principal.may(verb):
            self._audit_refusal(verb, Asked.about(model))
            raise PermissionDenied(
                f"The comment {comment.id} is {comment.author}'s.",
                hint="Its author may change it, and who manages the stages of the workspace.",
                details={"verb": verb.value, "model": model.name},
            )

    def _verb_to_change(self, comment: Comment) -> Verb:
        return Verb.COMMENT if comment.author == self._caller.actor else Verb.STAGES

    def _check_version(self, model: RegisteredModel, number: int) -> None:
        if self._store.version(self._caller.workspace, model.name, number) is None:
            raise no_version(model.name, number)

    def _check_request(self, model: RegisteredModel, request: int) -> None:
        found = self._filed(RecordKind.REQUEST, request)
        if found is None or found[1].id != model.id:
            raise _no_request(model, request)

    def _note(
        self,
        tx: Transaction,
        kind: ActivityKind,
        comment: Comment,
        now: datetime,
        *,
        before: Comment | None = None,
    ) -> None:
        details: JsonObject = {"comment": comment.id, "request": comment.request}
        if before is not None:
            details |= {"author": comment.author, "before": _digest(before)}
        if not comment.deleted:
            details["digest"] = _digest(comment)
        tx.record(self._entry(kind, now, version=comment.version, details=details))


def _comment(record: Record, model: RegisteredModel) -> Comment:
    return Comment.from_record(record, model.name)


def _digest(comment: Comment) -> str:
    return sha256_hex(comment.text.encode())


def _version_of(
    tx: Transaction, model: RegisteredModel, request: int, version: int | None
) -> int | None:
    """Return the version that a request is about, which `version` must be, if given."""
    record = record_in(tx, RecordKind.REQUEST, request)
    if record is None:
        raise _no_request(model, request)
    if version not in (None, record.version):
        raise InvalidInput(
            f"The request {request} is about version {record.version}, not {version}.",
            details={"field": "version"},
        )
    return record.version


def _no_comment(comment_id: int) -> NotFound:
    return NotFound(f"There is no comment {comment_id}.")


def _no_request(model: RegisteredModel, request: int) -> NotFound:
    return NotFound(f"{model.name!r:.200} has no transition request {request}.")
