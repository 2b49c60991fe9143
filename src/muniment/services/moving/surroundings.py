"""What is beside the models, put into a registry: workspaces, stages, files; and accounts.

What is here already and the same is left alone. What is here and different is never merged: an
import keeps it and refuses; a registry that moves is brought to what the sheet says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final, cast

from muniment.domain import names
from muniment.domain.accounts import HeldGrant, Token, User
from muniment.domain.activities import Activity, verify_chain
from muniment.domain.files import StoredFile
from muniment.domain.stages import Stage
from muniment.domain.values import Json, as_object
from muniment.domain.webhooks import Webhook
from muniment.errors import Conflict
from muniment.services.moving import documents
from muniment.services.moving.sheets import Sheet
from muniment.storage.accounts import AccountStore, AuditHead
from muniment.storage.documents import Document
from muniment.storage.factory import Stores

_ENTRIES_AT_ONCE: Final = 500


class WorkspacesRestorer:
    """Puts workspaces with their stages and the files of runs."""

    def __init__(self, stores: Stores, *, update: bool) -> None:
        self._store = stores.metadata
        self._update = update

    def put(self, sheet: Sheet) -> str:
        """Put them; return "new", "changed" or "same"."""
        known = {workspace.name for workspace in self._store.workspaces()}
        new, changed, workspace = False, False, ""
        for kind, document in documents.parts(iter(sheet)):
            if kind == "workspace":
                made = documents.workspace_from(document)
                workspace = names.check_workspace(made.name)
                if workspace not in known:
                    self._store.ensure_workspace(workspace, made.created_at, uuid=made.uuid)
                    new = True
            elif kind == "stage":
                changed |= self._put_stage(workspace, Stage.from_json(document).checked())
            elif kind == "file":
                changed |= self._put_file(documents.file_from(document, workspace))
            else:
                raise documents.unknown_kind(kind)
        return "new" if new else "changed" if changed else "same"

    def _put_stage(self, workspace: str, stage: Stage) -> bool:
        here = next((one for one in self._store.stages(workspace) if one.key == stage.key), None)
        if here == stage:
            return False
        if here is not None and not self._update:
            if replace(here, revision=0) == replace(stage, revision=0):
                return False
            raise Conflict(
                f"The stage {stage.name!r} of {workspace!r} is defined here, and otherwise.",
                hint="Make them the same, or drop one of them; nothing is ever merged.",
                details={"stage": stage.name},
            )
        revision = 0 if here is None else here.revision
        while revision < stage.revision:  # a save raises it by one
            revision = self._store.save_stage(workspace, stage, expect=revision).revision
        return True

    def _put_file(self, file: StoredFile) -> bool:
        here = self._store.file(file.workspace, file.path)
        if here == file:
            return False
        if here is not None and not self._update and here.digest != file.digest:
            raise Conflict(
                f"There is another file {file.path!r:.300} in {file.workspace!r}.",
                hint="Export the models alone, with --model '*'.",
                details={"path": file.path},
            )
        names.check_path(file.path)
        self._store.put_file(file)
        return True


class AccountsRestorer:
    """Puts users, grants, tokens, webhooks, what workspaces have settled, and the audit log.

    Only where there are none, or the very same.
    """

    def __init__(self, stores: Stores, clock: Callable[[], datetime]) -> None:
        self._stores = stores
        self._accounts = stores.accounts
        self._clock = clock

    def put(self, sheet: Sheet) -> str:
        """Put them; return "new", "changed" or "same"."""
        self._refuse_others(sheet)
        changed = False
        held = {_without_id(grant) for grant in self._accounts.grants()}
        for kind, document in documents.parts(iter(sheet)):
            match kind:
                case "user":
                    changed |= self._put_user(documents.user_from(document))
                case "grant":
                    changed |= self._put_grant(documents.grant_from(document), held)
                case "token":
                    changed |= self._put_token(documents.token_from(document))
                case "webhook":
                    changed |= self._put_webhook(documents.webhook_from(document))
                case "document":
                    changed |= self._put_document(*documents.document_from(document))
                case "audit":
                    changed |= self._put_audit(_head_from(document), sheet)
                case "activity":
                    break
                case _:
                    raise documents.unknown_kind(kind)
        return "changed" if changed else "same"

    def _refuse_others(self, sheet: Sheet) -> None:
        """Raise Conflict if there is anybody here who is not in the sheet."""
        coming = {
            documents.user_from(document).name
            for kind, document in documents.parts(iter(sheet))
            if kind == "user"
        }
        here = {user.name for user in all_users(self._accounts)}
        if others := sorted(here - coming):
            raise Conflict(
                f"There are users here already, such as {others[0]!r}: accounts go only where "
                "there are none.",
                hint="Import without --with-accounts, or into an empty registry.",
                details={"user": others[0]},
            )

    def _put_user(self, user: User) -> bool:
        here = self._accounts.user(user.name)
        if here is None:
            self._accounts.add_user(user)
            return True
        if replace(here, id=0) == user:
            return False
        if here.revision >= user.revision:
            raise _other("user", user.name)
        while here.revision < user.revision:  # a save raises it by one
            here = self._accounts.save_user(replace(user, id=here.id), expect=here.revision)
        return True

    def _put_grant(self, grant: HeldGrant, held: set[HeldGrant]) -> bool:
        if grant in held:
            return False
        self._accounts.add_grant(
            grant.workspace, grant.subject, grant.grant, grant.created_at, grant.created_by
        )
        return True

    def _put_token(self, token: Token) -> bool:
        here = self._accounts.token(token.id)
        if here is None:
            self._accounts.add_token(token)
            return True
        if here.secret != token.secret:
            raise _other("token", token.id)
        if token.revoked_at is not None and here.revoked_at is None:
            self._accounts.revoke_token(token.id, token.revoked_at)
        if token.last_used_at is not None and here.last_used_at != token.last_used_at:
            self._accounts.use_token(token.id, token.last_used_at)
        return here != token

    def _put_webhook(self, webhook: Webhook) -> bool:
        here = self._stores.webhooks.webhook(webhook.workspace, webhook.uuid)
        if here is None:
            self._stores.webhooks.add_webhook(webhook)
            return True
        if replace(here, id=0) == webhook:
            return False
        return self._stores.webhooks.save_webhook(replace(webhook, id=here.id))

    def _put_document(self, workspace: str, document: Document) -> bool:
        store = self._stores.metadata
        here = store.document(workspace, document.name)
        if here is not None and here.body == document.body:
            return False
        revision = 0 if here is None else here.revision
        if revision >= document.revision:
            raise _other("document", document.name)
        while revision < document.revision:  # a save raises it by one
            revision = store.save_document(
                workspace, document.name, document.body, expect=revision
            ).revision
        return True

    def _put_audit(self, head: AuditHead, sheet: Sheet) -> bool:
        verify_chain(
            audit_of(sheet), count=head.count, head=head.head, first=head.first, base=head.base
        )
        here = self._accounts.audit_head()
        if here.count < here.first and (here.first, here.base) != (head.first, head.base):
            self._accounts.begin_audit(head.first, head.base)
            here = self._accounts.audit_head()
        if here.head != _hash_at(here.count, head, sheet):
            raise Conflict(
                "This registry has an audit log of its own; two logs can't become one.",
                hint="Import without --with-accounts, or into an empty registry.",
            )
        entries = islice(audit_of(sheet), here.count - head.first + 1, None)
        while piece := list(islice(entries, _ENTRIES_AT_ONCE)):
            self._accounts.record_audit([documents.entry_of(entry) for entry in piece])
        return here.count < head.count


def all_users(accounts: AccountStore) -> Iterator[User]:
    """Yield all users by name."""
    after = ""
    while piece := accounts.users(after=after, limit=500):
        yield from piece
        after = piece[-1].name


def audit_of(sheet: Sheet) -> Iterator[Activity]:
    """Yield the entries of the audit log in a sheet."""
    for kind, document in documents.parts(iter(sheet)):
        if kind == "activity":
            yield Activity.from_json(document)


def _hash_at(sequence: int, head: AuditHead, sheet: Sheet) -> str | None:
    """Return the hash that the log in the sheet had at an entry; None if it had no such entry."""
    if sequence == head.first - 1:
        return head.base
    found = next(islice(audit_of(sheet), max(sequence - head.first, 0), None), None)
    return None if found is None or found.sequence != sequence else found.hash


def _head_from(document: Json) -> AuditHead:
    v = as_object(document, "an audit log")
    return AuditHead(
        first=cast(int, v["first"]),
        count=cast(int, v["count"]),
        base=cast(str, v["base"]),
        head=cast(str, v["head"]),
    )


def _without_id(grant: HeldGrant) -> HeldGrant:
    return replace(grant, id=0)


def _other(what: str, name: str) -> Conflict:
    return Conflict(
        f"There is another {what} {name!r:.200} here.",
        hint="Import without --with-accounts, or into an empty registry.",
        details={what: name},
    )
