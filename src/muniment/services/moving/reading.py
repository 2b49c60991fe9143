"""A registry as a source: everything in it, each model as it was at one moment.

    look at the model ──> read its versions, records, history ──> look again: the same? ── sheet
             ^                                                         │ no
             └───────────────────── a few times, then with the model locked

Beside all else that goes on. The models are not all of one moment; each is of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final

from muniment.domain.activities import Activity
from muniment.domain.entities import DEFAULT_WORKSPACE, RegisteredModel
from muniment.domain.files import StoredFile
from muniment.domain.manifest import Manifest
from muniment.domain.patterns import matches
from muniment.domain.values import JsonObject, utcnow
from muniment.domain.webhooks import Webhook
from muniment.errors import Corrupt, NotFound
from muniment.services.moving import documents
from muniment.services.moving.places import ACCOUNTS, MODELS, WORKSPACES, Source, not_here
from muniment.services.moving.sheets import Sheet
from muniment.storage.accounts import AccountStore
from muniment.storage.factory import Stores
from muniment.storage.metadata import MetadataStore, ModelId, Transaction

_PIECE: Final = 500
_TRIES: Final = 5


class RegistrySource(Source):
    """All of a registry, or the models that fit a pattern.

    Args:
        models: patterns of names; without any, all models, and the files of runs.
        accounts: whether users, tokens, grants, webhooks and the audit log are to come along, with
            the hashes of passwords and tokens and the secrets of webhooks.
    """

    def __init__(
        self, stores: Stores, *, models: Collection[str] = (), accounts: bool = False
    ) -> None:
        self._stores = stores
        self._models = tuple(models)
        self._accounts = accounts

    @property
    def registry(self) -> str:
        """See `Source`."""
        return registry_id(self._stores.metadata)

    def sheets(self) -> Iterator[Sheet]:
        """See `Source`."""
        store = self._stores.metadata
        yield Sheet.of(WORKSPACES, _workspaces(store, files=not self._models))
        for model in store.all_models():
            if not self._models or any(matches(one, model.name) for one in self._models):
                yield read_model(store, model)
        if self._accounts:
            yield Sheet.of(ACCOUNTS, _accounts(self._stores))

    def again(self, sheet: Sheet) -> Sheet | None:
        """See `Source`."""
        if not sheet.name.startswith(MODELS):
            return None
        store = self._stores.metadata
        model = store.model_by_uuid(sheet.name.removeprefix(MODELS))
        if model is None:
            return None
        now = read_model(store, model)
        if not now.says_the_same(sheet):
            return now
        now.close()
        return None

    def hold(self, digests: Collection[str]) -> None:
        """See `Source`."""
        here = self._stores.metadata.lease_blobs(digests, utcnow())
        for digest in digests:
            if digest not in here:
                raise not_here(digest, "the registry")

    def size(self, digest: str) -> int:
        """See `Source`."""
        stat = self._stores.blobs.stat(digest)
        if stat is None:
            raise not_here(digest, "the registry")
        return stat.size

    def read(self, digest: str) -> Iterator[bytes]:
        """See `Source`."""
        try:
            yield from self._stores.blobs.read(digest)
        except NotFound as error:
            raise not_here(digest, "the registry") from error


def registry_id(store: MetadataStore) -> str:
    """Return the id of a registry: the uuid of its first workspace; "" if it has none."""
    workspaces = {workspace.name: workspace for workspace in store.workspaces()}
    first = workspaces.get(DEFAULT_WORKSPACE) or next(iter(workspaces.values()), None)
    return "" if first is None else first.uuid


# -- models --------------------------------------------------------------------------------------


def read_model(store: MetadataStore, model: RegisteredModel) -> Sheet:
    """Return the sheet of a model as it is at one moment."""
    key = ModelId(model.workspace, model.id)
    for _ in range(_TRIES):
        before = store.model(key)
        if before is None:
            raise Corrupt(f"The model {model.name!r:.200} is gone while it was read.")
        sheet = _sheet(store, before)
        if store.model(key) == before:
            return sheet
        sheet.close()

    def decide(tx: Transaction) -> Sheet:
        return _sheet(store, tx.model() or model)

    return store.transact(key, decide)  # nobody else changes it meanwhile


def _sheet(store: MetadataStore, model: RegisteredModel) -> Sheet:
    belongings = map(documents.belonging_line, store.belongings(model.id))
    activities = map(documents.activity_line, history_of(store, model))
    lines = chain([documents.model_line(model)], belongings, activities)
    return Sheet.of(f"{MODELS}{model.uuid}", lines)


def history_of(store: MetadataStore, model: RegisteredModel) -> Iterator[Activity]:
    """Yield a model's history, as long as it was when `model` was read."""
    after = 0
    while after < model.activity_count:
        piece = store.activities(model.id, after=after, limit=_PIECE)
        if not piece:
            return
        for activity in piece:
            if activity.sequence <= model.activity_count:
                yield activity
        after = piece[-1].sequence


# -- what the sheets need ------------------------------------------------------------------------


def blobs_needed(sheet: Sheet, source: Source) -> dict[str, str]:
    """Return the digests of all blobs that a sheet names, and what each is, for people.

    The manifests among them are read from the source.

    Raises:
        Corrupt: a manifest is not there, or not what its digest says.
    """
    needed: dict[str, str] = {}
    name = ""
    for kind, document in documents.parts(iter(sheet)):
        if kind == "model":
            name = documents.model_from(document).name
        elif kind == "file":
            file = documents.file_from(document, "")
            needed.setdefault(file.digest, f"the file {file.path!r:.200}")
        elif kind == "version" and isinstance(document, dict) and document["digest"] is not None:
            digest, ref = str(document["digest"]), f"{name}/{document['version']}"
            if digest in needed:
                continue
            needed[digest] = f"the manifest of {ref}"
            manifest = read_manifest(source, digest, ref)
            for entry in () if manifest is None else manifest.files:
                needed.setdefault(entry.digest, f"{entry.path!r:.200} of {ref}")
    return needed


def read_manifest(source: Source, digest: str, ref: str) -> Manifest | None:
    """Return the manifest that a version names; None if what it names is no manifest."""
    source.hold([digest])
    content = b"".join(source.read(digest))
    if not content.startswith(b'{"files":['):
        return None
    try:
        return Manifest.parse(content, digest=digest)
    except Corrupt as error:
        raise Corrupt(
            f"The manifest of {ref} is damaged: {error.message}",
            hint=error.hint,
            details={"digest": digest},
        ) from error


# -- the rest ------------------------------------------------------------------------------------


def _workspaces(store: MetadataStore, *, files: bool) -> Iterator[JsonObject]:
    for workspace in store.workspaces():
        yield documents.workspace_line(workspace)
        for stage in store.stages(workspace.name):
            yield {"stage": stage.to_json()}
        if files:
            yield from map(documents.file_line, _files(store, workspace.name))


def _files(store: MetadataStore, workspace: str) -> Iterator[StoredFile]:
    after = ""
    while piece := store.files(workspace, "", after=after, limit=_PIECE):
        yield from piece
        after = piece[-1].path


def _accounts(stores: Stores) -> Iterator[JsonObject]:
    accounts, after = stores.accounts, ""
    while users := accounts.users(after=after, limit=_PIECE):
        yield from map(documents.user_line, users)
        after = users[-1].name
    yield from map(documents.grant_line, accounts.grants())
    tokens = sorted(accounts.tokens(), key=lambda token: (token.created_at, token.id))
    yield from map(documents.token_line, tokens)
    for workspace in stores.metadata.workspaces():
        yield from map(documents.webhook_line, _webhooks(stores, workspace.name))
        for document in stores.metadata.documents(workspace.name):
            yield documents.document_line(workspace.name, document)
    yield from _audit(accounts)


def _webhooks(stores: Stores, workspace: str) -> list[Webhook]:
    """Return the webhooks of a workspace, the oldest first."""
    found: list[Webhook] = []
    while piece := stores.webhooks.webhooks(
        workspace, before=found[-1].id if found else 0, limit=_PIECE
    ):
        found += piece
    return found[::-1]


def _audit(accounts: AccountStore) -> Iterator[JsonObject]:
    head = accounts.audit_head()
    yield {
        "audit": {"first": head.first, "count": head.count, "base": head.base, "head": head.head}
    }
    after = 0
    while after < head.count:
        piece = accounts.audit(after=after, limit=_PIECE)
        if not piece:
            return
        for entry in piece:
            if entry.sequence <= head.count:
                yield documents.activity_line(entry)
        after = piece[-1].sequence
